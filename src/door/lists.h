/* lists.h - pages of lists: what the query asks for, and how a page of items is written. Loop thread. */
#pragma once
#include "door/request.h"
#include "door/resource.h"
#include "store/store.h"

/* A page of items, each given as its JSON; `show`: item_show.h. */
void list_write(struct buf *b, struct arena *a, const struct str *json, size_t n, bool has_more, unsigned show);
/* The query's `include`: what it asks for beyond what is always shown (item_show.h). */
bool include_read(struct request *rq, unsigned *show, struct err *e);
/* Reads after, limit and order; `known` lists the parameters there may be. */
struct page_query;
bool page_read(struct request *rq, const char *const *known, struct page_query *q, struct err *e);
/* The same where the limit may be less than 1. */
bool page_read_from(struct request *rq, const char *const *known, int64_t least, struct page_query *q, struct err *e);
