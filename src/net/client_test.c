/* client_test.c - the HTTP client against a scripted peer: framing at every cut, pool, deadlines, cancel. */
#include "net/client.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "base/test.h"
#include "net/peer_test.h"

/* One call and what came of it. */
struct probe {
	struct http_call call;
	struct loop *loop;
	int status, ends;
	struct err e;
	struct buf body;
	size_t cancel_after, pause_after; /* bytes of body; 0: never */
	bool keep_running;
	void (*then)(struct probe *); /* at the end */
};

struct bench {
	struct loop *loop;
	struct client *client;
	struct peer peer;
	struct arena a;
	struct http_target target;
	struct timer watchdog, step;
};

static struct bench b;

static void on_head(struct http_call *call, int status)
{
	OWNER(call, struct probe, call)->status = status;
}

static void on_body(struct http_call *call, struct str bytes)
{
	struct probe *p = OWNER(call, struct probe, call);
	buf_add(&p->body, bytes);
	if (p->cancel_after && p->body.n >= p->cancel_after) {
		http_call_cancel(call);
		p->cancel_after = 0;
	}
	if (p->pause_after && p->body.n >= p->pause_after) {
		http_call_pause(call);
		p->pause_after = 0;
	}
}

static void on_end(struct http_call *call, const struct err *e)
{
	struct probe *p = OWNER(call, struct probe, call);
	CHECK(!call->conn);
	p->ends++;
	p->e = *e;
	if (p->then)
		p->then(p);
	else
		loop_stop(p->loop);
}

static void on_watchdog(struct timer *t)
{
	CHECK(!"the test hangs");
	loop_stop(b.loop);
}

static void on_stop(struct timer *t)
{
	loop_stop(b.loop);
}

static void bench_open(const char *path, void (*answer)(struct peer *, struct peer_conn *, struct str))
{
	struct err e = {0};
	b = (struct bench){0};
	CHECK(loop_open(&b.loop, &e));
	peer_open(&b.peer, b.loop, path, answer);
	b.client = client_new(b.loop);
	struct str url = path ? str_fmt(&b.a, "unix:%s", path) : str_fmt(&b.a, "http://127.0.0.1:%d/v1", b.peer.port);
	CHECK(http_target_parse(&b.a, url, &b.target, &e));
}

static void bench_close(void)
{
	timer_cancel(&b.watchdog);
	client_free(b.client);
	peer_close(&b.peer);
	loop_close(b.loop);
	peer_free(&b.peer);
	arena_free(&b.a);
}

static void run(void)
{
	timer_start(b.loop, &b.watchdog, 20000, on_watchdog);
	loop_run(b.loop);
	timer_cancel(&b.watchdog);
}

static void run_ms(int64_t ms)
{
	timer_start(b.loop, &b.step, ms, on_stop);
	run();
	timer_cancel(&b.step);
}

static void probe_start(struct probe *p, enum method m, const char *path, const char *body)
{
	p->loop = b.loop;
	p->status = p->ends = 0;
	p->e = (struct err){0};
	p->call.on_head = on_head;
	p->call.on_body = on_body;
	p->call.on_end = on_end;
	if (!p->body.max)
		buf_init(&p->body, 1 << 28);
	buf_clear(&p->body);
	http_call_start(b.client, &p->call, &b.target, m, str_of(path), S("Content-Type: application/json\r\n"),
	                str_of(body));
	CHECK(p->ends == 0);
}

static void probe_run(struct probe *p, enum method m, const char *path, const char *body)
{
	probe_start(p, m, path, body);
	run();
}

/* --- the peer's scripts --- */

static struct str script; /* what the peer answers */
static size_t script_cut; /* after so many bytes it waits for the loop */
static bool script_close; /* and closes after it */
static struct buf heard;

static void say_rest(struct timer *t)
{
	struct peer_conn *pc = OWNER(t, struct peer_conn, later);
	conn_write(&pc->conn, pc->rest);
	if (script_close)
		conn_finish(&pc->conn);
}

static void say_script(struct peer *p, struct peer_conn *pc, struct str request)
{
	if (!heard.max)
		buf_init(&heard, 1 << 20);
	buf_clear(&heard);
	buf_add(&heard, request);
	size_t cut = script_cut < script.n ? script_cut : script.n;
	conn_write(&pc->conn, (struct str){script.p, cut});
	pc->rest = (struct str){script.p + cut, script.n - cut};
	if (cut < script.n)
		timer_start(p->loop, &pc->later, 0, say_rest);
	else if (script_close)
		conn_finish(&pc->conn);
}

static void say_nothing(struct peer *p, struct peer_conn *pc, struct str request)
{
}

static void set_script(struct str text, size_t cut, bool close_after)
{
	script = text;
	script_cut = cut;
	script_close = close_after;
}

#define SIZED "HTTP/1.1 200 OK\r\nContent-Type: text/plain \r\nContent-Length: 5\r\n\r\nhello"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=1\r\nllo\r\n0\r\n\r\n"
#define UNTIL_CLOSE "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello"
#define INTERIM "HTTP/1.1 100 Continue\r\nX-No: 1\r\n\r\nHTTP/1.1 103 Early\r\n\r\n" SIZED

static void keeps_connections(void)
{
	struct probe p = {0};
	bench_open(NULL, say_script);
	set_script(S(SIZED), SIZE_MAX, false);
	for (int i = 0; i < 5; i++) {
		probe_run(&p, METHOD_POST, "/v1/x", "{\"a\":1}");
		CHECK(p.e.code == ERR_NONE && p.status == 200 && p.ends == 1);
		CHECK_STR(buf_str(&p.body), S("hello"));
	}
	CHECK(b.peer.accepts == 1 && b.peer.requests == 5);
	char want[300];
	snprintf(want, sizeof want,
	         "POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 7\r\n"
	         "Content-Type: application/json\r\n\r\n{\"a\":1}",
	         b.peer.port);
	CHECK_STR(buf_str(&heard), str_of(want));
	probe_run(&p, METHOD_GET, "/v1/models", NULL);
	CHECK(str_starts(buf_str(&heard), S("GET /v1/models HTTP/1.1\r\n")));
	CHECK(!memmem(heard.p, heard.n, "Content-Length", 14));
	buf_release(&p.body);
	bench_close();
}

static void reads_every_framing_at_every_cut(void)
{
	static const struct {
		struct str text;
		bool close_after;
	} answers[] = {{STR(SIZED), false}, {STR(CHUNKED), false}, {STR(UNTIL_CLOSE), true}, {STR(INTERIM), false}};
	struct probe p = {0};
	bench_open(NULL, say_script);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		for (size_t cut = 0; cut <= answers[i].text.n; cut++) {
			set_script(answers[i].text, cut, answers[i].close_after);
			probe_run(&p, METHOD_POST, "/v1/x", "{}");
			CHECK(p.e.code == ERR_NONE && p.status == 200);
			CHECK_STR(buf_str(&p.body), S("hello"));
		}
	buf_release(&p.body);
	bench_close();
}

static void notices_cut_answers(void)
{
	static const struct str answers[] = {STR(SIZED), STR(CHUNKED)};
	struct probe p = {0};
	bench_open(NULL, say_script);
	for (size_t i = 0; i < 2; i++)
		for (size_t cut = 0; cut < answers[i].n; cut++) {
			set_script((struct str){answers[i].p, cut}, SIZE_MAX, true);
			probe_run(&p, METHOD_POST, "/v1/x", "{}");
			CHECK(p.e.code == ERR_ENGINE && p.ends == 1 && p.call.sent);
			CHECK(!cut == !strstr(p.e.msg, "cut off"));
		}
	buf_release(&p.body);
	bench_close();
}

static void refuses_garbage(void)
{
	static const struct str answers[] = {
		STR("SSH-2.0-OpenSSH_9.2\r\n"),
		STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		STR("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
		STR("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
		STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
		STR("{\"error\":\"not http\"}"),
	};
	struct probe p = {0};
	bench_open(NULL, say_script);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		set_script(answers[i], SIZE_MAX, false);
		probe_run(&p, METHOD_POST, "/v1/x", "{}");
		CHECK(p.e.code == ERR_ENGINE && strstr(p.e.msg, "not valid HTTP"));
	}
	buf_release(&p.body);
	bench_close();
}

static void bounds_the_head_and_the_body(void)
{
	struct probe p = {0};
	struct buf big;
	bench_open(NULL, say_script);
	buf_init(&big, 1 << 22);
	buf_add(&big, S("HTTP/1.1 200 OK\r\nX-Long: "));
	for (int i = 0; i < 100000; i++)
		buf_byte(&big, 'x');
	buf_add(&big, S("\r\nContent-Length: 0\r\n\r\n"));
	set_script(buf_str(&big), SIZE_MAX, false);
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE && strstr(p.e.msg, "head is too long"));
	set_script(S(SIZED), SIZE_MAX, false);
	p.call.body_max = 4;
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE && strstr(p.e.msg, "too long"));
	p.call.body_max = 5;
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_NONE);
	buf_release(&big);
	buf_release(&p.body);
	bench_close();
}

static struct str type_seen;
static void note_type(struct http_call *call, int status)
{
	type_seen = str_copy(&b.a, http_call_header(call, S("content-TYPE")));
	CHECK(!http_call_header(call, S("absent")).p);
	on_head(call, status);
}

static void gives_headers(void)
{
	struct probe p = {0};
	bench_open(NULL, say_script);
	set_script(S(INTERIM), SIZE_MAX, false);
	probe_start(&p, METHOD_POST, "/v1/x", "{}");
	p.call.on_head = note_type;
	run();
	CHECK_STR(type_seen, S("text/plain"));
	CHECK(!http_call_header(&p.call, S("content-type")).p);
	buf_release(&p.body);
	bench_close();
}

/* --- the pool's races --- */

static void drop_second(struct peer *p, struct peer_conn *pc, struct str request)
{
	if (p->requests == 2)
		conn_close(&pc->conn); /* as if it had timed out just before the request came */
	else
		say_script(p, pc, request);
}

static void retries_a_stale_connection_once(void)
{
	struct probe p = {0};
	bench_open(NULL, drop_second);
	set_script(S(SIZED), SIZE_MAX, false);
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	probe_run(&p, METHOD_POST, "/v1/x", "{\"again\":true}");
	CHECK(p.e.code == ERR_NONE && p.status == 200 && p.ends == 1);
	CHECK(b.peer.accepts == 2 && b.peer.requests == 3);
	CHECK(memmem(heard.p, heard.n, "{\"again\":true}", 14));
	buf_release(&p.body);
	bench_close();
}

static void drop_all(struct peer *p, struct peer_conn *pc, struct str request)
{
	conn_close(&pc->conn);
}

static void does_not_retry_a_fresh_connection(void)
{
	struct probe p = {0};
	bench_open(NULL, drop_all);
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE && p.call.sent && b.peer.accepts == 1);
	CHECK(strstr(p.e.msg, "did not answer"));
	buf_release(&p.body);
	bench_close();
}

static void forgets_connections_that_end(void)
{
	struct probe p = {0};
	bench_open(NULL, say_script);
	set_script(S("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"), SIZE_MAX, false);
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_NONE && b.peer.accepts == 2);
	/* Bytes after the answer: such a connection must not be used again. */
	set_script(S(SIZED "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), SIZE_MAX, false);
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK_STR(buf_str(&p.body), S("hello"));
	set_script(S(SIZED), SIZE_MAX, false);
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK_STR(buf_str(&p.body), S("hello"));
	CHECK(b.peer.accepts == 4);
	buf_release(&p.body);
	bench_close();
}

/* --- time, cancel, pause --- */

static void keeps_deadlines(void)
{
	struct probe p = {.call = {.first_byte_ms = 20}};
	bench_open(NULL, say_nothing);
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE_TIMEOUT && strstr(p.e.msg, "did not begin"));
	b.peer.answer = say_script;
	set_script(S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"), SIZE_MAX, false);
	p.call.first_byte_ms = 0;
	p.call.idle_ms = 20;
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE_TIMEOUT && strstr(p.e.msg, "did not finish"));
	p.call.idle_ms = 0;
	p.call.total_ms = 20;
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE_TIMEOUT && p.ends == 1);
	buf_release(&p.body);
	bench_close();
}

static void cancels_at_once(void)
{
	struct probe p = {0};
	bench_open(NULL, say_script);
	set_script(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n"), SIZE_MAX, false);
	probe_start(&p, METHOD_POST, "/v1/x", "{}");
	http_call_cancel(&p.call); /* before it is connected */
	http_call_cancel(&p.call);
	run_ms(20);
	CHECK(p.ends == 0 && !p.call.conn);
	p.cancel_after = 1;
	probe_start(&p, METHOD_POST, "/v1/x", "{}");
	while (p.cancel_after && !test_failed)
		run_ms(1);
	for (int gone = b.peer.gone, i = 0; b.peer.gone == gone && b.peer.gone < b.peer.accepts && i < 5000; i++)
		run_ms(1);
	CHECK(b.peer.gone == b.peer.accepts && p.ends == 0);
	buf_release(&p.body);
	bench_close();
}

static void pauses(void)
{
	struct probe p = {.pause_after = 1};
	struct buf big;
	bench_open(NULL, say_script);
	buf_init(&big, 1 << 26);
	buf_add(&big, S("HTTP/1.1 200 OK\r\nContent-Length: 33554432\r\n\r\n"));
	size_t head = big.n;
	memset(buf_room(&big, 33554432), 'z', 33554432);
	big.n += 33554432;
	set_script(buf_str(&big), SIZE_MAX, false);
	p.call.idle_ms = 10; /* does not count while paused */
	probe_start(&p, METHOD_POST, "/v1/x", "{}");
	for (int i = 0; i < 40; i++)
		run_ms(1);
	CHECK(p.ends == 0 && p.body.n > 0 && p.body.n <= 65536);
	p.call.idle_ms = 0;
	http_call_resume(&p.call);
	run();
	CHECK(p.ends == 1 && p.e.code == ERR_NONE && p.body.n == big.n - head);
	buf_release(&big);
	buf_release(&p.body);
	bench_close();
}

static void tells_of_engines_that_are_not_there(void)
{
	struct probe p = {0};
	bench_open(NULL, say_script);
	struct err e = {0};
	int port = b.peer.port;
	uv_close((uv_handle_t *)&b.peer.listener, NULL);
	run_ms(1);
	CHECK(http_target_parse(&b.a, str_fmt(&b.a, "http://127.0.0.1:%d", port), &b.target, &e));
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE && !p.call.sent && strstr(p.e.msg, "refused"));
	CHECK(http_target_parse(&b.a, S("unix:/nonexistent/x.sock"), &b.target, &e));
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE && !p.call.sent);
	CHECK(http_target_parse(&b.a, S("http://does-not-exist.invalid"), &b.target, &e));
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_ENGINE && !p.call.sent);
	probe_start(&p, METHOD_POST, "/v1/x", "{}");
	buf_release(&p.body);
	bench_close(); /* with a look-up under way */
}

static void speaks_over_unix_sockets_and_names(void)
{
	struct probe p = {0};
	char path[64];
	snprintf(path, sizeof path, "/tmp/antiphon-client-test-%d.sock", getpid());
	bench_open(path, say_script);
	set_script(S(CHUNKED), 7, false);
	for (int i = 0; i < 2; i++) {
		probe_run(&p, METHOD_POST, "/v1/x", "{}");
		CHECK(p.e.code == ERR_NONE && p.status == 200);
	}
	CHECK(b.peer.accepts == 1 && memmem(heard.p, heard.n, "Host: localhost\r\n", 17));
	bench_close();
	unlink(path);
	struct err e = {0};
	bench_open(NULL, say_script);
	CHECK(http_target_parse(&b.a, str_fmt(&b.a, "http://localhost:%d/base/v1/", b.peer.port), &b.target, &e));
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_NONE && str_starts(buf_str(&heard), S("POST /base/v1/x HTTP/1.1\r\n")));
	buf_release(&p.body);
	bench_close();
}

static void call_again(struct probe *p)
{
	if (b.peer.requests < 50)
		probe_start(p, METHOD_POST, "/v1/x", "{}");
	else
		loop_stop(b.loop);
}

static void may_start_anew_in_the_end(void)
{
	struct probe p = {.then = call_again};
	bench_open(NULL, say_script);
	set_script(S(SIZED), SIZE_MAX, false);
	probe_start(&p, METHOD_POST, "/v1/x", "{}");
	run();
	CHECK(b.peer.requests == 50 && b.peer.accepts == 1);
	buf_release(&p.body);
	bench_close();
}

/* Its answer comes before the body has ended: the connection cannot be used again. */
static void sends_a_body_in_pieces(void)
{
	struct probe p = {.call = {.streams = true}};
	bench_open(NULL, say_script);
	set_script(S(SIZED), SIZE_MAX, false);
	probe_start(&p, METHOD_POST, "/v1/x", "");
	CHECK(http_call_write(&p.call, S("one")) && http_call_write(&p.call, S("")));
	run();
	CHECK(p.e.code == ERR_NONE && p.status == 200);
	CHECK(memmem(heard.p, heard.n, "Transfer-Encoding: chunked\r\n", 28));
	CHECK(!memmem(heard.p, heard.n, "Content-Length", 14));
	CHECK(http_call_write(&p.call, S("too late")));
	p.call.streams = false;
	probe_run(&p, METHOD_POST, "/v1/x", "{}");
	CHECK(p.e.code == ERR_NONE && b.peer.accepts == 2);
	buf_release(&p.body);
	bench_close();
}

static void frees_with_calls_running(void)
{
	struct probe p[3] = {0};
	bench_open(NULL, say_nothing);
	for (int i = 0; i < 3; i++)
		probe_start(&p[i], METHOD_POST, "/v1/x", "{}");
	run_ms(5);
	bench_close();
	for (int i = 0; i < 3; i++) {
		CHECK(p[i].ends == 0 && !p[i].call.conn);
		buf_release(&p[i].body);
	}
}

int main(void)
{
	static const struct test_case tests[] = {
		{"keeps connections", keeps_connections},
		{"reads every framing at every cut", reads_every_framing_at_every_cut},
		{"notices cut answers", notices_cut_answers},
		{"refuses garbage", refuses_garbage},
		{"bounds the head and the body", bounds_the_head_and_the_body},
		{"gives headers", gives_headers},
		{"retries a stale connection once", retries_a_stale_connection_once},
		{"does not retry a fresh connection", does_not_retry_a_fresh_connection},
		{"forgets connections that end", forgets_connections_that_end},
		{"keeps deadlines", keeps_deadlines},
		{"cancels at once", cancels_at_once},
		{"pauses", pauses},
		{"tells of engines that are not there", tells_of_engines_that_are_not_there},
		{"speaks over unix sockets and names", speaks_over_unix_sockets_and_names},
		{"may start anew in the end", may_start_anew_in_the_end},
		{"sends a body in pieces", sends_a_body_in_pieces},
		{"frees with calls running", frees_with_calls_running},
	};
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	int bad = test_main(tests, sizeof tests / sizeof *tests);
	buf_release(&heard);
	return bad;
}
