/* recorded_test.c - the traffic of servers that nobody here wrote (tests/data/mcp), through the codec, cut at will. */
#include <string.h>

#include "base/test.h"
#include "mcp/content.h"
#include "mcp/listing.h"
#include "mcp/way.h"
#include "wire/sse.h"

/* What stands in a file, counted by another program. */
struct recorded_sum {
	int requests, notifications, results, errors, tools, lists, calls, failed;
};
static const struct {
	const char *name;
	struct recorded_sum sum;
} recorded_files[] = {
    {"everything-legacy-sse", {0, 3, 4, 0, 13, 1, 2, 0}},
    {"everything-streamable-http", {3, 11, 36, 11, 67, 5, 16, 6}},
    {"fastmcp-4.2.3", {0, 6, 15, 1, 9, 5, 8, 5}},
    {"python-sdk-1.30.0", {0, 4, 11, 6, 9, 3, 4, 2}},
    {"python-sdk-2.3.0", {2, 9, 32, 16, 63, 7, 18, 6}},
    {"supergateway-filesystem", {0, 0, 6, 2, 28, 2, 3, 2}},
    {"typescript-server-2.4.0", {0, 4, 11, 7, 16, 4, 5, 2}},
};

struct recorded_ear {
	struct arena a;
	struct buf told; /* all that was understood, for comparing */
	struct recorded_sum sum;
	struct rpc last;
	bool any;
};

static void recorded_result(struct recorded_ear *r, yyjson_val *result)
{
	struct mcp_list list = {0};
	struct mcp_result got;
	struct err e = {0};
	r->sum.results++;
	if (json_get(result, S("tools"))) {
		CHECK(mcp_list_add(&r->a, result, &list, &e));
		r->sum.lists++;
		r->sum.tools += (int)(list.n + list.left_out);
		for (size_t i = 0; i < list.n; i++)
			buf_fmt(&r->told, "%.*s,", FMT(list.tools[i].name));
	} else if (json_get(result, S("content"))) {
		CHECK(mcp_result_read(&r->a, result, &got, &e));
		r->sum.calls++;
		r->sum.failed += got.failed;
		buf_add(&r->told, got.text);
	}
}

static void recorded_message(struct recorded_ear *r, struct str text)
{
	struct rpc m;
	struct err e = {0};
	if (!text.n || !rpc_read(&r->a, text, &m, &e))
		return;
	r->last = m;
	r->any = true;
	buf_fmt(&r->told, "[%d %lld %.*s]", m.kind, (long long)m.code, FMT(m.method.p ? m.method : S("")));
	if (m.kind == RPC_RESULT)
		recorded_result(r, m.result);
	r->sum.requests += m.kind == RPC_REQUEST;
	r->sum.notifications += m.kind == RPC_NOTIFICATION;
	r->sum.errors += m.kind == RPC_ERROR;
}

static bool recorded_event(void *ctx, struct str event, struct str data)
{
	recorded_message(ctx, data);
	return true;
}

static struct str recorded_type(yyjson_val *response)
{
	size_t i, max;
	yyjson_val *h;
	yyjson_arr_foreach(json_get(response, S("headers")), i, max,
			   h) if (str_eq_nocase(json_str(yyjson_arr_get(h, 0)), S("content-type")))
	{
		struct str type = json_str(yyjson_arr_get(h, 1));
		return str_cut(&type, ';');
	}
	return (struct str){0};
}

static struct str recorded_body(struct arena *a, yyjson_val *response)
{
	struct buf b;
	size_t i, max;
	yyjson_val *chunk;
	buf_init(&b, 16 << 20);
	yyjson_arr_foreach(json_get(response, S("chunks")), i, max, chunk)
	    buf_add(&b, json_str(json_get(chunk, S("data"))));
	struct str body = str_copy(a, buf_str(&b));
	buf_release(&b);
	return body;
}

static void recorded_hear(struct recorded_ear *r, struct str type, struct str body, size_t piece)
{
	struct sse s;
	struct err e = {0};
	if (str_eq(type, S("application/json"))) {
		recorded_message(r, body);
		return;
	}
	if (!str_eq(type, S("text/event-stream")))
		return;
	sse_init(&s, 1 << 20, NULL);
	while (body.n) {
		size_t n = piece && piece < body.n ? piece : body.n;
		CHECK(sse_feed(&s, (struct str){body.p, n}, recorded_event, r, &e));
		body.p += n;
		body.n -= n;
	}
	sse_release(&s);
}

static yyjson_val *recorded_line(struct arena *a, struct str line)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(a, str_copy(a, line), &v, &e));
	return v;
}

static struct str recorded_read(struct arena *a, const char *name)
{
	char path[512];
	struct buf b;
	buf_init(&b, 16 << 20);
	snprintf(path, sizeof path, "%s/mcp/%s.jsonl", TEST_DATA, name);
	FILE *f = fopen(path, "rb");
	CHECK(f != NULL);
	for (size_t n = 1; f && n;) {
		n = fread(buf_room(&b, 65536), 1, 65536, f);
		b.n += n;
	}
	if (f)
		fclose(f);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* Each step of a file, with what was heard of its answer. */
static void recorded_walk(const char *name, size_t piece, struct recorded_ear *all,
			  void (*step)(struct recorded_ear *, yyjson_val *exchange, int status))
{
	struct str rest = recorded_read(&all->a, name);
	while (rest.n) {
		yyjson_val *x = recorded_line(&all->a, str_cut(&rest, '\n')), *response = json_get(x, S("response"));
		all->any = false;
		recorded_hear(all, recorded_type(response), recorded_body(&all->a, response), piece);
		if (step)
			step(all, x, (int)yyjson_get_int(json_get(response, S("status"))));
	}
}

static void is_understood(void)
{
	static const size_t pieces[] = {0, 1, 7};
	for (size_t f = 0; f < sizeof recorded_files / sizeof *recorded_files; f++) {
		struct recorded_ear ears[3] = {0};
		for (size_t i = 0; i < 3; i++) {
			buf_init(&ears[i].told, 16 << 20);
			recorded_walk(recorded_files[f].name, pieces[i], &ears[i], NULL);
			CHECK(!memcmp(&ears[i].sum, &recorded_files[f].sum, sizeof ears[i].sum));
			CHECK(str_eq(buf_str(&ears[i].told), buf_str(&ears[0].told)));
		}
		for (size_t i = 0; i < 3; i++) {
			buf_release(&ears[i].told);
			arena_free(&ears[i].a);
		}
	}
}

/* Where the ladder leads from a file's first modern answer and from its handshakes. */
static enum mcp_step recorded_first;
static int recorded_shaken, recorded_refused;

static void recorded_climb(struct recorded_ear *r, yyjson_val *x, int status)
{
	struct str version, what = json_str(json_get(x, S("step")));
	struct mcp_heard h = {status, r->any ? &r->last : NULL};
	if ((int)recorded_first < 0 && str_starts(what, S("modern tools/list")))
		recorded_first = mcp_after_modern(&h, &version);
	if (str_starts(what, S("initialize 2025-11-25")) ||
	    (str_starts(what, S("legacy initialize")) && !str_starts(what, S("legacy initialized")))) {
		enum mcp_step s = mcp_after_initialize(&h, &version);
		recorded_shaken += s == MCP_USE;
		recorded_refused += s == MCP_STOP;
	}
}

static void the_ladder_leads(void)
{
	static const struct {
		const char *name;
		enum mcp_step first;
		int shaken, refused;
	} rows[] = {
	    {"everything-streamable-http", MCP_INITIALIZE, 1, 0}, {"fastmcp-4.2.3", MCP_USE, 1, 0},
	    {"python-sdk-1.30.0", MCP_INITIALIZE, 1, 0},          {"python-sdk-2.3.0", MCP_USE, 4, 0},
	    {"supergateway-filesystem", MCP_USE, 1, 0},           {"typescript-server-2.4.0", MCP_USE, 1, 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct recorded_ear ear = {0};
		buf_init(&ear.told, 16 << 20);
		recorded_first = (enum mcp_step) - 1;
		recorded_shaken = recorded_refused = 0;
		recorded_walk(rows[i].name, 0, &ear, recorded_climb);
		CHECK(recorded_first == rows[i].first);
		CHECK(recorded_shaken == rows[i].shaken && recorded_refused == rows[i].refused);
		buf_release(&ear.told);
		arena_free(&ear.a);
	}
}

/* "unknown session": 404 here, 400 there. */
static int recorded_lost;

static void recorded_dead(struct recorded_ear *r, yyjson_val *x, int status)
{
	struct str what = json_str(json_get(x, S("step")));
	struct mcp_way way = {.era = MCP_LEGACY, .session = S("x")};
	struct mcp_heard h = {status, r->any ? &r->last : NULL};
	for (size_t i = 0; i + 15 <= what.n; i++)
		if (str_starts((struct str){what.p + i, what.n - i}, S("unknown session")) && status)
			recorded_lost += mcp_session_lost(&way, &h) == MCP_LOST;
}

static void dead_sessions_are_seen(void)
{
	static const char *const names[] = {"everything-streamable-http", "python-sdk-1.30.0", "python-sdk-2.3.0",
					    "supergateway-filesystem"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct recorded_ear ear = {0};
		buf_init(&ear.told, 16 << 20);
		recorded_lost = 0;
		recorded_walk(names[i], 0, &ear, recorded_dead);
		CHECK(recorded_lost >= 1);
		buf_release(&ear.told);
		arena_free(&ear.a);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"is understood, however it is cut", is_understood},
	    {"the ladder leads where it has to", the_ladder_leads},
	    {"dead sessions are seen", dead_sessions_are_seen},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
