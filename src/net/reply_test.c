/* reply_test.c - replies in both forms through a real server and client on one loop; time is moved by hand. */
#include "net/reply.h"
#include "net/reply_setup.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/test.h"
#include "net/client.h"

static struct loop *l;
static struct server *server;
static struct client *client;
static struct arena arena;
static struct http_target target;
static int64_t clock_us;

/* The service's side of one request. */
static struct {
	struct service service;
	struct reply_owner owner;
	struct reply *reply;
	enum reply_form form;
	int gone, rooms;
} house;

/* The client's side. */
static struct {
	struct http_call call;
	struct buf body;
	int status;
	char type[64];
	int64_t length; /* -1: none told */
	bool ended;
	enum err_code failed;
} guest;

static void on_gone(struct reply_owner *o)
{
	house.gone++;
	house.reply = NULL;
}

static void on_room(struct reply_owner *o)
{
	house.rooms++;
}

static bool on_head(struct service *s, struct exchange *x, struct err *e)
{
	return true;
}

static void on_handle(struct service *s, struct exchange *x)
{
	house.owner = (struct reply_owner){on_gone, on_room};
	house.reply = reply_open(x, house.form, &house.owner);
}

static struct str on_failure(struct service *s, struct exchange *x, const struct err *e)
{
	return str_of(e->msg);
}

static void on_refuse(struct service *s, struct exchange *x, const struct err *e)
{
	exchange_send(x, err_rows[e->code].status, S("application/json"), str_of(e->msg));
}

static void on_answer(struct http_call *c, int status)
{
	struct str type = http_call_header(c, S("content-type")), length = http_call_header(c, S("content-length"));
	if (!str_int(length, &guest.length))
		guest.length = -1;
	guest.status = status;
	snprintf(guest.type, sizeof guest.type, "%.*s", FMT(type));
}

static void on_body(struct http_call *c, struct str bytes)
{
	buf_add(&guest.body, bytes);
}

static void on_end(struct http_call *c, const struct err *e)
{
	guest.ended = true;
	guest.failed = e->code;
}

/* --- driving the loop --- */

static bool (*wanted)(void);
static struct deferred watcher;
static int turns;

static void watch(struct deferred *d)
{
	/* A bound, so that a broken test ends. */
	if (wanted() || ++turns > 200000)
		loop_stop(l);
	else
		defer_start(l, d, watch);
}

/* Turns the loop, which never sleeps meanwhile, until the condition holds. */
static void until(bool (*condition)(void))
{
	wanted = condition;
	turns = 0;
	defer_start(l, &watcher, watch);
	loop_run(l);
	defer_cancel(&watcher);
	CHECK(condition());
}

static bool is_open(void)
{
	return house.reply;
}

static bool has_ended(void)
{
	return guest.ended;
}

static size_t expected; /* bytes that shall have arrived */

static bool has_come(void)
{
	return guest.body.n >= expected;
}

static int idle_turns;

static bool some_turns(void)
{
	return ++idle_turns > 50;
}

static void some(void)
{
	idle_turns = 0;
	until(some_turns);
}

static void forward(int64_t ms)
{
	clock_us += ms * 1000;
	clock_fake(clock_us);
	some();
}

static void come(struct str all)
{
	expected = all.n;
	until(has_come);
	some();
	CHECK_STR(buf_str(&guest.body), all);
}

static void begin(enum reply_form form)
{
	static const uint8_t key[16] = "fifteen letters";
	struct err e = {0};
	int port = 0;
	char url[64];
	clock_us = 1000000000;
	clock_fake(clock_us);
	reply_setup(key);
	memset(&house, 0, sizeof house);
	memset(&guest, 0, sizeof guest);
	house.service = (struct service){on_head, on_handle, on_refuse, on_failure, NULL};
	house.form = form;
	buf_init(&guest.body, 1 << 26);
	CHECK(loop_open(&l, &e));
	server = server_new(l, &house.service);
	CHECK(server_listen(server, &(struct listen_options){.host = S("127.0.0.1")}, &port, &e));
	client = client_new(l);
	snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
	CHECK(http_target_parse(&arena, str_of(url), &target, &e));
	guest.call = (struct http_call){.on_head = on_answer, .on_body = on_body, .on_end = on_end};
	http_call_start(client, &guest.call, &target, METHOD_POST, S("/x"), S(""), S("{}"));
	until(is_open);
}

static void finish(void)
{
	http_call_cancel(&guest.call);
	client_free(client);
	server_free(server);
	loop_close(l);
	buf_release(&guest.body);
	arena_free(&arena);
	clock_fake(0);
}

/* --- the tests --- */

static void sse(void)
{
	begin(REPLY_SSE);
	CHECK(reply_open_head(house.reply));
	forward(14999); /* it may still become an error */
	CHECK(guest.status == 0);
	reply_header(house.reply, S("X-Extra"), S("1"));
	reply_header(house.reply, S("X-Bad"), S("a\r\nb"));
	reply_event(house.reply, S("response.created"), S("{\"a\":1}"), 0, -1);
	CHECK(!reply_open_head(house.reply));
	come(S("event: response.created\ndata: {\"a\":1}\n\n"));
	CHECK(guest.status == 200);
	CHECK_STR(str_of(guest.type), S("text/event-stream; charset=utf-8"));
	CHECK_STR(http_call_header(&guest.call, S("cache-control")), S("no-cache"));
	CHECK_STR(http_call_header(&guest.call, S("x-accel-buffering")), S("no"));
	CHECK_STR(http_call_header(&guest.call, S("openai-version")), S("2020-10-01"));
	CHECK_STR(http_call_header(&guest.call, S("x-extra")), S("1"));
	CHECK(!http_call_header(&guest.call, S("x-bad")).p);
	forward(14999);
	come(S("event: response.created\ndata: {\"a\":1}\n\n"));
	forward(1);
	come(S("event: response.created\ndata: {\"a\":1}\n\n: keep-alive\n\n"));
	forward(10000);
	reply_event(house.reply, S(""), S("{\"b\":2}"), 1, -1); /* no name, and silence begins anew */
	forward(10000);
	come(S("event: response.created\ndata: {\"a\":1}\n\n: keep-alive\n\ndata: {\"b\":2}\n\n"));
	forward(5000);
	come(S("event: response.created\ndata: {\"a\":1}\n\n: keep-alive\n\ndata: {\"b\":2}\n\n: keep-alive\n\n"));
	reply_end(house.reply, 200, S("unseen"));
	until(has_ended);
	CHECK(guest.failed == ERR_NONE);
	come(S("event: response.created\ndata: {\"a\":1}\n\n: keep-alive\n\ndata: {\"b\":2}\n\n: keep-alive\n\ndata: "
	       "[DONE]\n\n"));
	CHECK(house.gone == 0);
	finish();
}

static void json(void)
{
	begin(REPLY_JSON);
	reply_event(house.reply, S("response.created"), S("{\"a\":1}"), 0, -1);
	reply_end(house.reply, 404, S("{\"whole\":1}"));
	until(has_ended);
	CHECK(guest.status == 404);
	CHECK(guest.length == 11);
	CHECK_STR(buf_str(&guest.body), S("{\"whole\":1}"));
	finish();
}

static void json_after_long_silence(void)
{
	begin(REPLY_JSON);
	forward(29999);
	come(S(""));
	CHECK(reply_open_head(house.reply));
	forward(1);
	come(S(" "));
	CHECK(guest.status == 200 && !reply_open_head(house.reply));
	CHECK_STR(str_of(guest.type), S("application/json"));
	forward(14999);
	come(S(" "));
	forward(1);
	come(S("  "));
	reply_end(house.reply, 500, S("{\"status\":\"failed\"}"));
	until(has_ended);
	CHECK(guest.status == 200);
	CHECK_STR(buf_str(&guest.body), S("  {\"status\":\"failed\"}"));
	finish();
}

static void failures(void)
{
	for (int form = REPLY_SSE; form <= REPLY_JSON; form++) {
		struct err e = {0};
		begin((enum reply_form)form);
		fail(&e, ERR_CONTEXT_LENGTH, NULL, "too long");
		reply_fail(house.reply, &e);
		until(has_ended);
		CHECK(guest.status == 400);
		CHECK_STR(buf_str(&guest.body), S("too long"));
		finish();
	}
}

/* Before the first event a stream is not silent either, and what fails then is still told. */
static void sse_before_any_event(void)
{
	struct err e = {0};
	begin(REPLY_SSE);
	forward(15000);
	come(S(": keep-alive\n\n"));
	CHECK(guest.status == 200 && !reply_open_head(house.reply));
	CHECK_STR(str_of(guest.type), S("text/event-stream; charset=utf-8"));
	forward(15000);
	come(S(": keep-alive\n\n: keep-alive\n\n"));
	fail(&e, ERR_CONTEXT_LENGTH, NULL, "too long");
	reply_fail(house.reply, &e);
	until(has_ended);
	CHECK(guest.failed == ERR_NONE);
	come(S(": keep-alive\n\n: keep-alive\n\nevent: error\ndata: too long\n\ndata: [DONE]\n\n"));
	finish();
}

static void json_fails_late(void)
{
	struct err e = {0};
	begin(REPLY_JSON);
	forward(30000);
	come(S(" "));
	fail(&e, ERR_CONTEXT_LENGTH, NULL, "too long");
	reply_fail(house.reply, &e);
	until(has_ended);
	CHECK(guest.status == 200 && guest.failed == ERR_NONE);
	come(S(" too long"));
	finish();
}

/* Who waits for events is not told of comments. */
static void comments_are_no_events(void)
{
	int64_t at;
	begin(REPLY_SSE);
	reply_event(house.reply, S("a"), S("{}"), 0, -1);
	at = reply_event_ms(house.reply);
	forward(15000);
	come(S("event: a\ndata: {}\n\n: keep-alive\n\n"));
	CHECK(reply_event_ms(house.reply) == at);
	reply_event(house.reply, S("a"), S("{}"), 1, -1);
	CHECK(reply_event_ms(house.reply) == at + 15000);
	reply_drop(house.reply);
	until(has_ended);
	finish();
}

static void dropped(void)
{
	begin(REPLY_SSE);
	reply_event(house.reply, S("a"), S("{}"), 0, -1);
	reply_drop(house.reply);
	until(has_ended);
	CHECK(guest.failed == ERR_ENGINE); /* cut, not ended */
	CHECK_STR(buf_str(&guest.body), S("event: a\ndata: {}\n\n"));
	CHECK(house.gone == 0);
	finish();
}

static bool was_gone(void)
{
	return house.gone > 0;
}

static void client_leaves(void)
{
	begin(REPLY_JSON);
	http_call_cancel(&guest.call);
	until(was_gone);
	CHECK(house.gone == 1);
	finish();
	begin(REPLY_SSE);
	reply_event(house.reply, S("a"), S("{}"), 0, -1);
	come(S("event: a\ndata: {}\n\n"));
	server_free(server); /* the server ends first */
	CHECK(house.gone == 1);
	server = NULL;
	finish();
}

static bool has_room(void)
{
	return house.rooms > 0;
}

static void full(void)
{
	static char big[70000];
	memset(big, 'x', sizeof big);
	big[0] = '{';
	big[sizeof big - 1] = '}';
	begin(REPLY_SSE);
	size_t sent = 0;
	http_call_pause(&guest.call);
	while (sent < 2000 && !reply_full(house.reply)) {
		reply_event(house.reply, S("a"), (struct str){big, sizeof big}, (int64_t)sent++, -1);
		idle_turns = 45;
		until(some_turns);
	}
	CHECK(sent < 2000);
	CHECK(house.rooms == 0);
	http_call_resume(&guest.call);
	until(has_room);
	CHECK(!reply_full(house.reply));
	reply_end(house.reply, 200, S(""));
	until(has_ended);
	CHECK(guest.body.n == sent * (sizeof big + sizeof "event: a\ndata: \n\n" - 1) + sizeof "data: [DONE]\n\n" - 1);
	finish();
}

/* The obfuscation of one event with a delta of `n` bytes. */
static struct str pad_of(const char *id, int64_t seq, int n)
{
	static char pads[8][32];
	static int at;
	char event[256], *pad = pads[at++ % 8];
	snprintf(event, sizeof event, "{\"delta\":\"%.*s\"}", n, "0123456789012345678901234567890123456789");
	begin(REPLY_SSE);
	reply_obfuscate(house.reply, str_of(id));
	reply_event(house.reply, S("d"), str_of(event), seq, n);
	reply_end(house.reply, 200, S(""));
	until(has_ended);
	char want[256];
	int got = sscanf(guest.body.n ? (buf_byte(&guest.body, '\0'), guest.body.p) : "",
			 "event: d data: %*[^,],\"obfuscation\":\"%31[A-Za-z0-9]\"}", pad);
	CHECK(got == 1);
	snprintf(want, sizeof want, "event: d\ndata: {\"delta\":\"%.*s\",\"obfuscation\":\"%s\"}\n\ndata: [DONE]\n\n",
		 n, "0123456789012345678901234567890123456789", pad);
	CHECK_STR(str_of(guest.body.p), str_of(want));
	finish();
	return str_of(pad);
}

static void obfuscation(void)
{
	for (int n = 0; n <= 33; n++) {
		struct str pad = pad_of("resp_1", 5, n);
		CHECK(pad.n >= 1 && pad.n <= 16 && (pad.n + (size_t)n) % 16 == 0);
	}
	struct str a = pad_of("resp_1", 5, 0);
	CHECK_STR(pad_of("resp_1", 5, 0), a);
	CHECK(!str_eq(pad_of("resp_1", 6, 0), a));
	CHECK(!str_eq(pad_of("resp_2", 5, 0), a));
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"events, comments and the end", sse},
	    {"a whole JSON answer", json},
	    {"a JSON answer after a long silence", json_after_long_silence},
	    {"failures before anything was sent", failures},
	    {"a stream that is silent before its first event", sse_before_any_event},
	    {"a JSON answer that fails after its head", json_fails_late},
	    {"comments are no events", comments_are_no_events},
	    {"a dropped reply is cut", dropped},
	    {"the client leaves, the server ends", client_leaves},
	    {"a full reply gets room", full},
	    {"obfuscation fills up to 16", obfuscation},
	};
	if (sodium_init() < 0)
		return 1;
	unsetenv("http_proxy");
	unsetenv("HTTP_PROXY");
	return test_main(tests, sizeof tests / sizeof tests[0]);
}
