/* conversations.h - what turns and /v1/conversations have in common. */
#pragma once
#include "api/internal.h"
#include "model/item.h"

/* Decision H's text, and the one for an unknown id; always false. */
bool conversation_locked(struct err *e);
bool conversation_not_found(struct str id, struct err *e);

/* Forgets the requests of this loop whose clients left. */
void conversations_cancel(struct api_loop *al);
/* turn_save.c: an item that the client sent, as it is kept: with a key of ours, in the arena. */
struct turn_item item_record(struct arena *a, const struct item *it);
/* responses.c: a page of items, each given as its JSON; `show`: item_show.h. */
void list_write(struct buf *b, struct arena *a, const struct str *json, size_t n, bool has_more, unsigned show);
/* The query's `include`: what it asks for beyond what is always shown (item_show.h). */
bool include_read(struct request *rq, unsigned *show, struct err *e);
/* Reads after, limit and order; `known` lists the parameters there may be. */
struct page_query;
bool page_read(struct request *rq, const char *const *known, struct page_query *q, struct err *e);
