/* conversations.h - what turns and /v1/conversations have in common. */
#pragma once
#include "api/internal.h"
#include "model/item.h"

/* Decision H's text, and the one for an unknown id; always false. */
bool conversation_locked(struct err *e);
bool conversation_not_found(struct str id, struct err *e);

/* turn_save.c: an item that the client sent, as it is kept: with a key of ours, in the arena. */
struct turn_item item_record(struct arena *a, const struct item *it);
/* responses.c: answers with a page of items, each given as its JSON. */
void answer_list(struct request *rq, const struct str *json, size_t n, bool has_more);
/* Reads after, limit and order; `known` lists the parameters there may be. */
struct page_query;
bool page_read(struct request *rq, const char *const *known, struct page_query *q, struct err *e);
