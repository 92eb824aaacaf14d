/* extract.h - what was fetched or sent, as text: one row a kind of content (extract.c). What a library has to
 * parse is parsed in a box (reader.h). Blocks: worker threads. */
#pragma once
#include "base/err.h"
#include "index/html.h"

/* By the Content-Type as sent ("text/html; charset=latin1"; {0}: told from the bytes). At most `max` bytes of text,
 * `seconds` of reading where that needs a box.
 * ERR_MEDIA_TYPE: a kind that no row reads, or whose bytes are none of it, or there is no box here; its message says which. */
bool extract_text(struct arena *a, struct str content_type, struct str body, size_t max, int64_t seconds, struct page_text *ret,
		  struct err *e);
