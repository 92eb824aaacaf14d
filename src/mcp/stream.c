/* stream.c - the transport of revision 2024-11-05: a stream that stays open, and POSTs beside it. */
#include "mcp/stream.h"

#include <stdio.h>

#include "mcp/limits.h"
#include "net/url.h"

enum { STREAM_POST_MS = 15000 };

struct mcp_stream {
	struct mcp_talk *t;
	struct mcp_request *r;
	bool (*next)(void *ctx, const struct rpc *, struct mcp_request *r);
	void *ctx;
	struct str endpoint; /* {0}: not told yet */
	bool shaken;         /* the handshake is over */
	bool enough;
};

static bool stream_stop(struct mcp_stream *s, const char *why)
{
	fail(&s->t->bad, ERR_BAD_REQUEST, NULL, "%s", why);
	return false;
}

static bool stream_send(struct mcp_stream *s, struct str body)
{
	static const struct str type = STR("Content-Type: application/json");
	struct mcp_post post = {.body = body, .headers = &type, .n = 1};
	int status = 0;
	if (!mcp_tell(s->t->ask, &post, s->endpoint, mcp_left_ms(s->t->ask, STREAM_POST_MS), &status))
		return stream_stop(s, "its endpoint takes no requests");
	if (status / 100 == 2)
		return true;
	s->t->status = status;
	return stream_stop(s, "its endpoint refuses requests");
}

static bool stream_ask(struct mcp_stream *s)
{
	struct mcp_post post;
	struct mcp_way plain = {.era = MCP_SSE};
	s->t->id = s->r->id;
	s->t->answered = s->t->has_answer = false;
	mcp_post(s->t->a, &plain, s->r, &post);
	return stream_send(s, post.body);
}

static bool stream_begin(struct mcp_stream *s, struct str reference)
{
	struct str url = s->t->ask->server->url;
	s->endpoint = url_join(s->t->a, url, str_trim(reference));
	if (!url_same_origin(url, s->endpoint))
		return stream_stop(s, "its endpoint is at another origin");
	s->t->id = 1;
	return stream_send(s, mcp_initialize(s->t->a, s->t->id, S("2024-11-05")));
}

static bool stream_shaken(struct mcp_stream *s)
{
	struct str version;
	struct mcp_heard h = {200, &s->t->answer};
	if (mcp_after_initialize(&h, &version) != MCP_USE)
		return stream_stop(s, "it speaks no revision of MCP that is known here");
	s->shaken = true;
	return stream_send(s, rpc_request(s->t->a, 0, S("notifications/initialized"), (struct str){0})) &&
	       stream_ask(s);
}

static bool stream_on_event(void *ctx, struct str event, struct str data)
{
	struct mcp_stream *s = ctx;
	if (str_eq(event, S("endpoint")))
		return s->endpoint.p ? true : stream_begin(s, data);
	if (!s->endpoint.p)
		return true;
	if (mcp_hear(s->t, data, s->endpoint))
		return true;
	if (s->t->bad.code != ERR_NONE)
		return false;
	if (!s->shaken)
		return stream_shaken(s);
	s->enough = !s->next(s->ctx, &s->t->answer, s->r);
	return !s->enough && stream_ask(s);
}

static bool stream_on_body(void *ctx, struct str piece)
{
	struct mcp_stream *s = ctx;
	struct mcp_talk *t = s->t;
	if (!t->typed) {
		t->typed = true;
		t->streams = t->got->status == 200 && mcp_is_type(t->got->content_type, S("text/event-stream"));
	}
	if (!t->streams)
		return false;
	return sse_feed(&t->sse, piece, stream_on_event, s, &t->bad) && !s->enough && t->bad.code == ERR_NONE;
}

void mcp_stream(struct mcp_talk *t, struct mcp_request *r,
		bool (*next)(void *ctx, const struct rpc *, struct mcp_request *r), void *ctx)
{
	const struct mcp_server *server = t->ask->server;
	struct mcp_stream s = {.t = t, .r = r, .next = next, .ctx = ctx};
	struct fetch_answer got;
	struct str *headers = new_array(t->a, struct str, server->n_headers + 1);
	for (size_t i = 0; i < server->n_headers; i++)
		headers[i] = server->headers[i];
	headers[server->n_headers] = S("Accept: text/event-stream");
	struct fetch f = {.url = server->url,
			  .headers = headers,
			  .n_headers = server->n_headers + 1,
			  .guard = server->guard,
			  .max_bytes = t->max_bytes * mcp_limits.pages,
			  .connect_ms = mcp_limits.connect_ms,
			  .timeout_ms = mcp_left_ms(t->ask, INT64_MAX),
			  .idle_ms = mcp_limits.idle_ms,
			  .stay = true,
			  .on_body = stream_on_body,
			  .any_status = true,
			  .ctx = &s,
			  .cancelled = t->ask->cancelled};
	sse_init(&t->sse, (size_t)t->max_bytes, NULL);
	t->sse.sender = "the server";
	t->typed = t->streams = false;
	t->got = &got;
	t->fault = fetch_run(&f, &got);
	t->whole = t->fault == FETCH_OK;
	if (t->bad.code == ERR_NONE || !t->status)
		t->status = got.status;
	snprintf(t->why, sizeof t->why, "%s", got.why);
	if (t->whole && t->status == 200 && !t->streams)
		fail(&t->bad, ERR_BAD_REQUEST, NULL, "it is no MCP server");
	else if (t->whole && t->streams && !s.enough && t->bad.code == ERR_NONE)
		fail(&t->bad, ERR_BAD_REQUEST, NULL, "its stream ended before the answer");
	t->answered = s.enough;
	fetch_release(&got);
	sse_release(&t->sse);
	t->got = NULL;
}
