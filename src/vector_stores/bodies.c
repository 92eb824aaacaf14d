/* bodies.c - bodies and queries of /v1/vector_stores, and the objects that answer. */
#include "vector_stores/bodies.h"

#include "base/clock.h"
#include "door/lists.h"
#include "wire/fields.h"

enum { DEFAULT_SIZE = 800, DEFAULT_OVERLAP = 400, SIZE_LEAST = 100, SIZE_MOST = 4096 };

/* --- stores ------------------------------------------------------------------------------------------------------ */

static const char *const anchors[] = {"last_active_at", NULL};
static const struct field expires_fields[] = {
    FIELD_CHECKED("anchor", F_ENUM, .required = true, .values = anchors),
    FIELD_CHECKED("days", F_INT, .required = true, .min = 1, .max = 365),
    FIELD_END,
};
static const struct field string_item = {.kind = F_STR, .at = -1, .has_at = -1, .min = 1, .max = 128};
static field_check strategy_check, attributes_check;

#define METADATA FIELD_CHECKED("metadata", F_MAP, .nullable = true, .max = 16, .max_key = 64, .max_val = 512)
#define EXPIRES FIELD_CHECKED("expires_after", F_OBJECT, .nullable = true, .sub = expires_fields)
#define NAME FIELD_CHECKED("name", F_STR, .nullable = true, .max = 1024)
#define STRATEGY FIELD_CHECKED("chunking_strategy", F_OBJECT, .nullable = true, .check = strategy_check)
#define ATTRIBUTES(...) FIELD_CHECKED("attributes", F_OBJECT, .nullable = true, .check = attributes_check, __VA_ARGS__)

static const struct field create_fields[] = {
    FIELD_CHECKED("file_ids", F_ARRAY, .nullable = true, .max = CREATE_FILES, .item = &string_item),
    NAME,
    FIELD_CHECKED("description", F_STR, .nullable = true, .max = 4096),
    EXPIRES,
    STRATEGY,
    METADATA,
    FIELD_END,
};
static const struct field update_fields[] = {NAME, EXPIRES, METADATA, FIELD_END};

bool store_body_read(struct arena *a, yyjson_val *body, bool create, struct store_body *ret, struct err *e)
{
	*ret = (struct store_body){0};
	if (!fields_read(create ? create_fields : update_fields, body, "", NULL, NULL, NULL, e))
		return false;
	yyjson_val *metadata = json_get(body, S("metadata")), *expires = json_get(body, S("expires_after"));
	ret->has_name = json_get(body, S("name")) != NULL;
	ret->name = json_str(json_get(body, S("name")));
	ret->description = json_str(json_get(body, S("description")));
	if (metadata)
		ret->metadata = yyjson_obj_size(metadata) ? json_text(a, metadata) : S("{}");
	ret->has_days = expires != NULL;
	ret->days = yyjson_get_sint(json_get(expires, S("days")));
	return true;
}

/* --- files ------------------------------------------------------------------------------------------------------- */

static const char *const strategies[] = {"auto", "static", NULL};
static const struct field static_fields[] = {
    FIELD_CHECKED("max_chunk_size_tokens", F_INT, .required = true, .min = SIZE_LEAST, .max = SIZE_MOST),
    FIELD_CHECKED("chunk_overlap_tokens", F_INT, .required = true, .min = 0, .max = SIZE_MOST / 2),
    FIELD_END,
};
static const struct field auto_strategy_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = strategies),
    FIELD_END,
};
static const struct field static_strategy_fields[] = {
    FIELD_CHECKED("type", F_ENUM, .required = true, .values = strategies),
    FIELD_CHECKED("static", F_OBJECT, .required = true, .sub = static_fields),
    FIELD_END,
};

static void strategy_of(yyjson_val *v, struct vector_file *f)
{
	yyjson_val *given = json_get(v, S("static"));
	f->chunk_size = DEFAULT_SIZE;
	f->chunk_overlap = DEFAULT_OVERLAP;
	if (!given)
		return;
	f->chunk_size = (int64_t)yyjson_get_num(json_get(given, S("max_chunk_size_tokens")));
	f->chunk_overlap = (int64_t)yyjson_get_num(json_get(given, S("chunk_overlap_tokens")));
}

static bool strategy_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	struct vector_file f;
	char place[128];
	bool fixed = str_eq(json_str(json_get(v, S("type"))), S("static"));
	if (!fields_read(fixed ? static_strategy_fields : auto_strategy_fields, v, path, NULL, NULL, ctx, e))
		return false;
	strategy_of(v, &f);
	field_path(place, path, "static.chunk_overlap_tokens");
	return f.chunk_overlap <= f.chunk_size / 2 ||
	       fail(e, ERR_INVALID_VALUE, place,
		    "Invalid '%s': it must not be more than half of max_chunk_size_tokens.", place);
}

static bool attribute_check(yyjson_val *v, const char *place, struct err *e)
{
	enum { VALUE_MOST = 512 };
	if (yyjson_is_str(v))
		return str_chars(json_str(v)) <= VALUE_MOST || fail(e, ERR_STRING_TOO_LONG, place,
								    "Invalid '%s': string too long. Expected a string "
								    "with maximum length %d, but got a string with "
								    "length %zu instead.",
								    place, VALUE_MOST, str_chars(json_str(v)));
	return yyjson_is_num(v) || yyjson_is_bool(v) || field_type(v, place, "a string, a number or a boolean", e);
}

static bool attributes_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	enum { KEYS_MOST = 16, KEY_MOST = 64 };
	size_t i, max;
	yyjson_val *key, *one;
	if (yyjson_obj_size(v) > KEYS_MOST)
		return fail(
		    e, ERR_OBJECT_TOO_BIG, path,
		    "Invalid '%s': too many properties. Expected an object with at most %d properties, but got an "
		    "object with %zu properties instead.",
		    path, KEYS_MOST, yyjson_obj_size(v));
	yyjson_obj_foreach(v, i, max, key, one)
	{
		char place[128];
		if (!field_key(place, path, json_str(key), KEY_MOST, e) || !attribute_check(one, place, e))
			return false;
	}
	return true;
}

static const struct field one_fields[] = {
    FIELD_CHECKED("file_id", F_STR, .required = true, .min = 1, .max = 128),
    STRATEGY,
    ATTRIBUTES(.required = false),
    FIELD_END,
};
static const struct field batch_fields[] = {
    FIELD_CHECKED("file_ids", F_ARRAY, .nullable = true, .min = 1, .max = BATCH_FILES, .item = &string_item),
    FIELD_CHECKED("files", F_ARRAY, .nullable = true, .min = 1, .max = BATCH_FILES, .sub = one_fields),
    STRATEGY,
    ATTRIBUTES(.required = false),
    FIELD_END,
};
static const struct field attributes_fields[] = {ATTRIBUTES(.required = true), FIELD_END};

static struct str attributes_of(struct arena *a, yyjson_val *owner)
{
	yyjson_val *v = json_get(owner, S("attributes"));
	return yyjson_obj_size(v) ? json_text(a, v) : S("{}");
}

/* A file named twice is attached once, as it was named first. */
static bool add_file(struct file_list *l, struct str id, const struct vector_file *like, struct err *e)
{
	struct vector_file f = *like;
	if (!id_parse(id, "file-", &f.file))
		return fail(e, ERR_NOT_FOUND, NULL, "No such File object: %.*s", FMT(id));
	for (size_t i = 0; i < l->n; i++)
		if (l->files[i].file.key == f.file.key)
			return true;
	l->files[l->n++] = f;
	return true;
}

/* `file_ids` with one strategy and one set of attributes for all. */
static bool ids_read(struct arena *a, yyjson_val *body, struct file_list *ret, struct err *e)
{
	yyjson_val *ids = json_get(body, S("file_ids")), *one;
	struct vector_file like = {.attributes = attributes_of(a, body)};
	size_t i, max;
	strategy_of(json_get(body, S("chunking_strategy")), &like);
	*ret = (struct file_list){.files = new_array(a, struct vector_file, yyjson_arr_size(ids) + 1)};
	yyjson_arr_foreach(ids, i, max, one)
	{
		if (!add_file(ret, json_str(one), &like, e))
			return false;
	}
	return true;
}

bool create_files_read(struct arena *a, yyjson_val *body, struct file_list *ret, struct err *e)
{
	return ids_read(a, body, ret, e);
}

static bool add_file_object(struct arena *a, yyjson_val *one, struct file_list *ret, struct err *e)
{
	struct vector_file like = {.attributes = attributes_of(a, one)};
	strategy_of(json_get(one, S("chunking_strategy")), &like);
	return add_file(ret, json_str(json_get(one, S("file_id"))), &like, e);
}

bool one_file_read(struct arena *a, yyjson_val *body, struct file_list *ret, struct err *e)
{
	*ret = (struct file_list){.files = new_array(a, struct vector_file, 1)};
	return fields_read(one_fields, body, "", NULL, NULL, NULL, e) && add_file_object(a, body, ret, e);
}

bool batch_read(struct arena *a, yyjson_val *body, struct file_list *ret, struct err *e)
{
	yyjson_val *files = json_get(body, S("files")), *ids = json_get(body, S("file_ids")), *one;
	size_t i, max;
	if (!fields_read(batch_fields, body, "", NULL, NULL, NULL, e))
		return false;
	if (yyjson_is_arr(files) && yyjson_is_arr(ids))
		return fail(e, ERR_MUTUALLY_EXCLUSIVE, "files",
			    "Mutually exclusive parameters: 'file_ids' and 'files' cannot both be given.");
	if (!yyjson_is_arr(files) && !yyjson_is_arr(ids))
		return fail(e, ERR_MISSING_PARAMETER, "file_ids", "Missing required parameter: 'file_ids'.");
	if (yyjson_is_arr(ids))
		return ids_read(a, body, ret, e);
	if (json_get(body, S("attributes")) || json_get(body, S("chunking_strategy")))
		return fail(
		    e, ERR_PARAMETER_COMBINATION, "files",
		    "'attributes' and 'chunking_strategy' go with 'file_ids'; with 'files' each file has its own.");
	*ret = (struct file_list){.files = new_array(a, struct vector_file, yyjson_arr_size(files))};
	yyjson_arr_foreach(files, i, max, one)
	{
		if (!add_file_object(a, one, ret, e))
			return false;
	}
	return true;
}

bool attributes_read(struct arena *a, yyjson_val *body, struct str *ret, struct err *e)
{
	if (!fields_read(attributes_fields, body, "", NULL, NULL, NULL, e))
		return false;
	*ret = attributes_of(a, body);
	return true;
}

/* --- lists ------------------------------------------------------------------------------------------------------- */

static const char *const states[] = {"in_progress", "completed", "failed", "cancelled", NULL};

bool list_query_read(struct request *rq, struct arena *a, bool filter, struct vector_query *ret, struct err *e)
{
	static const char *const known[] = {"after", "before", "limit", "order", NULL};
	static const char *const with_filter[] = {"after", "before", "limit", "order", "filter", NULL};
	struct str status = query_get(rq, "filter", NULL);
	struct page_query q;
	if (!page_read(rq, filter ? with_filter : known, &q, e))
		return false;
	*ret = (struct vector_query){.limit = q.limit, .ascending = q.ascending};
	for (int i = 0; status.p && states[i]; i++)
		if (str_eq(status, str_of(states[i])))
			ret->status = (enum vector_status)(i + 1);
	if (status.p && !ret->status)
		return field_enum(status, "filter", states, e);
	if (q.after.n)
		ret->after = str_copy(a, q.after);
	if (q.before.n)
		ret->before = str_copy(a, q.before);
	return true;
}

/* --- objects ----------------------------------------------------------------------------------------------------- */

static void counts_write(struct jout *o, const struct vector_counts *c)
{
	int64_t total = 0;
	jo_key(o, S("file_counts"));
	jo_obj(o);
	for (int i = 0; states[i]; i++) {
		jo_key(o, str_of(states[i]));
		jo_int(o, c->n[i + 1]);
		total += c->n[i + 1];
	}
	jo_kint(o, "total", total);
	jo_obj_end(o);
}

void vector_store_write(struct jout *o, const struct vector_store *v)
{
	char id[ID_MAX];
	int64_t expires = vector_store_expires(v);
	const char *status = vector_store_expired(v)           ? "expired"
			     : v->counts.n[VECTOR_IN_PROGRESS] ? "in_progress"
							       : "completed";
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "vs", &v->id));
	jo_kstr(o, "object", S("vector_store"));
	jo_kint(o, "created_at", v->created_at);
	jo_kstr(o, "name", v->name);
	jo_kstr(o, "description", v->description);
	jo_kint(o, "usage_bytes", v->counts.bytes);
	counts_write(o, &v->counts);
	jo_kstr(o, "status", str_of(status));
	jo_key(o, S("expires_after"));
	if (v->expire_days) {
		jo_obj(o);
		jo_kstr(o, "anchor", S("last_active_at"));
		jo_kint(o, "days", v->expire_days);
		jo_obj_end(o);
		jo_kint(o, "expires_at", expires);
	} else {
		jo_null(o);
		jo_knull(o, "expires_at");
	}
	jo_kint(o, "last_active_at", v->active_at);
	jo_kraw(o, "metadata", v->metadata);
	jo_obj_end(o);
}

void vector_file_write(struct jout *o, const struct vector_store *v, const struct vector_file *f)
{
	char id[ID_MAX];
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "file-", &f->file));
	jo_kstr(o, "object", S("vector_store.file"));
	jo_kint(o, "usage_bytes", f->bytes);
	jo_kint(o, "created_at", f->created_at);
	jo_kstr(o, "vector_store_id", id_text(id, "vs", &v->id));
	jo_kstr(o, "status", str_of(states[f->status - 1]));
	jo_key(o, S("last_error"));
	if (f->status == VECTOR_FAILED) {
		jo_obj(o);
		jo_kstr(o, "code", f->fault);
		jo_kstr(o, "message", f->reason);
		jo_obj_end(o);
	} else {
		jo_null(o);
	}
	jo_key(o, S("chunking_strategy"));
	jo_obj(o);
	jo_kstr(o, "type", S("static"));
	jo_key(o, S("static"));
	jo_obj(o);
	jo_kint(o, "max_chunk_size_tokens", f->chunk_size);
	jo_kint(o, "chunk_overlap_tokens", f->chunk_overlap);
	jo_obj_end(o);
	jo_obj_end(o);
	jo_kraw(o, "attributes", f->attributes);
	jo_obj_end(o);
}

void vector_batch_write(struct jout *o, const struct vector_store *v, const struct vector_batch *b)
{
	char id[ID_MAX];
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "vsfb", &b->id));
	jo_kstr(o, "object", S("vector_store.file_batch"));
	jo_kint(o, "created_at", b->created_at);
	jo_kstr(o, "status",
		b->cancelled                      ? S("cancelled")
		: b->counts.n[VECTOR_IN_PROGRESS] ? S("in_progress")
						  : S("completed"));
	jo_kstr(o, "vector_store_id", id_text(id, "vs", &v->id));
	counts_write(o, &b->counts);
	jo_obj_end(o);
}
