/* conversation.h - conversations: ordered lists of items that turns and clients add to.
 *
 * A conversation holds its items by position, read by index; a turn appends its input and output in the
 * transaction that keeps it (record.h). The context of its last turn is its tip: the next turn's context
 * continues that one, so that a turn writes what is new, whatever stands before. Who reads a conversation in
 * order to add to it, or takes items away, holds its lease (lease.h). Rules as in store.h; an unknown id, or one of
 * another project, is ERR_NOT_FOUND: "Conversation with id 'x' not found." */
#pragma once
#include "store/store.h"

struct stored_conversation {
	struct id id;
	int64_t created_at;
	struct str metadata; /* a JSON object */
	int64_t tip;         /* key of the context that is its first n_tip items; 0: none */
	size_t n_tip;
};
void store_get_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			    struct stored_conversation *ret);
/* For continuing: all its items, *items as a context that stands on the tip (key, n_output: 0). */
void store_get_conversation_context(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				    struct arena *a, struct stored_conversation *ret, struct stored_context *items);
/* A page; `before` is not used. */
void store_list_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str id,
			     const struct page_query *q, struct arena *a, struct stored_page *ret);
/* One item by its id, ours or foreign. */
void store_get_conversation_item(struct store_port *p, struct store_op *op, int64_t project, struct str id,
				 struct str item, struct arena *a, struct stored_item *ret);

struct conversation_record {
	int64_t project;
	struct id id;
	int64_t created_at;   /* seconds */
	struct str metadata;
	const struct turn_item *items; /* those without json are items of the project that are there already */
	size_t n_items;
};
void store_put_conversation(struct store_port *p, struct store_op *op, const struct conversation_record *c);
void store_set_metadata(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct str metadata);
/* Hides at once. Responses keep what they stand on; items that nothing else holds go with it. */
void store_delete_conversation(struct store_port *p, struct store_op *op, int64_t project, struct str id);

struct conversation_lease; /* lease.h */
/* Appends; takes the held lease over. An item with a foreign id that the conversation has is
 * ERR_BAD_REQUEST. */
void store_add_items(struct store_port *p, struct store_op *op, struct conversation_lease *l, int64_t project,
		     struct str id, const struct turn_item *items, size_t n);
/* Takes an item out of the conversation; takes the held lease over. *ret: the conversation. */
void store_remove_item(struct store_port *p, struct store_op *op, struct conversation_lease *l, int64_t project,
		       struct str id, struct str item, struct arena *a, struct stored_conversation *ret);

/* --- inside store/ --- */
struct store_request;
enum { CONVERSATION_CHANGES = 3, CONVERSATION_BINDS = 12 }; /* of one conversation_add(), at most */
/* Appends an item to a conversation, unless it is there or the conversation is not. `kept`: the same list
 * inserts the item for its context. */
void conversation_add(struct store_request *r, int64_t project, int64_t conversation, const struct turn_item *it,
		      bool kept);
size_t conversation_bytes(const struct turn_item *items, size_t n);
