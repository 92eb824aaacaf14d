/* answer.c - how a request is answered. */
#include "door/request.h"
#include "model/response.h"

static const struct str json_type = STR("application/json");

struct str error_body(struct arena *a, const struct err *e)
{
	struct buf b;
	buf_init(&b, 64 * 1024);
	struct jout o = {&b, false};
	error_write(&o, e);
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

void error_headers(struct exchange *x, const struct err *e)
{
	struct arena *a = exchange_arena(x);
	if (e->retry_after_ms > 0) {
		exchange_add_header(x, S("Retry-After"), str_fmt(a, "%d", (e->retry_after_ms + 999) / 1000));
		exchange_add_header(x, S("retry-after-ms"), str_fmt(a, "%d", e->retry_after_ms));
	}
	if (e->no_retry)
		exchange_add_header(x, S("x-should-retry"), S("false"));
	else if (e->code == ERR_CONFLICT)
		exchange_add_header(x, S("x-should-retry"), S("true"));
	if (err_rows[e->code].status == 401)
		exchange_add_header(x, S("WWW-Authenticate"), S("Bearer"));
}

/* A silence that was broken has taken the head: then the text alone is left to send. */
static void answer(struct exchange *x, int status, struct str json)
{
	if (!exchange_begun(x)) {
		exchange_send(x, status, json_type, json);
		return;
	}
	exchange_write(x, json);
	exchange_end(x);
}

void answer_error(struct exchange *x, const struct err *e)
{
	if (!exchange_begun(x))
		error_headers(x, e);
	answer(x, err_rows[e->code].status, error_body(exchange_arena(x), e));
}

void answer_json(struct request *rq, int status, struct str json)
{
	answer(rq->x, status, json);
}
