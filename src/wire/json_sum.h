/* json_sum.h - a JSON value that comes in pieces, added up as clients add up the deltas of a stream.
 *
 * Objects join member by member, in the order in which members first came. Elements of arrays that are objects with
 * the same `index` join; others follow one another. Strings join, but for those that name something (type, id, format
 * ...) and for one that says the whole so far once more. Of numbers and booleans the last counts; null says nothing.
 * Pieces may be added up in several steps. Pure. */
#pragma once
#include "wire/json.h"

/* One piece to a list of pieces. */
void json_piece(struct buf *pieces, struct str json);
/* Appends the sum of `pieces` (JSON values joined by commas); "" appends nothing. false: they are no JSON. */
bool json_sum(struct jout *o, struct str pieces);
/* The same of values that were read. */
void json_sum_of(struct jout *o, yyjson_val **values, size_t n);
