/* webhook.c - webhook endpoints and events as they look outside. */
#include "model/webhook.h"

#include "wire/fields.h"

enum { NAME_MOST = 256, URL_MOST = 2048 };

const char *const webhook_types[] = {
#define WEBHOOK(type, prefix) type,
#include "model/webhook.def"
#undef WEBHOOK
	NULL,
};

static const char *const prefixes[] = {
#define WEBHOOK(type, prefix) prefix,
#include "model/webhook.def"
#undef WEBHOOK
};

static const struct field type_item = {.kind = F_ENUM, .at = -1, .has_at = -1, .values = webhook_types};

#define TYPES(...) FIELD_CHECKED("event_types", F_ARRAY, .min = 1, .max = 64, .item = &type_item, __VA_ARGS__)
#define NAME(...) FIELD(struct webhook_body, name, F_STR, .min = 1, .max = NAME_MOST, __VA_ARGS__)
#define URL(...) FIELD(struct webhook_body, url, F_STR, .min = 1, .max = URL_MOST, __VA_ARGS__)

static const struct field create_fields[] = {
	TYPES(.required = true),
	NAME(.required = true),
	URL(.required = true),
	FIELD_END,
};
static const struct field update_fields[] = {
	TYPES(.required = false),
	NAME(.required = false),
	URL(.required = false),
	FIELD_END,
};
static const struct field rotate_fields[] = {
	{.name = STR("keep_old_secret_active_for_24_hours"), .kind = F_BOOL, .has_at = -1,
	 .at = (int)offsetof(struct webhook_body, keep_old_secret)},
	FIELD_END,
};
static const struct field test_fields[] = {
	FIELD(struct webhook_body, event_type, F_ENUM, .required = true, .values = webhook_types),
	FIELD_END,
};

static const struct field *const tables[] = {
	[WEBHOOK_CREATE] = create_fields,
	[WEBHOOK_UPDATE] = update_fields,
	[WEBHOOK_ROTATE] = rotate_fields,
	[WEBHOOK_TEST] = test_fields,
};

/* Given twice is given once. */
static struct str types_text(struct arena *a, yyjson_val *list)
{
	struct buf b;
	size_t i, max;
	yyjson_val *one;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	jo_arr(&o);
	yyjson_arr_foreach(list, i, max, one)
	{
		bool before = false;
		for (size_t k = 0; k < i; k++)
			before |= str_eq(json_str(yyjson_arr_get(list, k)), json_str(one));
		if (!before)
			jo_str(&o, json_str(one));
	}
	jo_arr_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

bool webhook_read(struct arena *a, yyjson_val *body, enum webhook_form form, struct webhook_body *ret, struct err *e)
{
	*ret = (struct webhook_body){0};
	if (!yyjson_is_obj(body))
		return field_type(body, "", "an object", e);
	if (!fields_read(tables[form], body, "", NULL, ret, NULL, e))
		return false;
	yyjson_val *types = json_get(body, S("event_types"));
	if (types)
		ret->types = types_text(a, types);
	return true;
}

void webhook_write(struct jout *o, const struct webhook_object *w)
{
	jo_obj(o);
	jo_kstr(o, "id", w->id);
	jo_kstr(o, "object", S("webhook_endpoint"));
	jo_kint(o, "created_at", w->created_at);
	jo_kint(o, "updated_at", w->updated_at);
	jo_kstr(o, "name", w->name);
	jo_kstr(o, "url", w->url);
	jo_kraw(o, "event_types", w->types);
	if (w->secret.p)
		jo_kstr(o, "signing_secret", w->secret);
	jo_kstr(o, "signing_secret_hint", w->hint);
	jo_obj_end(o);
}

const char *webhook_prefix(struct str type)
{
	for (size_t i = 0; webhook_types[i]; i++)
		if (str_eq(str_of(webhook_types[i]), type))
			return prefixes[i];
	return "evt";
}

void webhook_event_write(struct jout *o, struct str id, int64_t created_at, struct str type, struct str subject)
{
	jo_obj(o);
	jo_kstr(o, "id", id);
	jo_kstr(o, "object", S("event"));
	jo_kint(o, "created_at", created_at);
	jo_kstr(o, "type", type);
	jo_key(o, S("data"));
	jo_obj(o);
	jo_kstr(o, "id", subject);
	jo_obj_end(o);
	jo_obj_end(o);
}
