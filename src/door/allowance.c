/* allowance.c - a request against the limits of who asks. */
#include "door/allowance.h"

#include "measure/measure.h"

enum { BYTES_A_TOKEN = 4 };

static struct quota_who allowance_who(const struct request *rq)
{
	return (struct quota_who){rq->project, rq->key.key};
}

static void allowance_header(struct request *rq, const char *what, const char *of, struct str value)
{
	exchange_add_header(rq->x, str_fmt(exchange_arena(rq->x), "x-ratelimit-%s-%s", what, of), value);
}

/* As OpenAI's: x-ratelimit-limit-requests: 60, -remaining-: 59, -reset-: 1s. */
static void allowance_show(struct request *rq, const struct quota_shown *s, const char *of)
{
	struct arena *a = exchange_arena(rq->x);
	char text[DURATION_TEXT];
	if (!s->most)
		return;
	allowance_header(rq, "limit", of, str_fmt(a, "%lld", (long long)s->most));
	allowance_header(rq, "remaining", of, str_fmt(a, "%lld", (long long)s->left));
	allowance_header(rq, "reset", of, duration_text(text, s->reset_ms));
}

static bool allowance_told(bool ok, const struct err *e)
{
	if (!ok)
		MEASURE(QUOTA_REFUSED, 1,
			measure_label(LABEL_TYPE, str_of(e->code == ERR_QUOTA         ? "budget"
							 : e->code == ERR_RATE_TOKENS ? "tokens"
										      : "requests")));
	return ok;
}

bool allowance_request(struct request *rq, bool headers, struct err *e)
{
	struct quota_shown shown;
	bool ok = quota_request(rq->api->api->options.quotas, allowance_who(rq), &shown, e);
	if (headers)
		allowance_show(rq, &shown, "requests");
	return allowance_told(ok, e);
}

int64_t allowance_tokens(const struct allowance_ask *ask)
{
	int64_t read = (int64_t)(ask->bytes / BYTES_A_TOKEN);
	return ask->most > read ? ask->most : read;
}

bool allowance_begin(struct request *rq, struct quota_hold *h, const struct allowance_ask *ask, struct err *e)
{
	struct quota_shown shown;
	struct quota_want want = {ask->waits ? 0 : allowance_tokens(ask), ask->waits || rq->low};
	bool ok = quota_begin(rq->api->api->options.quotas, h, allowance_who(rq), want, &shown, e);
	if (ask->headers)
		allowance_show(rq, &shown, "tokens");
	return allowance_told(ok, e);
}
