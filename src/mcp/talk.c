/* talk.c - one exchange with a server over HTTP. */
#include "mcp/talk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "mcp/limits.h"

enum { REFUSAL_MS = 5000, SLICE_MS = 20 };

int64_t mcp_left_ms(const struct mcp_ask *ask, int64_t most)
{
	int64_t left = ask->due_ms - clock_mono_us() / 1000;
	return left < 1 ? 1 : left < most ? left : most;
}

bool mcp_is_type(struct str content_type, struct str want)
{
	return str_eq_nocase(str_trim(str_cut(&content_type, ';')), want);
}

enum { TRACE_LINES = 2 };

static const struct str *talk_headers(struct arena *a, const struct mcp_ask *ask, const struct str *more, size_t n, size_t *ret)
{
	const struct mcp_server *s = ask->server;
	struct str *all = new_array(a, struct str, s->n_headers + n + TRACE_LINES), rest = ask->trace;
	for (size_t i = 0; i < s->n_headers; i++)
		all[i] = s->headers[i];
	for (size_t i = 0; i < n; i++)
		all[s->n_headers + i] = more[i];
	*ret = s->n_headers + n;
	for (size_t i = 0; i < TRACE_LINES && rest.n; i++)
		all[(*ret)++] = str_trim(str_cut(&rest, '\n'));
	return all;
}

/* Connections of different projects and credentials are never shared. */
static struct str talk_keep(const struct mcp_server *s, struct arena *a)
{
	return str_fmt(a, "mcp %lld", (long long)s->project);
}

bool mcp_tell(const struct mcp_ask *ask, const struct mcp_post *post, struct str url, int64_t ms, int *status)
{
	const struct mcp_server *s = ask->server;
	struct arena a = {0};
	struct fetch_answer got;
	size_t n_headers;
	const struct str *headers = talk_headers(&a, ask, post->headers, post->n, &n_headers);
	struct fetch f = {.url = url.n ? url : s->url,
			  .headers = headers,
			  .n_headers = n_headers,
			  .body = post->body,
			  .guard = s->guard,
			  .max_bytes = mcp_limits.list_bytes,
			  .connect_ms = mcp_limits.connect_ms,
			  .timeout_ms = ms,
			  .stay = true,
			  .keep = talk_keep(s, &a)};
	fetch_run(&f, &got);
	bool ok = got.fault == FETCH_OK;
	if (status)
		*status = got.status;
	fetch_release(&got);
	arena_free(&a);
	return ok;
}

void mcp_leave(const struct mcp_server *s, const struct mcp_way *way, int64_t ms)
{
	struct mcp_request none = {0};
	struct arena a = {0};
	struct mcp_post post;
	struct fetch_answer got;
	struct mcp_ask nobody = {.server = s};
	size_t n_headers;
	mcp_post(&a, way, &none, &post);
	const struct str *headers = talk_headers(&a, &nobody, post.headers, post.n, &n_headers);
	struct fetch f = {.url = s->url,
			  .method = S("DELETE"),
			  .headers = headers,
			  .n_headers = n_headers,
			  .guard = s->guard,
			  .max_bytes = mcp_limits.list_bytes,
			  .connect_ms = ms,
			  .timeout_ms = ms,
			  .stay = true};
	fetch_run(&f, &got);
	fetch_release(&got);
	arena_free(&a);
}

/* Nothing that a server may ask of its client is offered here, and it waits until it hears so. */
static void talk_refuse(struct mcp_talk *t, const struct rpc *m, struct str url)
{
	struct mcp_request none = {0};
	struct mcp_post post;
	mcp_post(t->a, t->way, &none, &post);
	post.body = rpc_refusal(t->a, m);
	mcp_tell(t->ask, &post, url, mcp_left_ms(t->ask, REFUSAL_MS), NULL);
}

bool mcp_hear(struct mcp_talk *t, struct str data, struct str url)
{
	struct rpc m;
	t->moved = true;
	if (!data.n) /* only its id counts */
		return true;
	if (!rpc_read(t->a, data, &m, &t->bad))
		return false;
	if (m.kind == RPC_REQUEST)
		talk_refuse(t, &m, url);
	else if (m.kind != RPC_NOTIFICATION && rpc_answers(&m, t->id)) {
		t->answer = m;
		t->answered = t->has_answer = true;
	}
	return !t->answered;
}

static bool talk_on_event(void *ctx, struct str event, struct str data)
{
	return mcp_hear(ctx, data, (struct str){0});
}

static bool talk_on_body(void *ctx, struct str piece)
{
	struct mcp_talk *t = ctx;
	if (!t->typed) {
		t->typed = true;
		t->streams = t->got->status == 200 && mcp_is_type(t->got->content_type, S("text/event-stream"));
	}
	if (!t->streams) {
		buf_add(&t->text, piece);
		return true;
	}
	return sse_feed(&t->sse, piece, talk_on_event, t, &t->bad) && !t->answered && t->bad.code == ERR_NONE;
}

/* The body of an HTTP error counts whatever its id says. */
static void talk_take_text(struct mcp_talk *t)
{
	struct rpc m;
	struct err why = {0};
	if (t->streams || !t->text.n)
		return;
	if (!mcp_is_type(t->got->content_type, S("application/json")) || !rpc_read(t->a, buf_str(&t->text), &m, &why)) {
		if (t->status == 200 && t->id)
			fail(&t->bad, ERR_BAD_JSON, NULL, "%s", why.msg[0] ? why.msg : "it is neither JSON nor events");
		return;
	}
	if (m.kind == RPC_ERROR || (m.kind == RPC_RESULT && rpc_answers(&m, t->id))) {
		t->answer = m;
		t->has_answer = true;
		t->answered = t->status == 200;
	} else if (t->status == 200 && t->id) {
		fail(&t->bad, ERR_BAD_JSON, NULL, "it answers another request");
	}
}

static void talk_once(struct mcp_talk *t, struct str method, const struct str *headers, size_t n, struct str body)
{
	const struct mcp_server *s = t->ask->server;
	struct fetch_answer got;
	size_t n_all;
	const struct str *all = talk_headers(t->a, t->ask, headers, n, &n_all);
	struct fetch f = {.url = s->url,
			  .method = method,
			  .headers = all,
			  .n_headers = n_all,
			  .body = body,
			  .guard = s->guard,
			  .max_bytes = t->max_bytes * 2, /* frames of a stream around it */
			  .connect_ms = mcp_limits.connect_ms,
			  .timeout_ms = mcp_left_ms(t->ask, INT64_MAX),
			  .idle_ms = mcp_limits.idle_ms,
			  .stay = true,
			  .on_body = talk_on_body,
			  .any_status = true,
			  .ctx = t,
			  .keep = t->fresh ? (struct str){0} : talk_keep(s, t->a),
			  .cancelled = t->ask->cancelled};
	t->got = &got;
	t->typed = t->streams = false;
	buf_clear(&t->text);
	t->fault = fetch_run(&f, &got);
	t->whole = t->fault == FETCH_OK;
	t->status = got.status;
	snprintf(t->why, sizeof t->why, "%s", got.why);
	struct str session = fetch_header(&got, S("Mcp-Session-Id")), asked = fetch_header(&got, S("WWW-Authenticate"));
	if (session.n && !t->session.n)
		t->session = str_copy(t->a, session);
	t->challenge = asked.n ? str_copy(t->a, asked) : (struct str){0};
	if (t->whole)
		talk_take_text(t);
	fetch_release(&got);
	t->got = NULL;
}

/* The pause that the server asks for; false: nobody waits any more. */
static bool talk_pause(struct mcp_talk *t)
{
	int64_t ms = t->resume.retry_ms < 0                    ? 1000
		     : t->resume.retry_ms < mcp_limits.poll_ms ? t->resume.retry_ms
							    : mcp_limits.poll_ms;
	int64_t until = clock_mono_us() / 1000 + ms;
	while (clock_mono_us() / 1000 < until) {
		struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
		if (*t->ask->cancelled || clock_mono_us() / 1000 >= t->ask->due_ms)
			return false;
		nanosleep(&slice, NULL);
	}
	return true;
}

/* A stream that ended before the answer, after it gave an id, is asked for the rest of it. */
static void talk_poll(struct mcp_talk *t)
{
	int64_t in_vain = 0;
	while (!t->answered && t->bad.code == ERR_NONE && t->streams && t->resume.id.n &&
	       (t->fault == FETCH_OK || t->fault == FETCH_BROKEN)) {
		struct str headers[4] = {S("Accept: text/event-stream"),
					 str_fmt(t->a, "Last-Event-ID: %.*s", FMT(buf_str(&t->resume.id)))};
		size_t n = 2;
		in_vain = t->moved ? 0 : in_vain + 1;
		if (in_vain > mcp_limits.reconnects || !talk_pause(t))
			return;
		if (t->way->version.n)
			headers[n++] = str_fmt(t->a, "MCP-Protocol-Version: %.*s", FMT(t->way->version));
		if (t->way->session.n)
			headers[n++] = str_fmt(t->a, "Mcp-Session-Id: %.*s", FMT(t->way->session));
		t->moved = false;
		buf_clear(&t->sse.line);
		talk_once(t, S("GET"), headers, n, (struct str){0});
	}
}

void mcp_talk(struct mcp_talk *t, const struct mcp_post *post)
{
	sse_init(&t->sse, (size_t)t->max_bytes, &t->resume);
	t->sse.sender = "the server";
	buf_init(&t->text, (size_t)t->max_bytes);
	talk_once(t, S("POST"), post->headers, post->n, post->body);
	if (t->id)
		talk_poll(t);
	sse_release(&t->sse);
	buf_release(&t->text);
}
