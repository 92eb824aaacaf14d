/* call_test.c - one engine call against a scripted engine: every way it can go wrong ends typed. */
#include "engine/fake_test.h"

static struct str s_of(const struct probe *p)
{
	return buf_str(&p->text);
}

static void streams_an_answer(void)
{
	struct probe p = {0};
	fake_open(fake_chat_ok);
	fake_engines(true);
	for (int i = 0; i < 3; i++) {
		probe_run(&p, "m1");
		CHECK(p.e.code == ERR_NONE && p.ends == 1 && p.events == 2 && p.call.begun);
		CHECK(p.call.finish == FINISH_STOP && p.call.usage.input == 7 && p.call.usage.output == 2);
		CHECK_STR(s_of(&p), S("hello"));
		CHECK_STR(p.call.served_model, S("m1"));
		probe_free(&p);
	}
	CHECK(fake.chats == 3 && fake.peer.accepts == 1);
	CHECK(str_starts(buf_str(&fake.heard), S("POST /v1/chat/completions HTTP/1.1\r\n")));
	CHECK(memmem(fake.heard.p, fake.heard.n, "\"stream\":true", 13));
	fake_close();
}

/* --- what an engine can do to us --- */

static struct str cut_text;
static size_t cut_at;

static void chat_cut(struct peer_conn *pc, struct str request)
{
	peer_say(pc, FAKE_HEAD);
	fake_piece(pc, (struct str){cut_text.p, cut_at});
	fake_piece(pc, (struct str){cut_text.p + cut_at, cut_text.n - cut_at});
	peer_say(pc, "0\r\n\r\n");
}

static void chat_dies(struct peer_conn *pc, struct str request)
{
	peer_say(pc, FAKE_HEAD);
	fake_piece(pc, (struct str){cut_text.p, cut_at});
	conn_finish(&pc->conn);
}

static void reads_at_every_cut(void)
{
	fake_open(chat_cut);
	fake_engines(true);
	cut_text = S(FAKE_CHUNK("he") FAKE_CHUNK("llo") FAKE_END);
	for (cut_at = 0; cut_at <= cut_text.n; cut_at++) {
		struct probe p = {0};
		probe_run(&p, "m1");
		CHECK(p.e.code == ERR_NONE && p.call.usage.input == 7);
		CHECK_STR(s_of(&p), S("hello"));
		probe_free(&p);
	}
	fake_close();
}

static void notices_a_cut_stream(void)
{
	struct str no_end = S(FAKE_CHUNK("he") FAKE_CHUNK("llo"));
	fake_open(chat_dies);
	fake_engines(true);
	cut_text = no_end;
	for (cut_at = 0; cut_at <= cut_text.n; cut_at += 7) {
		struct probe p = {0};
		probe_run(&p, "m1");
		CHECK(p.e.code == ERR_ENGINE && p.ends == 1);
		CHECK(strstr(p.e.msg, "cut off"));
		probe_free(&p);
	}
	CHECK(fake.chats > 10);
	fake_close();
}

static void chat_html(struct peer_conn *pc, struct str request)
{
	peer_say(pc, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
}

static void chat_garbage(struct peer_conn *pc, struct str request)
{
	fake_stream(pc, "data: {\"choices\":[{\"delta\":{\"content\":7}\n\n");
}

static void chat_not_http(struct peer_conn *pc, struct str request)
{
	peer_say(pc, "garbage\r\n\r\n");
}

static void chat_500(struct peer_conn *pc, struct str request)
{
	fake_json(pc, 500, "", "{\"error\":{\"message\":\"/secret/path exploded\"}}");
}

static void chat_closes(struct peer_conn *pc, struct str request)
{
	conn_close(&pc->conn);
}

static void fails_typed(void)
{
	static void (*const ways[])(struct peer_conn *, struct str) = {chat_html, chat_garbage, chat_not_http, chat_500,
	                                                               chat_closes};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct probe p = {0};
		fake_open(ways[i]);
		fake_engines(true);
		probe_run(&p, "m1");
		CHECK(p.e.code == ERR_ENGINE && p.ends == 1 && *p.e.msg && !strstr(p.e.msg, "secret"));
		CHECK(fake.chats == 1 + (ways[i] == chat_closes)); /* the kept connection's one retry */
		probe_free(&p);
		fake_close();
	}
}

static void send_more(struct timer *t)
{
	struct peer_conn *pc = OWNER(t, struct peer_conn, later);
	static char many[1 << 20];
	if (pc->conn.closing)
		return;
	if (!*many)
		memset(many, 'a', sizeof many);
	if (conn_waiting(&pc->conn) < sizeof many)
		fake_piece(pc, (struct str){many, sizeof many});
	timer_start(fake.loop, &pc->later, 0, send_more);
}

/* A line without an end, 50 MB and on. */
static void chat_endless_line(struct peer_conn *pc, struct str request)
{
	peer_say(pc, FAKE_HEAD);
	fake_piece(pc, S("data: {\"a\":\""));
	timer_start(fake.loop, &pc->later, 0, send_more);
}

static void bounds_a_line(void)
{
	struct probe p = {0};
	fake_open(chat_endless_line);
	fake_engines(true);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_ENGINE && p.ends == 1);
	probe_free(&p);
	fake_close();
}

static void chat_hangs(struct peer_conn *pc, struct str request)
{
}

static void chat_stalls(struct peer_conn *pc, struct str request)
{
	peer_say(pc, FAKE_HEAD);
	fake_piece(pc, S(FAKE_CHUNK("he")));
}

static void keeps_deadlines(void)
{
	struct probe p = {0};
	fake_open(chat_hangs);
	fake.config.first_byte_ms = 20;
	fake.config.idle_ms = 20;
	fake_engines(true);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_ENGINE_TIMEOUT && fake.chats == 1 && !p.call.begun);
	probe_free(&p);
	fake.chat = chat_stalls;
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_ENGINE_TIMEOUT && p.call.begun);
	CHECK_STR(s_of(&p), S("he"));
	probe_free(&p);
	fake_close();
}

/* The end has been said but the connection stays open: the answer is whole. */
static void chat_lingers(struct peer_conn *pc, struct str request)
{
	peer_say(pc, FAKE_HEAD);
	fake_piece(pc, S(FAKE_CHUNK("hello") FAKE_END));
}

static void takes_a_whole_answer(void)
{
	struct probe p = {0};
	fake_open(chat_lingers);
	fake.config.idle_ms = 20;
	fake_engines(true);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_NONE && p.call.usage.input == 7);
	probe_free(&p);
	fake_close();
}

/* --- retries --- */

static int refusals;
static const char *refusal_headers;
static int refusal_status;

static void chat_refuses_first(struct peer_conn *pc, struct str request)
{
	if (fake.chats <= refusals)
		fake_json(pc, refusal_status, refusal_headers, "{\"error\":{\"message\":\"busy\"}}");
	else
		fake_chat_ok(pc, request);
}

static void retries_before_the_first_byte(void)
{
	static const int statuses[] = {429, 503};
	refusal_headers = "retry-after-ms: 1\r\n";
	for (int i = 0; i < 2; i++) {
		struct probe p = {0};
		fake_open(chat_refuses_first);
		fake_engines(true);
		refusal_status = statuses[i];
		refusals = 3;
		probe_run(&p, "m1");
		CHECK(p.e.code == ERR_NONE && fake.chats == 4);
		CHECK_STR(s_of(&p), S("hello"));
		probe_free(&p);
		fake.chats = 0;
		refusals = 100;
		probe_run(&p, "m1");
		CHECK(p.e.code == (statuses[i] == 429 ? ERR_ENGINE_BUSY : ERR_UNAVAILABLE));
		CHECK(fake.chats == 4 && p.e.retry_after_ms == 1);
		probe_free(&p);
		fake_close();
	}
}

static void passes_a_long_wait_on(void)
{
	struct probe p = {0};
	fake_open(chat_refuses_first);
	fake_engines(true);
	refusal_headers = "Retry-After: 60\r\n";
	refusal_status = 429;
	refusals = 100;
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_ENGINE_BUSY && fake.chats == 1 && p.e.retry_after_ms == 60000);
	probe_free(&p);
	fake_close();
}

static void retries_a_refused_connection(void)
{
	struct probe p = {0};
	fake_open(fake_chat_ok);
	struct str names[] = {S("m1")};
	fake.config.models = names;
	fake.config.n_models = 1;
	uv_close((uv_handle_t *)&fake.peer.listener, NULL);
	fake_run_ms(1);
	int64_t retries = engine_limits.retries;
	engine_limits.retries = 2;
	fake_engines(false);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_ENGINE && p.ends == 1);
	CHECK_STR(str_of(p.e.msg), S("The engine could not be reached: connection refused"));
	engine_limits.retries = retries;
	probe_free(&p);
	fake_close();
}

/* --- cancel and pause --- */

static void cancels_in_every_stage(void)
{
	struct probe p[3] = {0};
	fake_open(chat_hangs);
	fake.config.concurrency = 1;
	fake_engines(true);
	probe_start(&p[0], "m1");
	probe_start(&p[1], "m1"); /* waits for the slot */
	engine_call_cancel(&p[1].call);
	engine_call_cancel(&p[1].call);
	fake_run_ms(5);
	engine_call_cancel(&p[0].call); /* while it is asked */
	fake.chat = fake_chat_ok;
	p[2].cancel_at_event = true;
	probe_start(&p[2], "m1");
	fake_run();
	CHECK(p[2].events == 1 && p[0].ends + p[1].ends + p[2].ends == 0);
	struct probe last = {0};
	probe_run(&last, "m1"); /* the slot has come back each time */
	CHECK(last.e.code == ERR_NONE);
	/* The slot is granted, but its owner leaves before it hears of it. */
	struct probe q[2] = {0};
	fake.chat = chat_hangs;
	probe_start(&q[0], "m1");
	probe_start(&q[1], "m1");
	engine_call_cancel(&q[0].call);
	engine_call_cancel(&q[1].call);
	fake_run_ms(2);
	fake.chat = fake_chat_ok;
	probe_free(&last);
	probe_run(&last, "m1");
	CHECK(last.e.code == ERR_NONE && q[0].ends + q[1].ends == 0);
	probe_free(&last);
	for (int i = 0; i < 3; i++)
		probe_free(&p[i]);
	probe_free(&q[0]);
	probe_free(&q[1]);
	fake_close();
}

static void chat_in_two(struct peer_conn *pc, struct str request)
{
	peer_say(pc, FAKE_HEAD);
	fake_piece(pc, S(FAKE_CHUNK("he")));
}

static void pauses(void)
{
	struct probe p = {.pause_at_event = true};
	fake_open(chat_in_two);
	fake.config.idle_ms = 10;
	fake_engines(true);
	probe_start(&p, "m1");
	while (!p.events && !test_failed)
		fake_run_ms(1);
	struct peer_conn *pc = fake.peer.conns;
	fake_piece(pc, S(FAKE_CHUNK("llo") FAKE_END));
	peer_say(pc, "0\r\n\r\n");
	fake_run_ms(30); /* longer than idle_ms, which does not count now */
	CHECK(p.events == 1 && p.ends == 0);
	fake.stop_after = 1;
	engine_call_resume(&p.call);
	fake_run();
	CHECK(p.e.code == ERR_NONE && p.ends == 1);
	CHECK_STR(s_of(&p), S("hello"));
	probe_free(&p);
	fake_close();
}

/* --- context --- */

static size_t last_size;
static void chat_small_context(struct peer_conn *pc, struct str request)
{
	bool shrank = !last_size || request.n < last_size;
	CHECK(shrank);
	last_size = request.n;
	if (request.n > 1500)
		fake_json(pc, 400, "",
		          "{\"error\":{\"code\":400,\"message\":\"x\",\"type\":\"exceed_context_size_error\","
		          "\"n_prompt_tokens\":5000,\"n_ctx\":4096}}");
	else
		fake_chat_ok(pc, request);
}

static void long_prompt(struct probe *p, bool truncate)
{
	static char text[400];
	memset(text, 'w', sizeof text);
	for (int i = 0; i < 12; i++)
		prompt_add_text(&p->a, prompt_add(&p->a, &p->prompt, i % 2 ? ROLE_ASSISTANT : ROLE_USER),
		                (struct str){text, sizeof text});
	prompt_add_text(&p->a, prompt_add(&p->a, &p->prompt, ROLE_USER), S("the question"));
	p->prompt.truncate = truncate;
}

static void truncates_when_asked(void)
{
	struct probe p = {0};
	fake_open(chat_small_context);
	fake_engines(true);
	last_size = 0;
	long_prompt(&p, false);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_CONTEXT_LENGTH && fake.chats == 1);
	probe_free(&p);
	last_size = 0;
	long_prompt(&p, true);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_NONE && fake.chats > 2);
	CHECK(memmem(fake.heard.p, fake.heard.n, "the question", 12));
	probe_free(&p);
	fake_close();
}

static int counts;
static void chat_counts(struct peer_conn *pc, struct str request)
{
	char body[64];
	if (str_starts(request, S("POST /v1/chat/completions/input_tokens"))) {
		counts++;
		snprintf(body, sizeof body, "{\"input_tokens\":%zu}", request.n / 3);
		fake_json(pc, 200, "", body);
	} else {
		CHECK(request.n / 3 < 1000);
		CHECK(memmem(request.p, request.n, "\"max_tokens\":1000", 17));
		fake_chat_ok(pc, request);
	}
}

#define PROPS                                                                                          \
	"{\"default_generation_settings\":{\"n_ctx\":1000},\"total_slots\":3,\"modalities\":{\"vision\":false}," \
	"\"chat_template\":\"x\",\"chat_template_caps\":{\"supports_tool_calls\":false}}"

static void counts_tokens_where_it_matters(void)
{
	struct probe p = {0};
	fake_open(chat_counts);
	fake.props = PROPS;
	fake.props_status = 200;
	fake_engines(true);
	counts = 0;
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_NONE && counts == 0 && p.model.context == 1000 && !p.model.tools && !p.model.vision);
	probe_free(&p);
	long_prompt(&p, false);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_CONTEXT_LENGTH && counts == 1 && strstr(p.e.msg, "1000"));
	probe_free(&p);
	long_prompt(&p, true);
	probe_run(&p, "m1");
	CHECK(p.e.code == ERR_NONE && counts >= 2);
	probe_free(&p);
	fake_close();
}

/* --- counting for its own sake --- */

static void run_count(struct probe *p)
{
	struct err e = {0};
	p->call.on_event = probe_event;
	p->call.on_end = probe_end;
	CHECK(engine_find(fake.engines, &p->a, S("m1"), &p->model, &e));
	engine_count_start(fake.port, &p->call, &p->a, &p->model, &p->prompt);
	fake.stop_after = fake.ended + 1;
	fake_run();
}

static void counts_when_asked(void)
{
	struct probe p = {0};
	fake_open(chat_counts);
	fake.props_status = 200;
	fake.props = "{\"total_slots\":1,\"default_generation_settings\":{\"n_ctx\":1000}}";
	fake_engines(true);
	long_prompt(&p, false);
	counts = 0;
	run_count(&p);
	CHECK(p.e.code == ERR_NONE && p.call.exact && p.call.usage.input > 0 && counts == 1 && p.events == 0);
	probe_free(&p);
	fake_close();
	fake_open(fake_chat_ok); /* a kind that nobody knows */
	fake_engines(true);
	long_prompt(&p, false);
	run_count(&p);
	CHECK(p.e.code == ERR_NONE && !p.call.exact && p.call.usage.input > 0 && fake.chats == 0);
	probe_free(&p);
	fake_close();
}

int main(void)
{
	static const struct test_case tests[] = {
		{"streams an answer", streams_an_answer},
		{"reads at every cut", reads_at_every_cut},
		{"notices a cut stream", notices_a_cut_stream},
		{"fails typed", fails_typed},
		{"bounds a line", bounds_a_line},
		{"keeps deadlines", keeps_deadlines},
		{"takes a whole answer", takes_a_whole_answer},
		{"retries before the first byte", retries_before_the_first_byte},
		{"passes a long wait on", passes_a_long_wait_on},
		{"retries a refused connection", retries_a_refused_connection},
		{"cancels in every stage", cancels_in_every_stage},
		{"pauses", pauses},
		{"truncates when asked", truncates_when_asked},
		{"counts tokens where it matters", counts_tokens_where_it_matters},
		{"counts when asked", counts_when_asked},
	};
	log_setup(LOG_ERROR, false);
	return test_main(tests, sizeof tests / sizeof *tests);
}
