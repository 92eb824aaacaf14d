/* html.h - a web page as text that can be read.
 *
 * Parsed as browsers do (HTML5, libgumbo); scripts, styles, forms and what only navigates are left out. Pure; any
 * thread. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

struct page_text {
	struct str title, text; /* UTF-8, in the arena that was given; title {0}: none */
	bool cut;               /* there was more */
};

/* `html` in UTF-8 (other bytes become U+FFFD); at most `max` bytes of text. false: more than the bounds of html.c let
 * be parsed. */
bool html_text(struct arena *a, struct str html, size_t max, struct page_text *ret);
