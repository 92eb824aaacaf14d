/* file.c - files and uploads: bodies, checked, and their objects. */
#include "model/file.h"

#include <stdio.h>
#include <string.h>

enum { LIFE_LEAST = 3600, LIFE_MOST = 2592000, PARTS_MOST = 1000000 };

static const char *const purposes[] = {"fine-tune", "assistants", "batch", "user_data", "vision", "evals", NULL};
static const char *const anchors[] = {"created_at", NULL};

/* --- objects --------------------------------------------------------------------------------------------- */

void file_write(struct jout *o, const struct file_object *f)
{
	jo_obj(o);
	jo_kstr(o, "object", S("file"));
	jo_kstr(o, "id", f->id);
	jo_kstr(o, "purpose", f->purpose);
	jo_kstr(o, "filename", f->filename);
	jo_kint(o, "bytes", f->bytes);
	jo_kint(o, "created_at", f->created_at);
	if (f->expires_at)
		jo_kint(o, "expires_at", f->expires_at);
	else
		jo_knull(o, "expires_at");
	jo_kstr(o, "status", S("processed"));
	jo_knull(o, "status_details");
	jo_obj_end(o);
}

void upload_write(struct jout *o, const struct upload_object *u)
{
	jo_obj(o);
	jo_kstr(o, "id", u->id);
	jo_kstr(o, "object", S("upload"));
	jo_kint(o, "bytes", u->bytes);
	jo_kint(o, "created_at", u->created_at);
	jo_kstr(o, "filename", u->filename);
	jo_kstr(o, "purpose", u->purpose);
	jo_kstr(o, "status", u->status);
	jo_kint(o, "expires_at", u->expires_at);
	if (u->file) {
		jo_key(o, S("file"));
		file_write(o, u->file);
	}
	jo_obj_end(o);
}

/* --- forms ----------------------------------------------------------------------------------------------- */

static bool file_listed(struct str v, const char *const *values)
{
	while (*values && !str_eq(v, str_of(*values)))
		values++;
	return *values != NULL;
}

static int64_t life_of(struct str purpose, int64_t seconds)
{
	return seconds ? seconds : str_eq(purpose, S("batch")) ? FILE_BATCH_SECONDS : 0;
}

static bool file_missing(const char *what, struct err *e)
{
	return fail(e, ERR_MISSING_PARAMETER, what, "Missing required parameter: '%s'.", what);
}

/* The live API's own words for this one, without a code. */
static bool bad_purpose(struct str purpose, struct err *e)
{
	char list[128];
	size_t n = 0;
	for (const char *const *one = purposes; *one; one++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s'%s'", n ? ", " : "", *one);
	return fail(e, ERR_BAD_REQUEST, "purpose", "'%.*s' is not one of [%s] - 'purpose'", FMT(purpose), list);
}

bool file_form_read(const struct file_form *f, int64_t *life, struct err *e)
{
	static const char seconds_name[] = "expires_after[seconds]";
	static const struct field range = {.kind = F_INT, .min = LIFE_LEAST, .max = LIFE_MOST};
	int64_t seconds = 0;
	if (!f->purpose.p)
		return file_missing("purpose", e);
	if (!file_listed(f->purpose, purposes))
		return bad_purpose(f->purpose, e);
	if (f->anchor.p && !file_listed(f->anchor, anchors))
		return field_enum(f->anchor, "expires_after[anchor]", anchors, e);
	if (f->seconds.p && !f->anchor.p)
		return file_missing("expires_after[anchor]", e);
	if (f->anchor.p && !f->seconds.p)
		return file_missing(seconds_name, e);
	if (f->seconds.p) {
		if (!str_int(f->seconds, &seconds))
			return fail(e, ERR_INVALID_TYPE, seconds_name,
				    "Invalid type for '%s': expected an integer, but got a string instead.", seconds_name);
		yyjson_val number = {.tag = YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT, .uni.i64 = seconds};
		if (!field_value(&range, &number, seconds_name, NULL, e))
			return false;
	}
	*life = life_of(f->purpose, seconds);
	return true;
}

bool file_name_read(struct str given, const char *param, struct str *ret, struct err *e)
{
	size_t from = given.n;
	while (from && given.p[from - 1] != '/' && given.p[from - 1] != '\\')
		from--;
	struct str name = {given.p + from, given.n - from};
	if (!name.n || str_eq(name, S(".")) || str_eq(name, S("..")))
		return fail(e, ERR_INVALID_VALUE, param, "Invalid '%s': expected a file with a name.", param);
	if (str_chars(name) > FILE_NAME_CHARS)
		return fail(e, ERR_STRING_TOO_LONG, param,
			    "Invalid '%s': a file's name has at most %d characters, but this one has %zu.", param,
			    FILE_NAME_CHARS, str_chars(name));
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return fail(e, ERR_INVALID_VALUE, param, "Invalid '%s': the file's name has control characters in it.",
				    param);
	*ret = name;
	return true;
}

/* --- uploads --------------------------------------------------------------------------------------------- */

struct life_body {
	int64_t seconds;
};
static const struct field life_fields[] = {
	FIELD_CHECKED("anchor", F_ENUM, .required = true, .values = anchors),
	FIELD(struct life_body, seconds, F_INT, .required = true, .min = LIFE_LEAST, .max = LIFE_MOST),
	FIELD_END,
};
struct create_body {
	struct str filename, purpose, mime_type;
	int64_t bytes;
	yyjson_val *expires_after;
};
static const struct field upload_fields[] = {
	FIELD(struct create_body, filename, F_STR, .required = true, .min = 1),
	FIELD(struct create_body, purpose, F_ENUM, .required = true, .values = purposes),
	FIELD(struct create_body, bytes, F_INT, .required = true, .min = 1, .max = 0),
	FIELD(struct create_body, mime_type, F_STR, .required = true, .min = 1, .max = 255),
	FIELD(struct create_body, expires_after, F_OBJECT, .nullable = true, .sub = life_fields),
	FIELD_END,
};

bool upload_read(yyjson_val *body, int64_t most, struct upload_body *ret, struct err *e)
{
	struct create_body b = {0};
	struct life_body life = {0};
	if (!yyjson_is_obj(body))
		return field_type(body, "", "an object", e);
	if (!fields_read(upload_fields, body, "", NULL, &b, NULL, e))
		return false;
	if (yyjson_is_obj(b.expires_after) &&
	    !fields_read(life_fields, b.expires_after, "expires_after", NULL, &life, NULL, e))
		return false;
	*ret = (struct upload_body){.purpose = b.purpose, .mime_type = b.mime_type, .bytes = b.bytes,
				    .life = life_of(b.purpose, life.seconds)};
	if (b.bytes > most)
		return fail(e, ERR_INT_ABOVE_MAX, "bytes",
			    "Invalid 'bytes': integer above maximum value. Expected a value <= %lld, but got %lld instead.",
			    (long long)most, (long long)b.bytes);
	return file_name_read(b.filename, "filename", &ret->filename, e);
}

static const struct field part_id = {.kind = F_STR, .max = 128};
static const struct field complete_fields[] = {
	FIELD_CHECKED("part_ids", F_ARRAY, .required = true, .min = 1, .max = PARTS_MOST, .item = &part_id),
	FIELD_CHECKED("md5", F_STR, .nullable = true),
	FIELD_END,
};

static bool is_md5(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr("0123456789abcdefABCDEF", s.p[i], 22))
			return false;
	return s.n == 32;
}

bool complete_read(struct arena *a, yyjson_val *body, struct complete_body *ret, struct err *e)
{
	size_t i, max;
	yyjson_val *one;
	if (!yyjson_is_obj(body))
		return field_type(body, "", "an object", e);
	if (!fields_read(complete_fields, body, "", NULL, NULL, NULL, e))
		return false;
	yyjson_val *ids = json_get(body, S("part_ids"));
	*ret = (struct complete_body){.md5 = json_str(json_get(body, S("md5")))};
	if (ret->md5.p && !is_md5(ret->md5))
		return fail(e, ERR_INVALID_VALUE, "md5", "Invalid 'md5': expected 32 hexadecimal digits.");
	ret->part_ids = new_array(a, struct str, yyjson_arr_size(ids));
	yyjson_arr_foreach(ids, i, max, one) ret->part_ids[ret->n++] = json_str(one);
	return true;
}
