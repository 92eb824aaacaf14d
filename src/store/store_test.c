/* store_test.c - every verb of the store, on a real database. */
#include "store/rig_sql.h"
#include "store/sweep.h"

static void put_and_get(void)
{
	struct rig r = {0};
	struct rig_turn x;
	struct arena a = {0};
	struct stored_response got;
	struct stored_context c;
	rig_open(&r);
	rig_turn(&x, 0, 2, 2);
	x.items[2].json = S("{\"a\":1}");
	x.items[3].json = S("{\"b\":2}");
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NONE);
	CHECK_STR(got.json, S("{\"object\":\"response\",\"output\":[{\"a\":1},{\"b\":2}],\"x\":1}"));
	CHECK_STR(got.status, S("completed"));
	CHECK(got.created_at == x.t.created_at && got.id.key == x.t.id.key);
	CHECK(rig_context(&r, 1, x.id, &a, &c) == ERR_NONE);
	CHECK(c.n == 4 && c.n_output == 2 && c.key == x.t.id.key);
	CHECK_STR(c.items[0].json, x.items[0].json);
	CHECK_STR(c.items[3].json, S("{\"b\":2}"));
	CHECK(!memcmp(c.items[3].id.rnd, x.items[3].id.rnd, ID_RND));
	/* An empty output, and none at all stored. */
	rig_turn(&x, 0, 1, 0);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NONE);
	CHECK_STR(got.json, x.t.body);
	rig_turn(&x, 0, 1, 1);
	x.t.store = false;
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NOT_FOUND);
	arena_free(&a);
	rig_end_all(&r);
}

static void not_found_elsewhere(void)
{
	struct rig r = {0};
	struct rig_turn x;
	struct arena a = {0};
	struct stored_response got;
	struct stored_context c;
	struct stored_page page;
	struct stored_item item;
	struct page_query q = {.limit = 10};
	char iid[ID_MAX];
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	x.items[0].foreign_id = S("theirs");
	CHECK(rig_put(&r, &x) == ERR_NONE);
	/* Another project: not found on every verb. */
	CHECK(rig_get(&r, 2, x.id, &a, &got) == ERR_NOT_FOUND);
	CHECK(rig_context(&r, 2, x.id, &a, &c) == ERR_PREVIOUS_NOT_FOUND);
	CHECK(rig_delete(&r, 2, x.id) == ERR_NOT_FOUND);
	struct rig_wait w = rig_wait(&r);
	store_list_input(r.port, &w.op, 2, str_of(x.id), &q, &a, &page);
	CHECK(rig_end(&w) == ERR_NOT_FOUND);
	struct str ids[] = {id_text(iid, "msg", &x.items[1].id), S("theirs")};
	for (int i = 0; i < 2; i++) {
		w = rig_wait(&r);
		store_get_items(r.port, &w.op, 2, &ids[i], 1, &a, &item);
		CHECK(rig_end(&w) == ERR_NONE && !item.json.p);
		w = rig_wait(&r);
		store_get_items(r.port, &w.op, 1, &ids[i], 1, &a, &item);
		CHECK(rig_end(&w) == ERR_NONE && item.json.p);
	}
	struct rig_turn child;
	rig_turn(&child, x.t.id.key, 1, 1);
	child.t.project = 2;
	CHECK(rig_put(&r, &child) == ERR_PREVIOUS_NOT_FOUND);
	rig_turn(&child, 0, 1, 1);
	child.t.project = 2;
	child.items[0] = (struct turn_item){.id = x.items[0].id};
	CHECK(rig_put(&r, &child) == ERR_NOT_FOUND);
	arena_free(&a);
	rig_end_all(&r);
}

static void not_found_by_guessing(void)
{
	struct rig r = {0};
	struct rig_turn x;
	struct arena a = {0};
	struct stored_response got;
	struct stored_context c;
	struct stored_item item;
	struct str ids[1];
	char id[ID_MAX], iid[ID_MAX];
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	/* A guessed random part, a wrong shape. */
	struct id guess = x.t.id;
	guess.rnd[3] ^= 1;
	id_text(id, "resp", &guess);
	CHECK(rig_get(&r, 1, id, &a, &got) == ERR_NOT_FOUND);
	CHECK(rig_context(&r, 1, id, &a, &c) == ERR_PREVIOUS_NOT_FOUND);
	CHECK(rig_delete(&r, 1, id) == ERR_NOT_FOUND);
	guess = x.items[1].id;
	guess.rnd[3] ^= 1;
	ids[0] = id_text(iid, "msg", &guess);
	struct rig_wait w = rig_wait(&r);
	store_get_items(r.port, &w.op, 1, ids, 1, &a, &item);
	CHECK(rig_end(&w) == ERR_NONE && !item.json.p);
	CHECK(rig_get(&r, 1, "resp_1", &a, &got) == ERR_NOT_FOUND);
	w = rig_wait(&r);
	store_get_response(r.port, &w.op, 1, S("resp_1"), &a, &got);
	rig_end(&w);
	CHECK_STR(str_of(w.err.msg), S("Response with id 'resp_1' not found."));
	w = rig_wait(&r);
	store_get_context(r.port, &w.op, 1, S("resp_1"), &a, &c);
	rig_end(&w);
	CHECK_STR(str_of(w.err.msg), S("Previous response with id 'resp_1' not found."));
	CHECK_STR(str_of(w.err.param), S("previous_response_id"));
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NONE);
	arena_free(&a);
	rig_end_all(&r);
}

static enum err_code list(struct rig *r, const char *id, struct page_query q, struct arena *a, struct stored_page *ret)
{
	struct rig_wait w = rig_wait(r);
	store_list_input(r->port, &w.op, 1, str_of(id), &q, a, ret);
	return rig_end(&w);
}

static void pages(void)
{
	struct rig r = {0};
	struct rig_turn first, x;
	struct arena a = {0};
	struct stored_page p;
	char id2[ID_MAX], id5[ID_MAX], out[ID_MAX];
	rig_open(&r);
	rig_turn(&first, 0, 2, 1);
	CHECK(rig_put(&r, &first) == ERR_NONE);
	rig_turn(&x, first.t.id.key, 4, 2);
	x.items[1].foreign_id = S("mine");
	CHECK(rig_put(&r, &x) == ERR_NONE);
	/* What it stood on: 2 + 1 inherited, 4 of its own, not its 2 outputs. */
	struct str all[7];
	for (int i = 0; i < 3; i++)
		all[i] = first.items[i].json;
	for (int i = 0; i < 4; i++)
		all[3 + i] = x.items[i].json;
	CHECK(list(&r, x.id, (struct page_query){.limit = 20, .ascending = true}, &a, &p) == ERR_NONE);
	CHECK(p.n == 7 && !p.has_more);
	for (size_t i = 0; i < p.n; i++)
		CHECK_STR(p.items[i].json, all[i]);
	CHECK(list(&r, x.id, (struct page_query){.limit = 3}, &a, &p) == ERR_NONE);
	CHECK(p.n == 3 && p.has_more);
	CHECK_STR(p.items[0].json, all[6]);
	CHECK_STR(p.items[2].json, all[4]);
	struct str after = id_text(id2, "msg", &first.items[2].id);
	CHECK(list(&r, x.id, (struct page_query){.limit = 2, .after = after, .ascending = true}, &a, &p) == ERR_NONE);
	CHECK(p.n == 2 && p.has_more);
	CHECK_STR(p.items[0].json, all[3]);
	CHECK(list(&r, x.id, (struct page_query){.limit = 2, .after = after}, &a, &p) == ERR_NONE);
	CHECK(p.n == 2 && !p.has_more);
	CHECK_STR(p.items[0].json, all[1]);
	CHECK_STR(p.items[1].json, all[0]);
	struct str before = id_text(id5, "msg", &x.items[2].id);
	CHECK(list(&r, x.id, (struct page_query){.limit = 2, .before = before, .ascending = true}, &a, &p) == ERR_NONE);
	CHECK(p.n == 2 && p.has_more);
	CHECK_STR(p.items[0].json, all[3]);
	CHECK_STR(p.items[1].json, all[4]);
	CHECK(list(&r, x.id, (struct page_query){.limit = 5, .before = before}, &a, &p) == ERR_NONE);
	CHECK(p.n == 1 && !p.has_more);
	CHECK_STR(p.items[0].json, all[6]);
	CHECK(list(&r, x.id, (struct page_query){.limit = 5, .after = after, .before = before, .ascending = true}, &a,
		   &p) == ERR_NONE);
	CHECK(p.n == 2 && !p.has_more);
	/* The client's own id is a cursor too; an output item or a stranger is none. */
	CHECK(list(&r, x.id, (struct page_query){.limit = 5, .after = S("mine"), .ascending = true}, &a, &p) ==
	      ERR_NONE);
	CHECK(p.n == 2);
	CHECK_STR(p.items[0].json, all[5]);
	after = id_text(out, "msg", &x.items[4].id);
	CHECK(list(&r, x.id, (struct page_query){.limit = 5, .after = after}, &a, &p) == ERR_INVALID_VALUE);
	CHECK(list(&r, x.id, (struct page_query){.limit = 5, .after = S("nobody")}, &a, &p) == ERR_INVALID_VALUE);
	arena_free(&a);
	rig_end_all(&r);
}

static void foreign_ids(void)
{
	struct rig r = {0};
	struct rig_turn x, y;
	struct arena a = {0};
	struct stored_item got[3];
	char ours[ID_MAX];
	store_limits.linger_seconds = 0;
	rig_open(&r);
	rig_turn(&x, 0, 1, 0);
	x.items[0].foreign_id = S("msg_client");
	CHECK(rig_put(&r, &x) == ERR_NONE);
	/* A re-sent id with other content is a new item; the id then means the newest. */
	rig_turn(&y, 0, 1, 0);
	y.items[0].foreign_id = S("msg_client");
	CHECK(rig_put(&r, &y) == ERR_NONE);
	struct str ids[] = {S("msg_client"), id_text(ours, "msg", &x.items[0].id), S("none")};
	struct rig_wait w = rig_wait(&r);
	store_get_items(r.port, &w.op, 1, ids, 3, &a, got);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK_STR(got[0].json, y.items[0].json);
	CHECK(got[0].id.key == y.items[0].id.key && !memcmp(got[0].id.rnd, y.items[0].id.rnd, ID_RND));
	CHECK_STR(got[1].json, x.items[0].json);
	CHECK(!got[2].json.p);
	/* The newest gone, the id means the older again. */
	CHECK(rig_delete(&r, 1, y.id) == ERR_NONE);
	w = rig_wait(&r);
	store_get_items(r.port, &w.op, 1, ids, 1, &a, got);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK_STR(got[0].json, x.items[0].json);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
	w = rig_wait(&r);
	store_get_items(r.port, &w.op, 1, ids, 2, &a, got);
	CHECK(rig_end(&w) == ERR_NONE && !got[0].json.p && !got[1].json.p);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM foreign_id") == 0);
	arena_free(&a);
	rig_end_all(&r);
}

static void references(void)
{
	struct rig r = {0};
	struct rig_turn x, y;
	struct arena a = {0};
	struct stored_context c;
	struct stored_item got;
	char ours[ID_MAX];
	store_limits.linger_seconds = 0;
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	rig_turn(&y, 0, 3, 1);
	y.items[1] = (struct turn_item){.id = x.items[1].id};
	y.items[2] = (struct turn_item){.id = x.items[1].id}; /* twice */
	y.items[0] = x.items[0];                              /* given again */
	CHECK(rig_put(&r, &y) == ERR_NONE);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
	rig_sweep(&r);
	CHECK(rig_context(&r, 1, y.id, &a, &c) == ERR_NONE && c.n == 4);
	CHECK_STR(c.items[1].json, x.items[1].json);
	CHECK_STR(c.items[2].json, x.items[1].json);
	struct str id = id_text(ours, "msg", &x.items[1].id);
	struct rig_wait w = rig_wait(&r);
	store_get_items(r.port, &w.op, 1, &id, 1, &a, &got);
	CHECK(rig_end(&w) == ERR_NONE && got.json.p);
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == 3);
	CHECK_STR(c.items[0].json, x.items[0].json);
	CHECK(rig_delete(&r, 1, y.id) == ERR_NONE);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == 0);
	arena_free(&a);
	rig_end_all(&r);
}

static void expiry(void)
{
	struct rig r = {0};
	struct rig_turn x, y;
	struct arena a = {0};
	struct stored_response got;
	struct stored_context c;
	struct stored_item item;
	char ours[ID_MAX];
	rig_open(&r);
	int64_t now = clock_wall_us();
	clock_fake(now);
	rig_turn(&x, 0, 1, 1);
	x.t.expires_at = now / 1000000 + 100;
	CHECK(rig_put(&r, &x) == ERR_NONE);
	rig_turn(&y, x.t.id.key, 1, 1);
	CHECK(rig_put(&r, &y) == ERR_NONE);
	clock_fake(now + 99 * 1000000LL);
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NONE);
	clock_fake(now + 101 * 1000000LL);
	/* Hidden at once on every verb, before any clean-up. */
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NOT_FOUND);
	CHECK(rig_context(&r, 1, x.id, &a, &c) == ERR_PREVIOUS_NOT_FOUND);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NOT_FOUND);
	CHECK(rig_context(&r, 1, y.id, &a, &c) == ERR_NONE && c.n == 4);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM response") == 1);
	CHECK(rig_context(&r, 1, y.id, &a, &c) == ERR_NONE && c.n == 4);
	/* Alone, its items are hidden with it. */
	rig_turn(&x, 0, 1, 1);
	x.t.expires_at = clock_wall_s() + 5;
	CHECK(rig_put(&r, &x) == ERR_NONE);
	clock_fake(clock_wall_us() + 6 * 1000000LL);
	struct str id = id_text(ours, "msg", &x.items[0].id);
	struct rig_wait w = rig_wait(&r);
	store_get_items(r.port, &w.op, 1, &id, 1, &a, &item);
	CHECK(rig_end(&w) == ERR_NONE && !item.json.p);
	/* The items linger, for turns that began on it ... */
	store_limits.linger_seconds = 600;
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == 6);
	clock_fake(clock_wall_us() + 601 * 1000000LL);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == 4);
	clock_fake(0);
	arena_free(&a);
	rig_end_all(&r);
}

static void delete_while_a_turn_runs(void)
{
	struct rig r = {0};
	struct rig_turn x, y, z;
	struct arena a = {0};
	struct stored_context c;
	rig_open(&r);
	store_limits.linger_seconds = 600;
	rig_turn(&x, 0, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	rig_turn(&y, x.t.id.key, 1, 1);
	rig_turn(&z, x.t.id.key, 1, 1);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
	rig_sweep(&r);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NOT_FOUND);
	CHECK(rig_put(&r, &y) == ERR_NONE); /* began before: kept whole */
	CHECK(rig_context(&r, 1, y.id, &a, &c) == ERR_NONE && c.n == 4);
	CHECK(rig_delete(&r, 1, y.id) == ERR_NONE);
	store_limits.linger_seconds = 0;
	rig_sweep(&r);
	CHECK(rig_put(&r, &z) == ERR_PREVIOUS_NOT_FOUND);
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == 0);
	arena_free(&a);
	rig_end_all(&r);
}

static void sliced_clean_up(void)
{
	struct rig r = {0};
	static struct rig_turn x;
	struct arena a = {0};
	struct err e = {0};
	size_t n = 0, slices = 0, most = 0;
	rig_open(&r);
	store_limits.linger_seconds = 600; /* the sweeper's own thread keeps off */
	store_limits.sweep_rows = 50;
	rig_turn(&x, 0, 399, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
	store_limits.linger_seconds = 0;
	do {
		CHECK(sweep_slice(r.store, &n, &e));
		if (slices == 0) {
			/* Once its items began to go, nothing may stand on it. */
			struct rig_turn y;
			rig_turn(&y, x.t.id.key, 1, 0);
			CHECK(rig_put(&r, &y) == ERR_PREVIOUS_NOT_FOUND);
		}
		most = n > most ? n : most;
		slices++;
	} while (n);
	CHECK(slices >= 8 && most <= 51);
	CHECK(rig_number(&r, "SELECT (SELECT count(*) FROM item) + (SELECT count(*) FROM context)") == 0);
	store_limits.sweep_rows = 200;
	arena_free(&a);
	rig_end_all(&r);
}

static void bad_list_in_a_group(void)
{
	struct rig r = {0};
	static struct rig_turn x[8];
	struct rig_wait w[8];
	struct arena a = {0};
	struct stored_response got;
	rig_open(&r);
	for (int i = 0; i < 8; i++)
		rig_turn(&x[i], 0, 1, 1);
	x[3].items[1].id = x[2].items[1].id;  /* another item's key: a constraint of the database */
	x[3].items[1].id.rnd[0] ^= 1;
	x[5].t.parent = 12345;                /* no such parent */
	x[6].items[0].json = (struct str){0}; /* a reference to nothing */
	for (int i = 0; i < 8; i++) {
		w[i] = rig_wait(&r);
		w[i].many = true;
		store_put_turn(r.port, &w[i].op, &x[i].t);
	}
	for (int i = 0; i < 8; i++)
		rig_end(&w[i]);
	for (int i = 0; i < 8; i++) {
		bool bad = i == 3 || i == 5 || i == 6;
		CHECK((w[i].err.code != ERR_NONE) == bad);
		CHECK((rig_get(&r, 1, x[i].id, &a, &got) == ERR_NONE) == !bad);
	}
	CHECK(w[3].err.code == ERR_STORE && w[5].err.code == ERR_PREVIOUS_NOT_FOUND && w[6].err.code == ERR_NOT_FOUND);
	CHECK(store_healthy(r.store, &(struct err){0}));
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == 10);
	arena_free(&a);
	rig_end_all(&r);
}

static void full_queue(void)
{
	struct rig r = {0};
	static struct rig_turn x[64];
	static struct rig_wait w[64];
	int refused = 0;
	rig_open(&r);
	store_limits.queue = 8;
	for (int i = 0; i < 64; i++) {
		rig_turn(&x[i], 0, 1, 1);
		w[i] = rig_wait(&r);
		w[i].many = true;
	}
	/* A writer that cannot commit: another connection holds the write lock meanwhile. */
	struct rig_held held = rig_hold(&r);
	for (int i = 0; i < 64; i++)
		store_put_turn(r.port, &w[i].op, &x[i].t);
	rig_let_go(&held);
	for (int i = 0; i < 64; i++) {
		rig_end(&w[i]);
		if (w[i].err.code == ERR_UNAVAILABLE) {
			refused++;
			CHECK(w[i].err.retry_after_ms > 0);
		} else {
			CHECK(w[i].err.code == ERR_NONE || w[i].err.code == ERR_STORE);
		}
	}
	/* 56, or fewer when this took so long that the writer gave a group up. */
	CHECK(refused > 20 && refused <= 56);
	store_limits.queue = 10000;
	rig_turn(&x[0], 0, 1, 1);
	CHECK(rig_put(&r, &x[0]) == ERR_NONE);
	rig_end_all(&r);
}

static void cancelled(void)
{
	struct rig r = {0};
	struct rig_turn x;
	struct arena a = {0};
	struct stored_response got;
	struct rig_wait w, last;
	rig_open(&r);
	rig_turn(&x, 0, 1, 1);
	w = rig_wait(&r);
	store_put_turn(r.port, &w.op, &x.t);
	store_cancel(&w.op);
	store_cancel(&w.op);
	CHECK(!w.op.request);
	last = rig_wait(&r);
	store_get_response(r.port, &last.op, 1, S("resp_0"), &a, &got);
	store_cancel(&last.op);
	rig_turn(&x, 0, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(!w.done && !last.done);
	CHECK(rig_number(&r, "SELECT count(*) FROM response") == 2); /* a write that was started happens */
	/* Detaching with operations under way drops their callbacks. */
	rig_turn(&x, 0, 1, 1);
	store_put_turn(r.port, &w.op, &x.t);
	store_get_response(r.port, &last.op, 1, S("resp_0"), &a, &got);
	rig_shut(&r);
	CHECK(!w.done && !last.done && !w.op.request);
	arena_free(&a);
	rig_end_all(&r);
}

struct second_loop {
	struct rig *rig;
	struct loop *loop;
	struct store_port *port;
	int left;
	int bad;
	struct rig_turn x;
	struct store_op op;
};

static void next_turn(struct second_loop *s);
static void second_done(struct store_op *op, const struct err *e)
{
	struct second_loop *s = OWNER(op, struct second_loop, op);
	s->bad += e->code != ERR_NONE;
	if (--s->left == 0)
		loop_stop(s->loop);
	else
		next_turn(s);
}

static void next_turn(struct second_loop *s)
{
	rig_turn(&s->x, 0, 1, 1);
	s->op.done = second_done;
	store_put_turn(s->port, &s->op, &s->x.t);
}

static void *second_main(void *arg)
{
	struct second_loop *s = arg;
	struct err e = {0};
	if (!loop_open(&s->loop, &e))
		abort();
	s->port = store_attach(s->rig->store, s->loop);
	next_turn(s);
	loop_run(s->loop);
	store_detach(s->port);
	loop_close(s->loop);
	return NULL;
}

static void two_loops(void)
{
	struct rig r = {0};
	static struct second_loop s[3];
	pthread_t thread[3];
	struct rig_turn x;
	struct arena a = {0};
	struct stored_response got;
	rig_open(&r);
	for (int i = 0; i < 3; i++) {
		s[i] = (struct second_loop){.rig = &r, .left = 200};
		pthread_create(&thread[i], NULL, second_main, &s[i]);
	}
	for (int i = 0; i < 200; i++) {
		rig_turn(&x, 0, 1, 1);
		CHECK(rig_put(&r, &x) == ERR_NONE);
		/* What is acknowledged is seen. */
		CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_NONE);
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		CHECK(s[i].bad == 0);
	}
	CHECK(rig_number(&r, "SELECT count(*) FROM response") == 800);
	arena_free(&a);
	rig_end_all(&r);
}

static void read_bounds(void)
{
	struct rig r = {0};
	struct rig_turn x;
	struct arena a = {0};
	struct stored_context c;
	struct stored_response got;
	static char big[100000];
	rig_open(&r);
	memset(big, ' ', sizeof big);
	rig_turn(&x, 0, 1, 1);
	x.items[0].json = (struct str){big, sizeof big};
	x.items[1].json = (struct str){big, sizeof big};
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(rig_context(&r, 1, x.id, &a, &c) == ERR_NONE);
	rig_shut(&r);
	int64_t bytes = store_limits.context_bytes, items = store_limits.context_items;
	store_limits.context_bytes = 65536;
	rig_open(&r);
	CHECK(rig_context(&r, 1, x.id, &a, &c) == ERR_TOO_LARGE);
	CHECK(rig_get(&r, 1, x.id, &a, &got) == ERR_TOO_LARGE);
	rig_turn(&x, x.t.id.key, 1, 0);
	store_limits.context_items = 2;
	CHECK(rig_put(&r, &x) == ERR_TOO_LARGE);
	store_limits.context_bytes = bytes;
	store_limits.context_items = items;
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"a turn is put and got", put_and_get},
	    {"other projects find nothing", not_found_elsewhere},
	    {"guessed ids find nothing", not_found_by_guessing},
	    {"input is listed in pages", pages},
	    {"foreign ids", foreign_ids},
	    {"items that others refer to", references},
	    {"expiry", expiry},
	    {"delete while a turn runs", delete_while_a_turn_runs},
	    {"clean-up goes in slices", sliced_clean_up},
	    {"a bad list fails alone", bad_list_in_a_group},
	    {"the queue is bounded", full_queue},
	    {"cancel and detach", cancelled},
	    {"several loops", two_loops},
	    {"reads are bounded", read_bounds},
	};
	return test_main(t, sizeof t / sizeof *t);
}
