/* event_pack_test.c - what is packed comes back byte by byte, whatever follows whatever. */
#include "replay/event_pack.h"

#include <string.h>

#include "base/test.h"

enum { EVENTS = 400 };

static const char *const odd[] = {
    "",
    "{}",
    "{\"type\":\"a\"}",
    "{\"type\":\"a\",\"sequence_number\":7}",
    "{\"type\":\"a\",\"sequence_number\":70}",
    "{\"type\":\"a\",\"sequence_number\":",
    "z",
    "zz",
    "zzz",
    "zzzzzzzzzzzzzzzzz",
    "zzzzzzzzyzzzzzzzz",
    "no event at all",
    "{\"type\":\"a\",\"sequence_number\":7,\"delta\":\"aaaaaaaaaaaa\"}",
    "{\"type\":\"a\",\"sequence_number\":7,\"delta\":\"aaaaaaaaa\"}",
};

static struct packed_event event_at(size_t i, char room[4096])
{
	struct packed_event ev = {.type = (unsigned)(i * 7919 % 300), .seq = (int64_t)i, .delta = (int64_t)(i % 9) - 1};
	size_t n_odd = sizeof odd / sizeof *odd, pick = i * 2654435761u % 97;
	if (pick < n_odd) {
		ev.seq = i % 3 ? 7 : -3;
		ev.json = str_of(odd[pick]);
	} else if (pick < 20) {
		int n = snprintf(room, 4096,
				 "{\"type\":\"response.created\",\"sequence_number\":%zu,\"response\":\"%0*d\"}", i,
				 (int)(i * 31 % 3000), (int)i);
		ev.json = (struct str){room, (size_t)n};
	} else {
		int n = snprintf(room, 4096,
				 "{\"type\":\"response.output_text.%s\",\"sequence_number\":%zu,\"item_id\":\"msg_1\","
				 "\"delta\":\"%.*s\","
				 "\"logprobs\":[]}",
				 i % 11 ? "delta" : "done", i, (int)(i % 13), "aaabbbaaabbbaaa");
		ev.json = (struct str){room, (size_t)n};
	}
	return ev;
}

static void what_goes_in_comes_out(void)
{
	struct event_pack in, out;
	struct buf packed, json;
	char room[4096];
	size_t raw = 0;
	event_pack_init(&in);
	event_pack_init(&out);
	buf_init(&packed, SIZE_MAX / 2);
	buf_init(&json, SIZE_MAX / 2);
	for (size_t i = 0; i < EVENTS; i++) {
		struct packed_event ev = event_at(i, room);
		event_pack_add(&in, &packed, &ev);
		raw += ev.json.n;
	}
	struct str left = buf_str(&packed);
	for (size_t i = 0; i < EVENTS; i++) {
		struct packed_event want = event_at(i, room), got;
		event_pack_take(&out, &left, &json, &got);
		CHECK(got.type == want.type && got.seq == want.seq && got.delta == want.delta);
		CHECK_STR(got.json, want.json);
	}
	CHECK(left.n == 0);
	CHECK(packed.n < raw);
	event_pack_release(&in);
	event_pack_release(&out);
	buf_release(&packed);
	buf_release(&json);
}

static void a_delta_takes_little(void)
{
	struct event_pack p;
	struct buf packed;
	char room[400];
	event_pack_init(&p);
	buf_init(&packed, SIZE_MAX / 2);
	for (int i = 0; i < 100; i++) {
		int n = snprintf(
		    room, sizeof room,
		    "{\"type\":\"response.output_text.delta\",\"sequence_number\":%d,\"item_id\":\"msg_0123456789\","
		    "\"output_index\":0,\"content_index\":0,\"delta\":\"word%d \",\"logprobs\":[]}",
		    i, i);
		size_t before = packed.n;
		event_pack_add(&p, &packed, &(struct packed_event){.seq = i, .delta = 6, .json = {room, (size_t)n}});
		CHECK(!i || packed.n - before <= 16);
	}
	event_pack_release(&p);
	buf_release(&packed);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"what goes in comes out", what_goes_in_comes_out},
	    {"a delta takes little", a_delta_takes_little},
	};
	return test_main(tests, sizeof tests / sizeof tests[0]);
}
