/* parts.c - content parts, and unions told apart by `type`. */
#include "model/parts.h"

#include <string.h>

const char *const status_values[] = {"in_progress", "completed", "incomplete", NULL};

bool later(struct err *e, const char *path, const char *what)
{
	return fail(e, ERR_UNSUPPORTED_PARAMETER, path,
		    "Unsupported parameter: '%s'. This version does not serve %s yet; a later one brings them.", path,
		    what);
}

bool variant_read(const struct variant *table, yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	enum { MOST = 48 };
	const char *values[MOST + 1];
	size_t n = 0;
	if (!yyjson_is_obj(v))
		return field_type(v, path, "an object", e);
	yyjson_val *type = json_get(v, S("type"));
	if (!type) {
		char place[128];
		field_path(place, path, "type");
		return fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
	}
	for (const struct variant *row = table; row->type; row++)
		if (str_eq(json_str(type), str_of(row->type)))
			return fields_read(row->fields, v, path, row->tolerated, NULL, ctx, e);
	for (; table[n].type && n < MOST; n++)
		values[n] = table[n].type;
	values[n] = NULL;
	return field_enum(json_str(type), path, values, e);
}

bool text_or_parts(yyjson_val *v, const char *path, const struct field *part, const char *expected, void *ctx,
                   struct err *e)
{
	struct field text = {.kind = F_STR, .max = TEXT_MAX}, parts = {.kind = F_ARRAY, .item = part};
	if (yyjson_is_str(v))
		return field_value(&text, v, path, ctx, e);
	if (yyjson_is_arr(v))
		return field_value(&parts, v, path, ctx, e);
	return field_type(v, path, expected, e);
}

/* --- checks of images and files -------------------------------------------------------------------------- */

/* The media type of "data:<type>[;...],": {0} when `url` is no data URL. */
static struct str data_type(struct str url)
{
	if (url.n < 5 || !str_eq_nocase((struct str){url.p, 5}, S("data:"))) /* RFC 3986, 3.1: in any case */
		return (struct str){0};
	struct str rest = {url.p + 5, url.n - 5};
	size_t end = 0;
	while (end < rest.n && end < 100 && rest.p[end] != ';' && rest.p[end] != ',')
		end++;
	return (struct str){rest.p, end};
}

static bool image_url(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	struct str url = json_str(v), type = data_type(url);
	if (type.p && !(type.n > 6 && str_eq_nocase((struct str){type.p, 6}, S("image/"))))
		return fail(e, ERR_INVALID_VALUE, path,
			    "Invalid '%s'. Expected a base64-encoded data URL with an image MIME type (e.g. "
			    "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got unsupported MIME type '%.*s'.",
			    path, FMT(type));
	if (type.p || str_starts(url, S("https://")) || str_starts(url, S("http://")))
		return true;
	return fail(e, ERR_INVALID_VALUE, path,
		    "Invalid '%s'. Expected a valid URL, but got a value with an invalid format.", path);
}

static bool file_data(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const char expected[] = "Expected a base64-encoded data URL with a valid file MIME type (e.g. "
				       "'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ==')";
	struct str type = data_type(json_str(v));
	if (!type.p)
		return fail(e, ERR_INVALID_VALUE, path,
			    "Invalid file data: '%s'. %s, but got a value without the 'data:' prefix.", path, expected);
	if (str_starts(type, S("audio/")) || str_starts(type, S("video/")) || str_starts(type, S("image/")))
		return fail(e, ERR_INVALID_VALUE, path,
			    "Invalid file data: '%s'. %s, but got unsupported MIME type '%.*s'. Please see "
			    "https://platform.openai.com/docs/assistants/tools/file-search#supported-files for "
			    "supported file types.",
			    path, expected, FMT(type));
	return true;
}

static bool parts_given(yyjson_val *obj, const char *name)
{
	yyjson_val *v = json_get(obj, str_of(name));
	return v && !yyjson_is_null(v);
}

/* Exactly one of `names` (NULL-terminated); `list` is how the text names them. */
static bool exactly_one(yyjson_val *obj, const char *const *names, const char *list, const char *path, struct err *e)
{
	int n = 0;
	for (; *names; names++)
		n += parts_given(obj, *names);
	if (n == 0)
		return fail(e, ERR_MUTUALLY_EXCLUSIVE, path,
			    "Missing mutually exclusive parameters: '%s'. Ensure you are providing exactly one of: %s.",
			    path, list);
	return n == 1 || fail(e, ERR_MUTUALLY_EXCLUSIVE, path,
			      "Mutually exclusive parameters: '%s'. Ensure you are only providing one of: %s.", path,
			      list);
}

/* --- the tables ------------------------------------------------------------------------------------------ */

static const char *const image_details[] = {"low", "high", "auto", "original", NULL};
static const char *const file_details[] = {"auto", "low", "high", NULL};
static const char *const audio_formats[] = {"mp3", "wav", NULL};
static const char *const breakpoint_modes[] = {"explicit", NULL};

static const struct field breakpoint_fields[] = {
	FIELD_CHECKED("mode", F_ENUM, .required = true, .values = breakpoint_modes),
	FIELD_CHECKED("ttl", F_STR, .nullable = true),
	LAST_FIELD,
};
#define BREAKPOINT FIELD_CHECKED("prompt_cache_breakpoint", F_OBJECT, .nullable = true, .sub = breakpoint_fields)

static const struct field input_text_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("text", F_STR, .required = true, .max = TEXT_MAX),
	BREAKPOINT,
	LAST_FIELD,
};
static const struct field input_image_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("detail", F_ENUM, .nullable = true, .values = image_details),
	FIELD_CHECKED("image_url", F_STR, .nullable = true, .max = IMAGE_MAX, .check = image_url),
	FIELD_CHECKED("file_id", F_STR, .nullable = true, .max = ID_CHARS),
	BREAKPOINT,
	LAST_FIELD,
};
static const struct field input_file_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("file_id", F_STR, .nullable = true, .max = ID_CHARS),
	FIELD_CHECKED("file_data", F_STR, .nullable = true, .max = FILE_MAX, .check = file_data),
	FIELD_CHECKED("file_url", F_STR, .nullable = true),
	FIELD_CHECKED("filename", F_STR, .nullable = true),
	FIELD_CHECKED("detail", F_ENUM, .nullable = true, .values = file_details),
	BREAKPOINT,
	LAST_FIELD,
};
static const struct field audio_fields[] = {
	FIELD_CHECKED("data", F_STR, .required = true),
	FIELD_CHECKED("format", F_ENUM, .required = true, .values = audio_formats),
	LAST_FIELD,
};
static const struct field input_audio_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("input_audio", F_OBJECT, .required = true, .sub = audio_fields),
	LAST_FIELD,
};

static const struct field file_citation_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("file_id", F_STR, .required = true),
	FIELD_CHECKED("filename", F_STR, .nullable = true),
	FIELD_CHECKED("index", F_INT),
	LAST_FIELD,
};
static const struct field url_citation_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("url", F_STR, .required = true),
	FIELD_CHECKED("title", F_STR, .nullable = true),
	FIELD_CHECKED("start_index", F_INT),
	FIELD_CHECKED("end_index", F_INT),
	LAST_FIELD,
};
static const struct field container_citation_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("container_id", F_STR, .required = true),
	FIELD_CHECKED("file_id", F_STR, .required = true),
	FIELD_CHECKED("filename", F_STR, .nullable = true),
	FIELD_CHECKED("start_index", F_INT),
	FIELD_CHECKED("end_index", F_INT),
	LAST_FIELD,
};
static const struct field file_path_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("file_id", F_STR, .required = true),
	FIELD_CHECKED("index", F_INT),
	LAST_FIELD,
};
static const struct variant annotations[] = {
	{"file_citation", file_citation_fields, NULL},
	{"url_citation", url_citation_fields, NULL},
	{"container_file_citation", container_citation_fields, NULL},
	{"file_path", file_path_fields, NULL},
	{0},
};
static bool annotation_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(annotations, v, path, ctx, e);
}
static const struct field annotation = {.kind = F_OBJECT, .check = annotation_check};
static const struct field logprob = {.kind = F_OBJECT};

static const struct field output_text_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("text", F_STR, .required = true, .max = TEXT_MAX),
	FIELD_CHECKED("annotations", F_ARRAY, .nullable = true, .item = &annotation),
	FIELD_CHECKED("logprobs", F_ARRAY, .nullable = true, .item = &logprob),
	LAST_FIELD,
};
static const struct field refusal_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("refusal", F_STR, .required = true, .max = TEXT_MAX),
	LAST_FIELD,
};
static const struct field plain_text_fields[] = {
	FIELD_CHECKED("type", F_STR),
	FIELD_CHECKED("text", F_STR, .required = true, .max = TEXT_MAX),
	LAST_FIELD,
};

static const struct variant input_parts[] = {
	{"input_text", input_text_fields, NULL},   {"input_image", input_image_fields, NULL},
	{"input_file", input_file_fields, NULL},   {"input_audio", input_audio_fields, NULL},
	{0},
};
static const struct variant output_parts[] = {
	{"output_text", output_text_fields, NULL},
	{"refusal", refusal_fields, NULL},
	{0},
};
static const struct variant tool_parts[] = {
	{"input_text", input_text_fields, NULL},
	{"input_image", input_image_fields, NULL},
	{"input_file", input_file_fields, NULL},
	{0},
};
static const struct variant summary_parts[] = {{"summary_text", plain_text_fields, NULL}, {0}};
static const struct variant reasoning_parts[] = {{"reasoning_text", plain_text_fields, NULL}, {0}};

/* The part's own shape first, then which sources it names. */
static bool sourced(const struct variant *table, yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const char *const image_sources[] = {"file_id", "image_url", NULL};
	static const char *const file_sources[] = {"file_id", "file_data", "file_url", NULL};
	if (!variant_read(table, v, path, ctx, e))
		return false;
	struct str type = json_str(json_get(v, S("type")));
	if (str_eq(type, S("input_image")))
		return exactly_one(v, image_sources, "'file_id' or 'image_url'", path, e);
	if (str_eq(type, S("input_file")))
		return exactly_one(v, file_sources, "'file_id', 'file_data', or 'file_url'", path, e);
	return true;
}

static bool parts_input_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return sourced(input_parts, v, path, ctx, e);
}

static bool parts_tool_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return sourced(tool_parts, v, path, ctx, e);
}

static bool output_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(output_parts, v, path, ctx, e);
}

static bool summary_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(summary_parts, v, path, ctx, e);
}

static bool reasoning_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(reasoning_parts, v, path, ctx, e);
}

const struct field input_part = {.kind = F_OBJECT, .check = parts_input_check};
const struct field output_part = {.kind = F_OBJECT, .check = output_check};
const struct field tool_part = {.kind = F_OBJECT, .check = parts_tool_check};
const struct field summary_part = {.kind = F_OBJECT, .check = summary_check};
const struct field reasoning_part = {.kind = F_OBJECT, .check = reasoning_check};
