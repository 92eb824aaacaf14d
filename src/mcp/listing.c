/* listing.c - the tools of a server, as its answers to tools/list say. */
#include "mcp/listing.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/limits.h"
#include "mcp/way.h"

enum { TOOL_NAME_MAX = 256, DEPTH = 128, PARAM_MAX = 64 };

/* --- one value, always the same bytes ------------------------------------------------------------------------ */

struct listing_pair {
	struct str key;
	yyjson_val *val;
};

static int listing_by_key(const void *x, const void *y)
{
	const struct listing_pair *a = x, *b = y;
	size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
	int order = n ? memcmp(a->key.p, b->key.p, n) : 0;
	return order ? order : (a->key.n > b->key.n) - (a->key.n < b->key.n);
}

static void listing_write(struct arena *a, struct jout *o, yyjson_val *v, int depth);

static void listing_object(struct arena *a, struct jout *o, yyjson_val *v, int depth)
{
	size_t i, max, n = 0;
	yyjson_val *key, *val;
	struct listing_pair *pairs = new_array(a, struct listing_pair, yyjson_obj_size(v) + 1);
	yyjson_obj_foreach(v, i, max, key, val) pairs[n++] = (struct listing_pair){json_str(key), val};
	qsort(pairs, n, sizeof *pairs, listing_by_key);
	jo_obj(o);
	for (i = 0; i < n; i++) {
		jo_key(o, pairs[i].key);
		listing_write(a, o, pairs[i].val, depth);
	}
	jo_obj_end(o);
}

static void listing_write(struct arena *a, struct jout *o, yyjson_val *v, int depth)
{
	size_t i, max;
	yyjson_val *one;
	if (depth > DEPTH) { /* what was read is never so deep */
		jo_null(o);
	} else if (yyjson_is_obj(v)) {
		listing_object(a, o, v, depth + 1);
	} else if (yyjson_is_arr(v)) {
		jo_arr(o);
		yyjson_arr_foreach(v, i, max, one) listing_write(a, o, one, depth + 1);
		jo_arr_end(o);
	} else {
		jo_val(o, v);
	}
}

struct str mcp_canonical(struct arena *a, yyjson_val *v)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	if (v)
		listing_write(a, &o, v, 0);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static void listing_hash(crypto_hash_sha256_state *h, struct str s)
{
	uint64_t n = s.n; /* so that no two tools run together to the same bytes */
	crypto_hash_sha256_update(h, (const unsigned char *)&n, sizeof n);
	crypto_hash_sha256_update(h, (const unsigned char *)s.p, s.n);
}

void mcp_definition(struct str name, struct str description, yyjson_val *schema, bool read_only, uint8_t ret[32])
{
	struct arena a = {0};
	crypto_hash_sha256_state h;
	crypto_hash_sha256_init(&h);
	listing_hash(&h, name);
	listing_hash(&h, description);
	listing_hash(&h, mcp_canonical(&a, schema));
	listing_hash(&h, read_only ? S("r") : S(""));
	crypto_hash_sha256_final(&h, ret);
	arena_free(&a);
}

/* --- arguments that go into headers ------------------------------------------------------------------------------ */

static bool listing_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    !char_in(s.p[i], "-_"))
			return false;
	return s.n && s.n <= PARAM_MAX;
}

static struct str listing_param(struct arena *a, yyjson_val *v)
{
	if (yyjson_is_str(v))
		return json_str(v);
	if (yyjson_is_bool(v))
		return yyjson_get_bool(v) ? S("true") : S("false");
	return yyjson_is_int(v) ? json_text(a, v) : (struct str){0};
}

size_t mcp_param_headers(struct arena *a, yyjson_val *schema, yyjson_val *arguments, struct str *ret, size_t most)
{
	size_t i, max, n = 0;
	yyjson_val *key, *one;
	yyjson_obj_foreach(json_get(schema, S("properties")), i, max, key, one)
	{
		struct str name = json_str(json_get(one, S("x-mcp-header")));
		struct str value = listing_param(a, json_get(arguments, json_str(key)));
		if (n < most && listing_token(name) && value.p)
			ret[n++] = str_fmt(a, "Mcp-Param-%.*s: %.*s", FMT(name), FMT(mcp_header_value(a, value)));
		if (n < most)
			n += mcp_param_headers(a, one, json_get(arguments, json_str(key)), ret + n, most - n);
	}
	return n;
}

/* An annotation that we could not keep to makes calls that the server refuses. */
static bool listing_headers_fit(yyjson_val *schema)
{
	size_t i, max;
	yyjson_val *key, *one;
	yyjson_obj_foreach(json_get(schema, S("properties")), i, max, key, one)
	{
		yyjson_val *name = json_get(one, S("x-mcp-header"));
		struct str type = json_str(json_get(one, S("type")));
		bool plain = str_eq(type, S("string")) || str_eq(type, S("integer")) || str_eq(type, S("boolean"));
		if ((name && (!listing_token(json_str(name)) || !plain)) || !listing_headers_fit(one))
			return false;
	}
	return true;
}

/* --- pages ---------------------------------------------------------------------------------------------------------
 */

static int64_t listing_depth(yyjson_val *v)
{
	int64_t most = 0, one;
	size_t i, max;
	yyjson_val *key, *val;
	if (yyjson_is_obj(v)) {
		yyjson_obj_foreach(v, i, max, key, val) most = (one = listing_depth(val)) > most ? one : most;
	} else if (yyjson_is_arr(v)) {
		yyjson_arr_foreach(v, i, max, val) most = (one = listing_depth(val)) > most ? one : most;
	}
	return most + yyjson_is_ctn(v);
}

static bool listing_takes(struct arena *a, yyjson_val *tool, struct mcp_tool *ret)
{
	yyjson_val *notes = json_get(tool, S("annotations")), *schema = json_get(tool, S("inputSchema"));
	*ret = (struct mcp_tool){.name = json_str(json_get(tool, S("name"))),
				 .description = json_str(json_get(tool, S("description"))),
				 .schema = schema,
				 .read_only = yyjson_is_true(json_get(notes, S("readOnlyHint"))),
				 .idempotent = yyjson_is_true(json_get(notes, S("idempotentHint")))};
	if (!ret->name.n || ret->name.n > TOOL_NAME_MAX || !yyjson_is_obj(schema))
		return false;
	if (str_eq(json_str(json_get(json_get(tool, S("execution")), S("taskSupport"))), S("required")))
		return false; /* tasks are an extension that is not spoken here */
	if (listing_depth(schema) > mcp_limits.schema_depth || !listing_headers_fit(schema) ||
	    (int64_t)json_text(a, schema).n > mcp_limits.schema_bytes)
		return false;
	size_t most = (size_t)mcp_limits.description_bytes;
	if (ret->description.n > most) {
		while (most && (ret->description.p[most] & 0xc0) == 0x80)
			most--;
		ret->description.n = most;
	}
	return true;
}

static struct mcp_tool *listing_room(struct arena *a, struct mcp_list *list)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 16;
		struct mcp_tool *more = new_array(a, struct mcp_tool, cap);
		if (list->n)
			memcpy(more, list->tools, list->n * sizeof *more);
		list->tools = more;
		list->cap = cap;
	}
	return &list->tools[list->n];
}

/* A second tool of one name could never be told from the first. */
static bool listing_has(const struct mcp_list *list, struct str name)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->tools[i].name, name))
			return true;
	return false;
}

bool mcp_list_add(struct arena *a, yyjson_val *result, struct mcp_list *list, struct err *e)
{
	yyjson_val *tools = json_get(result, S("tools")), *one;
	size_t i, max;
	if (!yyjson_is_arr(tools))
		return fail(e, ERR_BAD_JSON, NULL, "its answer to tools/list has no tools");
	yyjson_arr_foreach(tools, i, max, one)
	{
		struct mcp_tool *t = listing_room(a, list);
		if (!listing_takes(a, one, t) || listing_has(list, t->name)) {
			list->left_out++;
			continue;
		}
		if ((int64_t)++list->n > mcp_limits.tools)
			return fail(e, ERR_BAD_REQUEST, NULL, "it has more than %lld tools (mcp.tools)",
				    (long long)mcp_limits.tools);
	}
	list->cursor = json_str(json_get(result, S("nextCursor")));
	if (!list->cursor.n)
		list->cursor = (struct str){0};
	return true;
}
