/* query.c - blocking HTTP for the command line, over net/fetch.h. */
#include "main/query.h"

#include "net/fetch.h"
#include "wire/json.h"

enum { ANSWER_MAX = 64 << 20, CONNECT_MS = 5000 };

bool query_run(struct query *q, struct err *e)
{
	struct arena a = {0};
	struct fetch_answer answer;
	struct str headers[3];
	size_t n = 0;
	if (q->body.p)
		headers[n++] = S("Content-Type: application/json");
	if (q->key && *q->key)
		headers[n++] = str_fmt(&a, "Authorization: Bearer %s", q->key);
	if (q->project)
		headers[n++] = str_fmt(&a, "OpenAI-Project: %s", q->project);
	struct fetch f = {.url = str_of(q->url),
			  .headers = headers,
			  .n_headers = n,
			  .method = q->gone ? S("DELETE") : (struct str){0},
			  .body = q->body,
			  .max_bytes = ANSWER_MAX,
			  .connect_ms = q->connect_ms ? q->connect_ms : CONNECT_MS,
			  .timeout_ms = q->total_ms ? q->total_ms : -1,
			  .no_proxy = q->local,
			  .unix_path = q->socket,
			  .on_body = q->on_body,
			  .ctx = q->ctx,
			  .cancelled = q->stop};
	enum fetch_fault fault = fetch_run(&f, &answer);
	q->status = answer.status;
	q->refused = fault == FETCH_UNREACHABLE;
	if (fault != FETCH_OK)
		fail(e, ERR_ENGINE, NULL, "%s: %s", q->url, answer.why);
	q->out = answer.body;
	buf_init(&answer.body, 0);
	fetch_release(&answer);
	arena_free(&a);
	return fault == FETCH_OK;
}

void query_release(struct query *q)
{
	buf_release(&q->out);
}

struct str query_error(struct arena *a, const struct query *q)
{
	yyjson_val *v;
	struct err ignore = {0};
	struct str body = buf_str(&q->out), message = {0};
	if (json_parse(a, body, &v, &ignore)) {
		yyjson_val *error = json_get(v, S("error"));
		message = json_str(yyjson_is_str(error) ? error : json_get(error, S("message")));
	}
	if (!message.p)
		message = body.n ? (struct str){body.p, body.n < 200 ? body.n : 200} : S("no text");
	return str_fmt(a, "%ld: %.*s", q->status, FMT(message));
}
