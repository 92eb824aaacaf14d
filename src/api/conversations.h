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
/* responses.c: a page of items, each given as its JSON. */
void list_write(struct buf *b, struct arena *a, const struct str *json, size_t n, bool has_more);
/* conversations.c: refuses values of include[] that the API does not know. All that it knows are taken: what they ask
 * for is there, or belongs to items that are not. */
bool include_read(struct request *rq, struct err *e);
/* Reads after, limit and order; `known` lists the parameters there may be. */
struct page_query;
bool page_read(struct request *rq, const char *const *known, struct page_query *q, struct err *e);
