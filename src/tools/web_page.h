/* web_page.h - pages of the web: fetched or out of the cache, and places in them. Inside tools/ alone; worker thread. */
#pragma once
#include "tools/tool.h"
#include "tools/web_cache.h"

/* The page at `url`, in run->arena; a fresh one of the cache saves fetching, and with `only` nothing is fetched.
 * false: toolrun_fail() has said why. */
bool web_page_load(struct toolrun *run, struct str url, bool only, struct web_page *ret);
/* The places of `text` where `pattern` stands (in ASCII without regard to case), at most web_limits.found, with what
 * is around them, in run->arena; *n (0 before): how many. */
struct str web_page_places(struct toolrun *run, struct str text, struct str pattern, size_t *n);
/* The first `max` bytes of the text, never half a character. */
struct str web_text_cut(struct str text, size_t max);
