/* talk_test.c - what a driver says, cut at every place. */
#include "session/talk.h"

#include <string.h>

#include "base/test.h"
#include "session/limits.h"

#define NONCE "0123456789abcdef0123456789abcdef"
#define PNG "\x89PNG\r\n\x1a\n"

static struct buf heard;

static void hear(void *ctx, enum session_kind kind, struct str bytes)
{
	(void)ctx;
	buf_byte(&heard, "pvi"[kind]);
	buf_add(&heard, bytes);
	buf_byte(&heard, '|');
}

static void things(struct talk *t, struct str s)
{
	while (s.n && !t->bad) {
		size_t n;
		char *room = talk_room(t, &n);
		if (!room)
			return;
		n = n < s.n ? n : s.n;
		memcpy(room, s.p, n);
		talk_control(t, n);
		s.p += n;
		s.n -= n;
	}
}

static const struct session_ears ears = {hear, NULL};

static void start(struct talk *t)
{
	talk_init(t);
	things(t, S("ready\n"));
	CHECK(t->ready);
	talk_begin(t, &ears, NONCE);
	buf_clear(&heard);
}

/* The pipe cut in two at every place, and byte by byte. */
static void cuts(void)
{
	static const char pipe[] = "one\0" NONCE "v\n"
				   "two\0 \0" NONCE "i\n\0" NONCE "xthree\0" NONCE "e\nlater";
	struct str all = {pipe, sizeof pipe - 1};
	struct str want = S("pone|v42|ptwo |i" PNG "|pxthree|"); /* NUL goes; the nonce of a mark that is none stays */
	for (size_t cut = 0; cut <= all.n + 1; cut++) {
		struct talk t;
		start(&t);
		things(&t, S("value 2\n42image 8\n" PNG "end ok\n"));
		if (cut > all.n)
			for (size_t i = 0; i < all.n; i++)
				talk_output(&t, (struct str){all.p + i, 1});
		else {
			talk_output(&t, (struct str){all.p, cut});
			talk_output(&t, (struct str){all.p + cut, all.n - cut});
		}
		talk_finish(&t);
		CHECK(t.ended && !t.raised && !t.bad);
		CHECK(buf_str(&heard).n == want.n + TALK_NONCE);
		CHECK(str_starts(buf_str(&heard), S("pone|v42|ptwo |i" PNG "|p" NONCE "xthree|")));
		talk_release(&t);
	}
}

static void garbage(void)
{
	static const char *const said[] = {"no\n",
					   "value\n",
					   "value x\n",
					   "value -1\n",
					   "value 99999999999999999999\n",
					   "image 99999999\n",
					   "end\n",
					   "end maybe\n",
					   "ready now\n",
					   "value 1",
					   "0123456789012345678901234567890123456789012345678901234567890123456789"};
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct talk t;
		start(&t);
		things(&t, str_of(said[i]));
		talk_output(&t, S("\0" NONCE "e\n"));
		CHECK(!t.ended && (t.bad || i == 9));
		talk_release(&t);
	}
}

static void bounds(void)
{
	struct talk t;
	session_limits.output_bytes = 1024;
	start(&t);
	for (int i = 0; i < 100; i++)
		talk_output(&t, S("0123456789012345678901234567890123456789012345678\n"));
	things(&t, S("value 10\n0123456789end ok\n"));
	talk_output(&t, S("\0" NONCE "v\n\0" NONCE "e\n"));
	talk_finish(&t);
	CHECK(t.ended && t.left_out == 5000 - 1024 + 10 && buf_str(&heard).n == 1024 + 2);
	talk_release(&t);
	session_limits.output_bytes = 1 << 20;
}

static void mended(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"a\r\nb\rc\n", "a\nb\nc\n"},
		    {"\x1b[1;31mred\x1b[0m", "red"},
		    {"\x1b]0;title\x07x\x1b(By", "xBy"},
		    {"\x07\x08\x7f\x0b", ""},
		    {"\xc2\x9b\xc3\xa4", "\xc3\xa4"},
		    {"\xff\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
		    {"\x1b", ""},
		    {"\x1b[", ""},
		    {"t\tn", "t\tn"},
		    {"\x1b[31", ""}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b;
		buf_init(&b, 100);
		session_mend(str_of(rows[i].in), &b);
		CHECK_STR(buf_str(&b), str_of(rows[i].out));
		buf_release(&b);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"cuts", cuts}, {"garbage", garbage}, {"bounds", bounds}, {"mended text", mended}};
	buf_init(&heard, 1 << 20);
	int bad = test_main(cases, sizeof cases / sizeof *cases);
	buf_release(&heard);
	return bad;
}
