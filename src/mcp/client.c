/* client.c - what is asked of an MCP server: its tools, and calls of them. */
#include "mcp/client.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mcp/known.h"
#include "mcp/limits.h"
#include "mcp/seen.h"
#include "mcp/stream.h"

enum { CANCEL_MS = 2000, SAID_MAX = 200, PARAMS = 32 };

/* One thing that is wanted of a server, in one request or, by pages, in several. */
struct client_work {
	const struct mcp_ask *ask;
	struct arena *a;
	uint8_t key[KNOWN_KEY];
	struct mcp_way way;
	struct mcp_request request;
	int64_t max_bytes, pages, last_id;
	const struct mcp_call *call; /* NULL: the list is wanted */
	struct mcp_list *list;
	struct mcp_result *result;
	struct str cursor;
	struct mcp_fault *f;
	bool done; /* what was wanted is there */
};

/* --- what went wrong --------------------------------------------------------------------------------------------- */

static bool client_fail(struct mcp_fault *f, enum mcp_fault_kind kind, int64_t code, const char *fmt, struct str more)
{
	if (f->kind == MCP_FAULT_NONE) {
		*f = (struct mcp_fault){.kind = kind, .code = code};
		snprintf(f->why, sizeof f->why, fmt, FMT(more));
	}
	return false;
}

/* A stranger's words, on one line and not too many. */
static struct str client_said(struct arena *a, struct str text)
{
	size_t n = text.n < SAID_MAX ? text.n : SAID_MAX;
	while (n && n < text.n && (text.p[n] & 0xc0) == 0x80)
		n--;
	struct str copy = str_copy(a, (struct str){text.p, n});
	char *p = (char *)copy.p;
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)p[i] < ' ' || p[i] == 0x7f ? ' ' : p[i];
	return copy;
}

static const char *client_fetch_word(enum fetch_fault fault)
{
	switch (fault) {
	case FETCH_BAD_URL:
		return "its URL cannot be used: %.*s";
	case FETCH_REFUSED:
		return "its address is refused: %.*s";
	case FETCH_NO_NAME:
		return "its host is unknown";
	case FETCH_UNREACHABLE:
		return "it cannot be reached";
	case FETCH_TLS:
		return "TLS failed: %.*s";
	case FETCH_TIMEOUT:
		return "it did not answer in time";
	case FETCH_TOO_LARGE:
		return "its answer is too large";
	case FETCH_ELSEWHERE:
		return "it redirects to another origin";
	case FETCH_REDIRECTS:
		return "it redirects too often";
	case FETCH_CANCELLED:
		return "cancelled";
	default:
		return "the connection broke";
	}
}

static bool client_fault(struct client_work *w, const struct mcp_talk *t)
{
	struct arena *a = w->a;
	if (t->bad.code != ERR_NONE)
		return client_fail(w->f, MCP_FAULT_HTTP, 424, "%.*s", client_said(a, str_of(t->bad.msg)));
	if (!t->whole && !t->answered)
		return client_fail(w->f, MCP_FAULT_HTTP, 424, client_fetch_word(t->fault), str_of(t->why));
	if (t->challenge.n && (t->status == 401 || t->status == 403))
		return client_fail(w->f, MCP_FAULT_HTTP, t->status,
				   t->status == 401 ? "it wants authorization (401): %.*s" : "it refuses (403): %.*s",
				   client_said(a, t->challenge));
	if (t->has_answer && t->answer.kind == RPC_ERROR)
		return client_fail(w->f, t->answered || t->answer.code ? MCP_FAULT_PROTOCOL : MCP_FAULT_HTTP,
				   t->answer.code, "%.*s", client_said(a, t->answer.message));
	if (t->status == 200 || t->status == 202)
		return client_fail(w->f, MCP_FAULT_HTTP, 424, "its answer ended before the result", S(""));
	struct str code = str_fmt(a, "%d", t->status);
	return client_fail(w->f, MCP_FAULT_HTTP, t->status, "it answered with status %.*s", code);
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static struct mcp_talk client_talk(struct client_work *w, int64_t id)
{
	return (struct mcp_talk){.ask = w->ask,
				 .a = w->a,
				 .way = &w->way,
				 .id = id,
				 .max_bytes = w->max_bytes,
				 .fresh = w->call && !w->call->repeatable};
}

static void client_next(struct client_work *w)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	w->request = (struct mcp_request){.id = ++w->last_id, .method = S("tools/list")};
	if (w->call) {
		w->request.method = S("tools/call");
		w->request.name = w->call->name;
		jo_kstr(&o, "name", w->call->name);
		jo_key(&o, S("arguments"));
		if (w->call->arguments)
			jo_val(&o, w->call->arguments);
		else
			jo_raw(&o, S("{}"));
		if (w->way.era != MCP_MODERN) /* asks for signs of life; the modern form's _meta is written elsewhere */
			jo_kraw(&o, "_meta", str_fmt(w->a, "{\"progressToken\":%lld}", (long long)w->last_id));
	} else if (w->cursor.n) {
		jo_kstr(&o, "cursor", w->cursor);
	}
	w->request.members = str_copy(w->a, buf_str(&b));
	buf_release(&b);
}

/* One answer is taken; true: a further request follows. */
static bool client_take(struct client_work *w, const struct rpc *m)
{
	struct err e = {0};
	if (m->kind == RPC_ERROR)
		return client_fail(w->f, MCP_FAULT_PROTOCOL, m->code, "%.*s", client_said(w->a, m->message));
	if (w->call) {
		w->done = mcp_result_read(w->a, m->result, w->result, &e) ||
			  client_fail(w->f, MCP_FAULT_PROTOCOL, -32600, "%.*s", str_of(e.msg));
		return false;
	}
	if (!mcp_list_add(w->a, m->result, w->list, &e))
		return client_fail(w->f, MCP_FAULT_PROTOCOL, -32600, "%.*s", str_of(e.msg));
	if (!w->list->cursor.p) {
		w->done = true;
		return false;
	}
	if (++w->pages >= mcp_limits.pages || str_eq(w->list->cursor, w->cursor))
		return client_fail(w->f, MCP_FAULT_PROTOCOL, -32600, "its list of tools has no end", S(""));
	w->cursor = w->list->cursor;
	client_next(w);
	return true;
}

static bool client_take_streamed(void *ctx, const struct rpc *m, struct mcp_request *r)
{
	struct client_work *w = ctx;
	bool more = client_take(w, m);
	*r = w->request;
	return more;
}

/* Who gave up says so: some servers would go on for nobody. */
static void client_cancel(struct client_work *w)
{
	struct mcp_post post;
	struct mcp_request none = {.method = S("notifications/cancelled"),
				   .members = str_fmt(w->a, "\"requestId\":%lld", (long long)w->request.id)};
	if (!w->call || w->way.era != MCP_LEGACY)
		return;
	mcp_post(w->a, &w->way, &none, &post);
	mcp_tell(w->ask, &post, (struct str){0}, CANCEL_MS, NULL);
}

static void client_post(struct client_work *w, struct mcp_post *post)
{
	mcp_post(w->a, &w->way, &w->request, post);
	if (!w->call || w->way.era != MCP_MODERN)
		return;
	struct str params[PARAMS], *all;
	size_t n = mcp_param_headers(w->a, w->call->schema, w->call->arguments, params, PARAMS);
	if (!n)
		return;
	all = new_array(w->a, struct str, post->n + n);
	for (size_t i = 0; i < post->n; i++)
		all[i] = post->headers[i];
	for (size_t i = 0; i < n; i++)
		all[post->n + i] = params[i];
	post->headers = all;
	post->n += n;
}

/* --- the ladder -------------------------------------------------------------------------------------------------- */

static bool client_handshake(struct client_work *w, struct str version, enum mcp_step *step)
{
	struct mcp_post post;
	struct mcp_request hello = {.id = ++w->last_id, .method = S("initialize")};
	struct mcp_request ready = {.method = S("notifications/initialized")};
	w->way = (struct mcp_way){.era = MCP_LEGACY};
	mcp_post(w->a, &w->way, &hello, &post);
	post.body = mcp_initialize(w->a, hello.id, version);
	struct mcp_talk t = client_talk(w, hello.id);
	mcp_talk(&t, &post);
	struct mcp_heard h = {t.status, t.has_answer ? &t.answer : NULL};
	*step = t.whole && t.bad.code == ERR_NONE ? mcp_after_initialize(&h, &version) : MCP_STOP;
	if (*step == MCP_STREAM)
		return false;
	if (*step != MCP_USE) {
		if (t.answered && t.answer.kind == RPC_RESULT)
			return client_fail(w->f, MCP_FAULT_PROTOCOL, -32022,
					   "it speaks only a revision of MCP that is not known here", S(""));
		return client_fault(w, &t);
	}
	w->way.version = version;
	w->way.session = t.session;
	mcp_post(w->a, &w->way, &ready, &post);
	mcp_tell(w->ask, &post, (struct str){0}, mcp_left_ms(w->ask, mcp_limits.list_ms), NULL);
	known_put(w->ask, w->key, &w->way);
	return true;
}

/* Leaves a way that is known, or a fault. What the probe found is not used: a call must never be what probes. */
static bool client_find(struct client_work *w)
{
	struct mcp_request probe = {.id = ++w->last_id, .method = S("tools/list")};
	struct mcp_post post;
	struct str version;
	enum mcp_step step;
	w->way = (struct mcp_way){.era = MCP_MODERN};
	mcp_post(w->a, &w->way, &probe, &post);
	struct mcp_talk t = client_talk(w, probe.id);
	t.max_bytes = mcp_limits.list_bytes;
	mcp_talk(&t, &post);
	struct mcp_heard h = {t.status, t.has_answer ? &t.answer : NULL};
	if (!t.whole)
		return client_fault(w, &t);
	step = mcp_after_modern(&h, &version);
	if (step == MCP_USE) {
		w->way.bridge = !json_get(t.answer.result, S("resultType"));
		known_put(w->ask, w->key, &w->way);
		if (w->list) { /* it is what was wanted */
			w->request = probe;
			if (client_take(w, &t.answer))
				return true;
			return w->done;
		}
		return true;
	}
	if (step == MCP_STOP)
		return client_fault(w, &t);
	if (client_handshake(w, version, &step))
		return true;
	if (step != MCP_STREAM)
		return false;
	w->way = (struct mcp_way){.era = MCP_SSE};
	return true;
}

/* --- the work ---------------------------------------------------------------------------------------------------- */

static bool client_streamed(struct client_work *w)
{
	struct mcp_talk t = client_talk(w, 0);
	w->last_id++; /* 1 is the handshake's */
	client_next(w);
	mcp_stream(&t, &w->request, client_take_streamed, w);
	if (w->done) {
		known_put(w->ask, w->key, &w->way);
		return true;
	}
	if (t.whole && t.status != 200 && t.bad.code == ERR_NONE)
		return client_fail(w->f, MCP_FAULT_HTTP, t.status, "no MCP server answers there (status %.*s)",
				   str_fmt(w->a, "%d", t.status));
	return client_fault(w, &t);
}

/* One request; a session that is gone is made anew, once. */
static bool client_once(struct client_work *w, struct mcp_talk *t, bool again)
{
	struct mcp_post post;
	enum mcp_step step;
	client_post(w, &post);
	*t = client_talk(w, w->request.id);
	mcp_talk(t, &post);
	struct mcp_heard h = {t->status, t->has_answer ? &t->answer : NULL};
	enum mcp_loss loss = t->whole ? mcp_session_lost(&w->way, &h) : MCP_KEPT;
	if (loss == MCP_KEPT || !again)
		return true;
	known_put(w->ask, w->key, NULL);
	if (loss == MCP_PERHAPS && w->call && !w->call->repeatable)
		return true; /* it may have been done */
	if (!client_handshake(w, S("2025-11-25"), &step))
		return step == MCP_STREAM ? client_fault(w, t) : false;
	client_next(w);
	return client_once(w, t, false);
}

static bool client_posted(struct client_work *w)
{
	struct mcp_talk t;
	enum mcp_step step;
	if (w->call && w->way.bridge && !client_handshake(w, S("2025-11-25"), &step)) {
		w->way = (struct mcp_way){.era = MCP_MODERN};
		*w->f = (struct mcp_fault){0};
	}
	if (!w->request.id || w->call)
		client_next(w);
	do {
		if (!client_once(w, &t, true))
			return false;
		if (!t.answered) {
			if (t.fault == FETCH_CANCELLED || t.fault == FETCH_TIMEOUT)
				client_cancel(w);
			return client_fault(w, &t);
		}
	} while (client_take(w, &t.answer));
	return w->done;
}

static void client_note(const struct client_work *w)
{
	static const struct str eras[] = {
	    [MCP_UNKNOWN] = STR(""), [MCP_MODERN] = STR("2026-07-28"), [MCP_LEGACY] = STR(""), [MCP_SSE] = STR("2024-11-05")};
	struct seen_note note = {.server = w->ask->server, .revision = eras[w->way.era], .list = w->list, .f = w->f};
	if (w->way.era == MCP_LEGACY)
		note.revision = w->way.version;
	else if (w->f->kind != MCP_FAULT_NONE)
		note.revision = (struct str){0}; /* what was tried, not what it speaks */
	seen_note(known_seen(w->ask->known), &note);
}

static bool client_run(struct client_work *w)
{
	int64_t from = clock_mono_us();
	*w->f = (struct mcp_fault){0};
	known_key(w->ask->server, w->key);
	if (!known_enter(w->ask, w->key, w->f)) {
		client_note(w);
		return false;
	}
	w->way = known_get(w->ask->known, w->key, w->a);
	bool ok = w->way.era != MCP_UNKNOWN || client_find(w);
	if (ok && !w->done)
		ok = w->way.era == MCP_SSE ? client_streamed(w) : client_posted(w);
	if (!ok) /* what is remembered may be why */
		known_put(w->ask, w->key, w->f->kind == MCP_FAULT_HTTP ? NULL : &w->way);
	known_leave(w->ask, w->key);
	client_note(w);
	known_end_one(w->ask->known, mcp_left_ms(w->ask, CANCEL_MS));
	log_at(LOG_DEBUG, "an MCP server was asked", "method=%s ok=%d ms=%lld", w->call ? "tools/call" : "tools/list",
	       ok, (long long)(clock_mono_us() - from) / 1000);
	return ok;
}

bool mcp_list_tools(const struct mcp_ask *ask, struct arena *a, struct mcp_list *ret, struct mcp_fault *f)
{
	*ret = (struct mcp_list){0};
	struct client_work w = {.ask = ask, .a = a, .list = ret, .f = f, .max_bytes = mcp_limits.list_bytes};
	return client_run(&w);
}

bool mcp_call_tool(const struct mcp_ask *ask, const struct mcp_call *call, struct arena *a, struct mcp_result *ret,
		   struct mcp_fault *f)
{
	struct client_work w = {
	    .ask = ask, .a = a, .call = call, .result = ret, .f = f, .max_bytes = mcp_limits.result_bytes};
	return client_run(&w);
}
