/* usage_page.h - a page of usage: rows of the store summed up in the buckets and groups that are asked for. Worker
 * thread. */
#pragma once
#include "usage/usage_ask.h"
#include "wire/jout.h"

/* Reads and writes the answer's JSON. */
bool usage_page(struct store *s, const struct usage_ask *ask, struct arena *a, struct jout *o, struct err *e);
