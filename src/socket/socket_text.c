/* socket_text.c - what is said over a WebSocket besides events, and events made small enough for it. */
#include "model/response.h"
#include "socket/socket.h"

void socket_error_write(struct buf *b, const struct err *e, struct str stream_id)
{
	struct buf inner;
	buf_init(&inner, 64 * 1024);
	struct jout in = {&inner, false}, o = {b, false};
	error_write(&in, e); /* {"error":...} */
	jo_obj(&o);
	jo_kstr(&o, "type", S("error"));
	jo_kint(&o, "status", err_rows[e->code].status);
	buf_byte(b, ',');
	buf_add(b, (struct str){inner.p + 1, inner.n - 2});
	if (stream_id.n)
		jo_kstr(&o, "stream_id", stream_id);
	jo_obj_end(&o);
	buf_release(&inner);
}

/* --- events under 1 MiB: Python's client closes at more --- */

/* What goes first: lifecycle events' output, tools and instructions; of other events what their deltas, or the
 * stored response, have brought already. `in`: the member whose member it is, {0}: the event itself. */
static const struct cut {
	struct str in, name;
} cuts[] = {
	{STR("response"), STR("output")},
	{STR("response"), STR("tools")},
	{STR("response"), STR("instructions")},
	{STR("item"), STR("content")},
	{STR("item"), STR("arguments")},
	{STR("item"), STR("input")},
	{STR("item"), STR("encrypted_content")},
	{STR("item"), STR("summary")},
	{{0}, STR("part")},
	{{0}, STR("text")},
	{{0}, STR("refusal")},
	{{0}, STR("arguments")},
	{{0}, STR("input")},
	{{0}, STR("logprobs")},
};
enum { N_CUTS = sizeof cuts / sizeof *cuts };

static bool is_cut(struct str in, struct str name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(cuts[i].in, in) && str_eq(cuts[i].name, name))
			return true;
	return false;
}

/* The object `v`, which is the member `in` of the event, without the first `n` cuts. */
static void write_rest(struct jout *o, yyjson_val *v, struct str in, size_t n)
{
	size_t i, max;
	yyjson_val *key, *val;
	jo_obj(o);
	yyjson_obj_foreach(v, i, max, key, val)
	{
		struct str name = json_str(key);
		if (is_cut(in, name, n))
			continue;
		jo_key(o, name);
		if (!in.n && yyjson_is_obj(val))
			write_rest(o, val, name, n);
		else
			jo_val(o, val);
	}
	jo_obj_end(o);
}

void socket_shrink(struct buf *b, struct str event, size_t most)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *v;
	size_t from = b->n;
	if (json_parse(&a, event, &v, &e) && yyjson_is_obj(v))
		for (size_t n = 1; n <= N_CUTS && (b->n == from || b->n - from > most); n++) {
			struct jout o = {b, false};
			b->n = from;
			write_rest(&o, v, (struct str){0}, n);
		}
	if (b->n == from)
		buf_add(b, event);
	arena_free(&a);
}
