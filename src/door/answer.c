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

void answer_error(struct exchange *x, const struct err *e)
{
	error_headers(x, e);
	exchange_send(x, err_rows[e->code].status, json_type, error_body(exchange_arena(x), e));
}

void answer_json(struct request *rq, int status, struct str json)
{
	exchange_send(rq->x, status, json_type, json);
}
