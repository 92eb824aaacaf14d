/* content.c - what a tool has answered: the parts of a result as one text. */
#include "mcp/content.h"

#include "mcp/limits.h"

static void content_line(struct buf *b, struct str text)
{
	if (b->n)
		buf_byte(b, '\n');
	buf_add(b, text);
}

/* Bytes behind base64 of `n` characters, about. */
static size_t content_size(yyjson_val *data)
{
	return json_str(data).n / 4 * 3;
}

static struct str content_mime(yyjson_val *part)
{
	struct str type = json_str(json_get(part, S("mimeType")));
	return type.n ? type : S("of an unknown type");
}

static void content_resource(struct arena *a, struct buf *b, yyjson_val *resource)
{
	struct str text = json_str(json_get(resource, S("text"))), uri = json_str(json_get(resource, S("uri")));
	if (text.p)
		content_line(b, text);
	else
		content_line(b, str_fmt(a, "[resource %.*s: %.*s, %zu bytes]", FMT(uri), FMT(content_mime(resource)),
					content_size(json_get(resource, S("blob")))));
}

static void content_link(struct arena *a, struct buf *b, yyjson_val *part)
{
	struct str name = json_str(json_get(part, S("name"))), said = json_str(json_get(part, S("description")));
	content_line(b, str_fmt(a, "[link to %.*s: %.*s%s%.*s]", FMT(name), FMT(json_str(json_get(part, S("uri")))),
				said.n ? ", " : "", FMT(said)));
}

/* True: it was a text. */
static bool content_part(struct arena *a, struct buf *b, yyjson_val *part)
{
	struct str type = json_str(json_get(part, S("type")));
	if (str_eq(type, S("text"))) {
		content_line(b, json_str(json_get(part, S("text"))));
		return true;
	}
	if (str_eq(type, S("resource")))
		content_resource(a, b, json_get(part, S("resource")));
	else if (str_eq(type, S("resource_link")))
		content_link(a, b, part);
	else if (str_eq(type, S("image")) || str_eq(type, S("audio")))
		content_line(b, str_fmt(a, "[%.*s: %.*s, %zu bytes]", FMT(type), FMT(content_mime(part)),
					content_size(json_get(part, S("data")))));
	else
		content_line(b, str_fmt(a, "[a part of type '%.*s']", FMT(type)));
	return false;
}

/* Cut where a character begins. */
static struct str content_taken(struct arena *a, struct buf *b)
{
	static const struct str more = STR("\n[more was cut off]");
	size_t most = (size_t)mcp_limits.output_bytes;
	struct str all = buf_str(b), text = all;
	if (all.n > most) {
		while (most && (all.p[most] & 0xc0) == 0x80)
			most--;
		text = str_fmt(a, "%.*s%.*s", (int)most, all.p, FMT(more));
	} else {
		text = str_copy(a, all);
	}
	buf_release(b);
	return text;
}

bool mcp_result_read(struct arena *a, yyjson_val *result, struct mcp_result *ret, struct err *e)
{
	yyjson_val *content = json_get(result, S("content")), *structured = json_get(result, S("structuredContent")),
		   *one;
	struct str kind = json_str(json_get(result, S("resultType")));
	size_t i, max;
	bool text = false;
	struct buf b;
	if (str_eq(kind, S("input_required")))
		return fail(e, ERR_BAD_REQUEST, NULL,
			    "the server wants to ask the user something; this API has no way to");
	if (kind.n && !str_eq(kind, S("complete")))
		return fail(e, ERR_BAD_REQUEST, NULL, "its result is of the unknown type '%.*s'", FMT(kind));
	if (!yyjson_is_arr(content) && !structured)
		return fail(e, ERR_BAD_REQUEST, NULL, "its result has no content");
	*ret = (struct mcp_result){.failed = yyjson_is_true(json_get(result, S("isError"))), .content = content};
	buf_init(&b, SIZE_MAX / 2);
	yyjson_arr_foreach(content, i, max, one) text |= content_part(a, &b, one);
	if (!text && structured && !yyjson_is_null(structured))
		content_line(&b, json_text(a, structured));
	ret->text = content_taken(a, &b);
	return true;
}
