/* conversation.c - bodies of /v1/conversations, checked, and the conversation object. */
#include "model/conversation.h"

#include "model/parts.h"

#define METADATA FIELD_CHECKED("metadata", F_MAP, .nullable = true, .max = 16, .max_key = 64, .max_val = 512)

static const struct field create_fields[] = {
	FIELD_CHECKED("items", F_ARRAY, .nullable = true, .max = CONVERSATION_ITEMS_MAX),
	METADATA,
	LAST_FIELD,
};
static const struct field update_fields[] = {
	FIELD_CHECKED("metadata", F_MAP, .required = true, .nullable = true, .max = 16, .max_key = 64, .max_val = 512),
	LAST_FIELD,
};
static const struct field items_fields[] = {
	FIELD_CHECKED("items", F_ARRAY, .required = true, .min = 1, .max = CONVERSATION_ITEMS_MAX),
	LAST_FIELD,
};

static const struct field *const tables[] = {
	[CONVERSATION_CREATE] = create_fields,
	[CONVERSATION_UPDATE] = update_fields,
	[CONVERSATION_ITEMS] = items_fields,
};

/* Ids are looked for among 20 at most. */
static bool known_id(const struct conversation_body *b, struct str id)
{
	for (size_t i = 0; i < b->n_items; i++)
		if (id.n && str_eq(b->items[i].id, id))
			return true;
	return false;
}

static bool items_read(struct arena *a, yyjson_val *items, struct conversation_body *ret, struct err *e)
{
	char place[128];
	size_t i, max;
	yyjson_val *one;
	struct item it;
	ret->items = new_array(a, struct item, yyjson_arr_size(items) + 1);
	yyjson_arr_foreach(items, i, max, one)
	{
		field_index(place, "items", i);
		if (!item_read_any(a, one, place, &it, e))
			return false;
		if (known_id(ret, it.id))
			return fail(e, ERR_BAD_REQUEST, "items",
				    "Duplicate item found with id %.*s. Remove duplicate items from your input and try again.",
				    FMT(it.id));
		ret->items[ret->n_items++] = it;
	}
	return true;
}

bool conversation_read(struct arena *a, yyjson_val *body, enum conversation_form form, struct conversation_body *ret,
                       struct err *e)
{
	if (!yyjson_is_obj(body))
		return field_type(body, "", "an object", e);
	if (!fields_read(tables[form], body, "", NULL, NULL, NULL, e))
		return false;
	yyjson_val *metadata = json_get(body, S("metadata"));
	*ret = (struct conversation_body){.metadata = yyjson_obj_size(metadata) ? json_text(a, metadata) : S("{}")};
	return items_read(a, json_get(body, S("items")), ret, e);
}

void conversation_write(struct jout *o, struct str id, int64_t created_at, struct str metadata)
{
	jo_obj(o);
	jo_kstr(o, "id", id);
	jo_kstr(o, "object", S("conversation"));
	jo_kint(o, "created_at", created_at);
	jo_kraw(o, "metadata", metadata);
	jo_obj_end(o);
}
