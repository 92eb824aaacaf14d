/* transcript.h - a conversation as one text, for a model that is to sum it up.
 *
 * One text and not messages: calls that wait for their output, pictures and roles that a template refuses can be
 * told of in words. Pure. */
#pragma once
#include "model/item.h"

/* At most `most` bytes or a little more: long pieces lose their middle, then the oldest go, but never the summary of
 * an earlier compaction. Reasoning and what only steers is left out. In `a`. */
struct str transcript_write(struct arena *a, const struct item *items, size_t n, size_t most);
/* The calls that have no output yet, those within compactions too (opened items, encrypted.h); in `a`. */
struct item *transcript_open_calls(struct arena *a, const struct item *items, size_t n, size_t *ret_n);
