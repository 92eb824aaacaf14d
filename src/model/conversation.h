/* conversation.h - bodies of /v1/conversations, checked, and the conversation object. Pure.
 *
 * A conversation keeps items of every type, also of those that no request of this version may carry. */
#pragma once
#include "model/item.h"

enum conversation_form { CONVERSATION_CREATE, CONVERSATION_UPDATE, CONVERSATION_ITEMS };

struct conversation_body {
	struct str metadata; /* a JSON object */
	struct item *items;
	size_t n_items;
};

enum { CONVERSATION_ITEMS_MAX = 20 }; /* of one request: OpenAI's limit */

/* `body` must outlive *ret. */
bool conversation_read(struct arena *a, yyjson_val *body, enum conversation_form form, struct conversation_body *ret,
                       struct err *e);
/* {"id","object","created_at","metadata"} */
void conversation_write(struct jout *o, struct str id, int64_t created_at, struct str metadata);

/* What `include` may name, NULL-terminated. */
extern const char *const include_values[];
