/* websocket_test.c - frames in every cut, what is refused with which code, and what is sent. */
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "loop/loop.h"
#include "net/frames.h"

struct seen {
	struct frames frames;
	struct buf texts; /* each in <> */
	struct buf out;
	bool closes; /* with the first text */
};

static void on_text(struct frames *f, struct str text)
{
	struct seen *s = OWNER(f, struct seen, frames);
	buf_byte(&s->texts, '<');
	buf_add(&s->texts, text);
	buf_byte(&s->texts, '>');
	if (s->closes)
		frames_close(f, CLOSE_AWAY, S("bye"), f->out);
}

static void seen_init(struct seen *s)
{
	memset(s, 0, sizeof *s);
	frames_init(&s->frames, on_text);
	buf_init(&s->texts, 1 << 20);
	buf_init(&s->out, 1 << 20);
}

static void seen_release(struct seen *s)
{
	frames_release(&s->frames);
	buf_release(&s->texts);
	buf_release(&s->out);
}

/* A client's frame; `first` is FIN, RSV and opcode. */
static void put_frame(struct buf *b, unsigned first, struct str payload)
{
	static const uint8_t mask[4] = {0x11, 0xfe, 0x33, 0x80};
	buf_byte(b, (char)first);
	if (payload.n <= 125) {
		buf_byte(b, (char)(0x80 | payload.n));
	} else if (payload.n <= 65535) {
		buf_byte(b, (char)(0x80 | 126));
		buf_byte(b, (char)(payload.n >> 8));
		buf_byte(b, (char)(payload.n & 0xff));
	} else {
		buf_byte(b, (char)(0x80 | 127));
		for (int i = 7; i >= 0; i--)
			buf_byte(b, (char)((uint64_t)payload.n >> (8 * i)));
	}
	buf_add(b, (struct str){(const char *)mask, 4});
	for (size_t i = 0; i < payload.n; i++)
		buf_byte(b, (char)((uint8_t)payload.p[i] ^ mask[i % 4]));
}

/* The close frame at the end of what was written; 0: none. */
static int close_of(const struct buf *out)
{
	for (size_t at = 0; at + 2 <= out->n; at += 2 + (size_t)(uint8_t)out->p[at + 1])
		if ((uint8_t)out->p[at] == 0x88)
			return out->p[at + 1] < 2 ? 1005 : (uint8_t)out->p[at + 2] << 8 | (uint8_t)out->p[at + 3];
	return 0;
}

/* Feeds all of it in pieces; the close code that came of it. */
static int feed(struct seen *s, struct str in, size_t piece)
{
	bool more = true;
	for (size_t at = 0; at < in.n && more; at += piece) {
		struct str some = {in.p + at, in.n - at < piece ? in.n - at : piece};
		more = frames_feed(&s->frames, some, &s->out);
	}
	CHECK(more == !s->frames.ended);
	return close_of(&s->out);
}

static int close_for(struct str in)
{
	struct seen s;
	seen_init(&s);
	int whole = feed(&s, in, in.n ? in.n : 1);
	seen_release(&s);
	seen_init(&s);
	CHECK(feed(&s, in, 1) == whole);
	seen_release(&s);
	return whole;
}

static void every_cut(void)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	char long_text[70000];
	memset(long_text, 'x', sizeof long_text);
	put_frame(&b, 0x81, S("one"));
	put_frame(&b, 0x01, S("t\xc3"));
	put_frame(&b, 0x89, S("are you there?"));
	put_frame(&b, 0x00, S("\xa4w"));
	put_frame(&b, 0x80, S("o"));
	put_frame(&b, 0x81, S(""));
	put_frame(&b, 0x8a, S("a pong nobody asked for"));
	put_frame(&b, 0x81, (struct str){long_text, 300});
	struct buf want;
	buf_init(&want, 1 << 20);
	buf_add(&want, S("<one><t\xc3\xa4wo><><"));
	buf_add(&want, (struct str){long_text, 300});
	buf_byte(&want, '>');
	for (size_t cut = 0; cut <= b.n; cut++) {
		struct seen s;
		seen_init(&s);
		CHECK(frames_feed(&s.frames, (struct str){b.p, cut}, &s.out));
		CHECK(frames_feed(&s.frames, (struct str){b.p + cut, b.n - cut}, &s.out));
		CHECK_STR(buf_str(&s.texts), buf_str(&want));
		CHECK_STR(buf_str(&s.out), S("\x8a\x0e" "are you there?"));
		CHECK(!s.frames.wslay); /* between frames nothing is held */
		seen_release(&s);
	}
	struct seen s;
	seen_init(&s);
	buf_clear(&b);
	put_frame(&b, 0x81, (struct str){long_text, sizeof long_text});
	CHECK(feed(&s, buf_str(&b), 4000) == 0);
	CHECK(s.texts.n == sizeof long_text + 2);
	CHECK(body_inflight() == 0);
	seen_release(&s);
	buf_release(&b);
	buf_release(&want);
}

static void state_is_held_inside_frames_only(void)
{
	struct buf b;
	struct seen s;
	buf_init(&b, 1000);
	seen_init(&s);
	put_frame(&b, 0x01, S("first"));
	frames_feed(&s.frames, buf_str(&b), &s.out);
	CHECK(s.frames.wslay != NULL);
	buf_clear(&b);
	put_frame(&b, 0x80, S(" last"));
	frames_feed(&s.frames, (struct str){b.p, 1}, &s.out);
	CHECK(s.frames.wslay != NULL);
	frames_feed(&s.frames, (struct str){b.p + 1, b.n - 1}, &s.out);
	CHECK(s.frames.wslay == NULL);
	frames_feed(&s.frames, (struct str){b.p, 1}, &s.out); /* half a head */
	CHECK(s.frames.wslay != NULL);
	CHECK_STR(buf_str(&s.texts), S("<first last>"));
	seen_release(&s);
	buf_release(&b);
}

static void breaches(void)
{
	struct buf b;
	buf_init(&b, 1 << 20);
#define FRAMES(...)                                                                                                    \
	do {                                                                                                           \
		buf_clear(&b);                                                                                         \
		__VA_ARGS__;                                                                                           \
	} while (0)
	char big[126] = {0};
	CHECK(close_for(S("\x81\x02hi")) == CLOSE_PROTOCOL); /* no mask */
	FRAMES(put_frame(&b, 0xc1, S("hi"))); /* RSV1: permessage-deflate, which was declined */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	FRAMES(put_frame(&b, 0x83, S("hi"))); /* reserved opcodes */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	FRAMES(put_frame(&b, 0x8b, S("hi")));
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	FRAMES(put_frame(&b, 0x09, S("hi"))); /* a fragmented ping */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	FRAMES(put_frame(&b, 0x89, (struct str){big, sizeof big})); /* a long ping */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	FRAMES(put_frame(&b, 0x80, S("hi"))); /* a continuation of nothing */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	FRAMES(put_frame(&b, 0x01, S("hi")); put_frame(&b, 0x81, S("hi"))); /* a text inside a text */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	CHECK(close_for(S("\x81\xfe\x00\x02\x00\x00\x00\x00hi")) == CLOSE_PROTOCOL); /* length not in its shortest form */
	CHECK(close_for(S("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00")) == CLOSE_PROTOCOL); /* 2^63 and more */
	FRAMES(put_frame(&b, 0x81, S("\xff")));
	CHECK(close_for(buf_str(&b)) == CLOSE_BAD_TEXT);
	FRAMES(put_frame(&b, 0x81, S("\xed\xa0\x80"))); /* a surrogate */
	CHECK(close_for(buf_str(&b)) == CLOSE_BAD_TEXT);
	FRAMES(put_frame(&b, 0x81, S("\xc3"))); /* cut off */
	CHECK(close_for(buf_str(&b)) == CLOSE_BAD_TEXT);
	FRAMES(put_frame(&b, 0x82, S("hi"))); /* binary */
	CHECK(close_for(buf_str(&b)) == CLOSE_UNSUPPORTED);
	FRAMES(put_frame(&b, 0x88, S("\x03\xe8")));
	CHECK(close_for(buf_str(&b)) == CLOSE_NORMAL);
	FRAMES(put_frame(&b, 0x88, S("")));
	CHECK(close_for(buf_str(&b)) == 1005);
	FRAMES(put_frame(&b, 0x88, S("\x03"))); /* half a code */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	FRAMES(put_frame(&b, 0x88, S("\x03\xed"))); /* 1005 is never sent */
	CHECK(close_for(buf_str(&b)) == CLOSE_PROTOCOL);
	buf_release(&b);
}

static void sizes(void)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	char text[2000];
	int64_t was = net_limits.frame_bytes;
	memset(text, 'x', sizeof text);
	net_limits.frame_bytes = 1500;
	put_frame(&b, 0x81, (struct str){text, 1500});
	CHECK(close_for(buf_str(&b)) == 0);
	FRAMES(put_frame(&b, 0x81, (struct str){text, 1501}));
	CHECK(close_for(buf_str(&b)) == CLOSE_TOO_BIG);
	CHECK(close_for((struct str){b.p, 9}) == CLOSE_TOO_BIG); /* the head and one byte are enough */
	FRAMES(put_frame(&b, 0x01, (struct str){text, 1000}); put_frame(&b, 0x80, (struct str){text, 501}));
	CHECK(close_for(buf_str(&b)) == CLOSE_TOO_BIG);
	FRAMES(put_frame(&b, 0x01, (struct str){text, 1000}); put_frame(&b, 0x89, S("1234567890"));
	       put_frame(&b, 0x80, (struct str){text, 500}));
	CHECK(close_for(buf_str(&b)) == 0);
	net_limits.frame_bytes = was;
	was = net_limits.inflight_bytes;
	net_limits.inflight_bytes = 1400;
	FRAMES(put_frame(&b, 0x81, (struct str){text, 1500}));
	CHECK(close_for(buf_str(&b)) == CLOSE_LATER);
	net_limits.inflight_bytes = was;
	CHECK(body_inflight() == 0);
	buf_release(&b);
}

static void nothing_after_the_end(void)
{
	struct buf b;
	struct seen s;
	buf_init(&b, 1000);
	seen_init(&s);
	s.closes = true;
	put_frame(&b, 0x89, S("p"));
	put_frame(&b, 0x81, S("one"));
	put_frame(&b, 0x81, S("two"));
	CHECK(!frames_feed(&s.frames, buf_str(&b), &s.out));
	CHECK(!frames_feed(&s.frames, buf_str(&b), &s.out));
	CHECK_STR(buf_str(&s.texts), S("<one>"));
	CHECK_STR(buf_str(&s.out), S("\x88\x05\x03\xe9" "bye"));
	frames_close(&s.frames, CLOSE_AWAY, S("again"), &s.out);
	CHECK(s.out.n == 7);
	seen_release(&s);
	buf_release(&b);
}

static void sent(void)
{
	char head[FRAME_HEAD], long_reason[200];
	struct seen s;
	CHECK_STR(frame_text_head(head, 125), S("\x81\x7d"));
	CHECK_STR(frame_text_head(head, 126), S("\x81\x7e\x00\x7e"));
	CHECK_STR(frame_text_head(head, 65535), S("\x81\x7e\xff\xff"));
	CHECK_STR(frame_text_head(head, 65536), S("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"));
	seen_init(&s);
	frame_ping(&s.out);
	CHECK_STR(buf_str(&s.out), S("\x89\x00"));
	buf_clear(&s.out);
	memset(long_reason, 'r', sizeof long_reason);
	frames_close(&s.frames, CLOSE_POLICY, (struct str){long_reason, sizeof long_reason}, &s.out);
	CHECK(s.out.n == 2 + 125 && s.out.p[1] == 125);
	seen_release(&s);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"every cut gives the same texts and pongs", every_cut},
		{"wslay's state is held inside frames only", state_is_held_inside_frames_only},
		{"breaches and their codes", breaches},
		{"sizes", sizes},
		{"nothing is read or written after the end", nothing_after_the_end},
		{"what is sent", sent},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
