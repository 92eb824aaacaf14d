/* sse_test.c - event streams, fed at every cut. */
#include "wire/sse.h"

#include <string.h>

#include "base/test.h"

struct seen {
	struct buf b; /* "[event|data]" each */
	int n, stop_at;
};

static bool on_event(void *ctx, struct str event, struct str data)
{
	struct seen *s = ctx;
	buf_fmt(&s->b, "[%.*s|%.*s]", FMT(event), FMT(data));
	return ++s->n != s->stop_at;
}

static bool feed(struct str in, size_t cut1, size_t cut2, size_t max, struct seen *seen, struct err *e)
{
	struct sse s;
	sse_init(&s, max, NULL);
	bool ok = sse_feed(&s, (struct str){in.p, cut1}, on_event, seen, e) &&
		  sse_feed(&s, (struct str){in.p + cut1, cut2 - cut1}, on_event, seen, e) &&
		  sse_feed(&s, (struct str){in.p + cut2, in.n - cut2}, on_event, seen, e);
	sse_release(&s);
	return ok;
}

static void gives(struct str in, struct str want)
{
	for (size_t cut1 = 0; cut1 <= in.n; cut1++)
		for (size_t cut2 = cut1; cut2 <= in.n; cut2++) {
			struct seen seen = {0};
			struct err e = {0};
			buf_init(&seen.b, 10000);
			CHECK(feed(in, cut1, cut2, 1000, &seen, &e));
			CHECK_STR(buf_str(&seen.b), want);
			buf_release(&seen.b);
			if (test_failed)
				return;
		}
}

static void events(void)
{
	gives(S("data: {\"a\":1}\n\ndata: [DONE]\n\n"), S("[|{\"a\":1}][|[DONE]]"));
	gives(S("event: response.created\ndata: x\n\nevent: b\ndata: y\n\n"), S("[response.created|x][b|y]"));
	gives(S("data: x\r\n\r\ndata: y\r\n\r\n"), S("[|x][|y]"));
	gives(S("data: x\r\rdata: y\r\r"), S("[|x][|y]"));
	gives(S("data: a\r\ndata: b\rdata:c\n\n"), S("[|a\nb\nc]"));
	gives(S("data: 1\r\rdata: 2\n\rdata: 3\r\n\n"), S("[|1][|2][|3]"));
	gives(S("data:x\n\ndata:  y\n\n"), S("[|x][| y]"));
}

static void oddities(void)
{
	gives(S("\xef\xbb\xbf"
		"data: x\n\n"),
	      S("[|x]"));
	gives(S("\xef\xbb\xbf\n\ndata: x\n\n"), S("[|x]"));
	gives(S("\n\xef\xbb\xbf"
		"data: x\n\n"),
	      S("")); /* only at the start */
	gives(S(": keep-alive\n\n\n\nid: 7\nretry: 10\n\ndata: x\n\n"), S("[|x]"));
	gives(S("data\n\ndata:\n\ndata: \ndata:\n\n"), S("[|][|][|\n]"));
	gives(S("event: lost\n\ndata: x\n\n"), S("[|x]"));
	gives(S("event: a\nevent: b\ndata: x\n\n"), S("[b|x]"));
	gives(S("datax: x\nDATA: y\ndata: z\n"), S("")); /* no blank line: no event */
	gives(S("data: a:b: c\n\n"), S("[|a:b: c]"));
	gives(S(""), S(""));
}

static void a_reader_may_stop(void)
{
	struct str in = S("event: e\ndata: 1\n\ndata: 2\n\ndata: 3\n\n");
	struct seen seen = {.stop_at = 1};
	struct err e = {0};
	struct sse s;
	buf_init(&seen.b, 1000);
	sse_init(&s, 1000, NULL);
	CHECK(sse_feed(&s, in, on_event, &seen, &e) && seen.n == 1);
	CHECK(sse_feed(&s, S("data: 4\n\n"), on_event, &seen, &e)); /* and nothing of what was dropped comes along */
	CHECK_STR(buf_str(&seen.b), S("[e|1][|4]"));
	sse_release(&s);
	buf_release(&seen.b);
}

static void refused(struct str in, size_t max)
{
	for (size_t cut = 0; cut <= in.n; cut++) {
		struct seen seen = {0};
		struct err e = {0};
		buf_init(&seen.b, 10000);
		CHECK(!feed(in, cut, in.n, max, &seen, &e) && e.code == ERR_ENGINE && seen.n == 0);
		buf_release(&seen.b);
	}
}

static void sizes_are_bounded(void)
{
	refused(S("data: 0123456789"), 15);            /* a line without an end */
	refused(S("data: 0123456789\n\n"), 15);        /* and with one */
	refused(S("data:012345\ndata:01234\n\n"), 11); /* two lines that are fine alone */
	struct seen seen = {0};
	struct err e = {0};
	buf_init(&seen.b, 1000);
	CHECK(feed(S("data: 012\ndata: 01234\n\n"), 0, 0, 11, &seen, &e));
	CHECK_STR(buf_str(&seen.b), S("[|012\n01234]"));
	buf_release(&seen.b);
}

/* The id counts from the end of its event on, or a stream that is cut off there would lose that event for good. */
static void ids_and_retries(void)
{
	struct str in = S("id: 7\ndata: x\n\nid:8\nretry: 700\n\nretry: -1\nretry: 1x\nid: 9\ndata: cut");
	for (size_t cut = 0; cut <= in.n; cut++) {
		struct seen seen = {0};
		struct err e = {0};
		struct sse s;
		struct sse_resume resume;
		buf_init(&seen.b, 1000);
		sse_init(&s, 1000, &resume);
		CHECK(resume.retry_ms == -1 && resume.id.n == 0);
		CHECK(sse_feed(&s, (struct str){in.p, cut}, on_event, &seen, &e));
		CHECK(sse_feed(&s, (struct str){in.p + cut, in.n - cut}, on_event, &seen, &e));
		CHECK_STR(buf_str(&resume.id), S("8"));
		CHECK(resume.retry_ms == 700);
		CHECK(sse_feed(&s, S("\n\nid: a\0b\n\n"), on_event, &seen, &e)); /* a NUL: no id */
		CHECK_STR(buf_str(&resume.id), S("9"));
		CHECK(sse_feed(&s, S("id\n\n"), on_event, &seen, &e) && resume.id.n == 0);
		sse_release(&s);
		buf_release(&seen.b);
	}
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"events at every cut", events},
	    {"what streams may contain", oddities},
	    {"a reader may stop", a_reader_may_stop},
	    {"sizes are bounded", sizes_are_bounded},
	    {"ids and retries", ids_and_retries},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
