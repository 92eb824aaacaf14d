/* quota_text_test.c - limits in words. */
#include "base/test.h"
#include "quota/quota_text.h"

static void durations(void)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
	    {0, "0s"},       {120, "120ms"},   {1000, "1s"},       {1500, "1.5s"},      {20000, "20s"},
	    {8640, "8.64s"}, {360000, "6m0s"}, {59999, "59.999s"}, {3600000, "1h0m0s"}, {86399990, "23h59m59.99s"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[DURATION_TEXT];
		CHECK(str_eq(duration_text(text, rows[i].ms), str_of(rows[i].text)));
	}
}

static void refusals(void)
{
	struct err e = {0};
	CHECK(!quota_refuse(&(struct quota_refusal){QUOTA_REQUESTS_MINUTE, true, 3, 3, 1, 20000}, &e));
	CHECK(e.code == ERR_RATE_REQUESTS && e.retry_after_ms == 20000 && !e.no_retry);
	CHECK(str_eq(str_of(e.msg),
		     S("Rate limit reached for this API key on requests per min (RPM): Limit 3, Used 3, Requested 1. "
		       "Please try again in 20s.")));
	e = (struct err){0};
	CHECK(!quota_refuse(&(struct quota_refusal){QUOTA_TOKENS_DAY, false, 10, 0, 11, -1}, &e));
	CHECK(e.code == ERR_RATE_TOKENS && !e.retry_after_ms && e.no_retry);
}

int main(void)
{
	static const struct test_case t[] = {{"durations", durations}, {"refusals", refusals}};
	return test_main(t, sizeof t / sizeof *t);
}
