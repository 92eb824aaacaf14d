/* recording_cite.h - a message's text as the model wrote it: its marks [1] instead of the citations that were made of
 * them. Pure. */
#pragma once
#include "model/item.h"

/* The message with such texts, in `a`; itself where nothing is cited. `items`: those that say which number a source
 * has. */
yyjson_val *recording_uncited(struct arena *a, const struct item *message, const struct item *items, size_t n);
