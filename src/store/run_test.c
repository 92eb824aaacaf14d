/* run_test.c - background runs: the queue, the leases, the events, the end. */
#include "store/rig_sql.h"
#include "store/sweep.h"

enum { HOLDER = 7, OTHER = 8 };

static struct run_record record(int64_t project, bool kept)
{
	return (struct run_record){.project = project,
				   .id = id_mint(),
				   .created_at = clock_wall_s(),
				   .kept = kept,
				   .request = S("{\"input\":\"x\"}"),
				   .body = S("{\"status\":\"queued\"}"),
				   .first = {0, 2, S("ab")},
				   .most_project = 3,
				   .most = 5};
}

static enum err_code put(struct rig *r, const struct run_record *run)
{
	struct rig_wait w = rig_wait(r);
	store_run_put(r->port, &w.op, run);
	return rig_end(&w);
}

static enum err_code claim(struct rig *r, const struct run_record *run, int64_t holder, int64_t until, struct arena *a,
			   struct claimed_run *ret)
{
	struct rig_wait w = rig_wait(r);
	struct run_place place = {run->id, run->project};
	store_run_claim(r->port, &w.op, &place, holder, until, a, ret);
	return rig_end(&w);
}

static enum err_code append(struct rig *r, const struct run_record *run, int64_t holder, int64_t seq, struct str events,
			    struct str body)
{
	struct rig_wait w = rig_wait(r);
	struct run_batch b = {seq, (int64_t)events.n, events};
	store_run_append(r->port, &w.op, run->id.key, holder, &b, body);
	return rig_end(&w);
}

static enum err_code end(struct rig *r, const struct run_record *run, int64_t holder, int64_t seq, int64_t expires_at,
			 struct rig_turn *x)
{
	struct rig_wait w = rig_wait(r);
	struct run_end e = {holder, expires_at, {seq, 1, S("z")}, run->kept ? S("") : S("{\"status\":\"completed\"}"), NULL};
	rig_turn(x, 0, 1, 1);
	x->t.id = run->id;
	x->t.store = run->kept;
	id_text(x->id, "resp", &run->id);
	store_run_end(r->port, &w.op, &e, &x->t);
	return rig_end(&w);
}

static enum err_code events(struct rig *r, const struct run_record *run, int64_t from, size_t most, struct arena *a,
			    struct run_events *ret)
{
	char id[ID_MAX];
	struct rig_wait w = rig_wait(r);
	store_run_read(r->port, &w.op, run->project, id_text(id, "resp", &run->id), from, most, a, ret);
	return rig_end(&w);
}

static enum err_code look(struct rig *r, const struct run_record *run, struct arena *a, struct stored_response *ret)
{
	char id[ID_MAX];
	id_text(id, "resp", &run->id);
	return rig_get(r, run->project, id, a, ret);
}

/* Projects 0 to n - 1. */
static struct run_room *rooms_of(struct run_room *rooms, int64_t n, const int64_t *room)
{
	for (int64_t i = 0; i < n; i++)
		rooms[i] = (struct run_room){i, room[i]};
	return rooms;
}

static struct run_list find(struct rig *r, int64_t *room, int64_t late, struct arena *a)
{
	struct run_list ret;
	struct run_room rooms[4];
	struct run_query q = {.rooms = rooms_of(rooms, 4, room), .n_rooms = 4, .late = late, .most = 10, .all = 10};
	struct rig_wait w = rig_wait(r);
	store_run_find(r->port, &w.op, &q, a, &ret);
	CHECK(rig_end(&w) == ERR_NONE);
	return ret;
}

static void a_life(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct claimed_run got;
	struct run_events ev;
	struct stored_response seen;
	struct rig_turn x;
	int64_t later = clock_wall_s() + 100;
	rig_open(&r);
	struct run_record run = record(1, true);
	char id[ID_MAX];
	id_text(id, "resp", &run.id);
	CHECK(put(&r, &run) == ERR_NONE);
	CHECK(look(&r, &run, &a, &seen) == ERR_NONE && seen.run && !seen.ended);
	CHECK_STR(seen.json, S("{\"status\":\"queued\"}"));
	/* Not ended: nothing to continue, nothing to delete. */
	struct stored_context c;
	CHECK(rig_context(&r, 1, id, &a, &c) == ERR_BAD_REQUEST);
	CHECK(rig_delete(&r, 1, id) == ERR_BAD_REQUEST);
	CHECK(append(&r, &run, HOLDER, 2, S("c"), S("")) == ERR_CONFLICT); /* nobody holds it */
	CHECK(claim(&r, &run, HOLDER, later, &a, &got) == ERR_NONE);
	CHECK_STR(got.request, run.request);
	CHECK(got.kept && got.tries == 1 && got.n_batches == 1 && got.batches[0].n == 2);
	CHECK(claim(&r, &run, OTHER, later, &a, &got) == ERR_CONFLICT);
	CHECK(append(&r, &run, OTHER, 2, S("c"), S("")) == ERR_CONFLICT);
	CHECK(append(&r, &run, HOLDER, 2, S("cd"), S("{\"status\":\"in_progress\"}")) == ERR_NONE);
	CHECK(append(&r, &run, HOLDER, 2, S("xx"), S("")) != ERR_NONE); /* a number is never issued twice */
	CHECK(append(&r, &run, HOLDER, 4, S("e"), S("")) == ERR_NONE);
	CHECK(look(&r, &run, &a, &seen) == ERR_NONE);
	CHECK_STR(seen.json, S("{\"status\":\"in_progress\"}"));
	CHECK(events(&r, &run, 3, 100, &a, &ev) == ERR_NONE && ev.n == 2 && ev.batches[0].seq == 2 && !ev.ended);
	CHECK(events(&r, &run, 0, 2, &a, &ev) == ERR_NONE && ev.n == 1);
	CHECK(events(&r, &run, 9, 100, &a, &ev) == ERR_NONE && ev.n == 0 && !ev.ended);
	CHECK(events(&r, &run, 4, 1, &a, &ev) == ERR_NONE && ev.n == 1 && ev.batches[0].seq == 4);
	run.project = 2;
	CHECK(events(&r, &run, 0, 100, &a, &ev) == ERR_NOT_FOUND);
	CHECK(look(&r, &run, &a, &seen) == ERR_NOT_FOUND);
	run.project = 1;
	CHECK(end(&r, &run, OTHER, 5, later, &x) == ERR_CONFLICT);
	CHECK(end(&r, &run, HOLDER, 5, later, &x) == ERR_NONE);
	CHECK(end(&r, &run, HOLDER, 6, later, &x) != ERR_NONE);
	CHECK(events(&r, &run, 0, 100, &a, &ev) == ERR_NONE && ev.n == 4 && ev.ended);
	CHECK(look(&r, &run, &a, &seen) == ERR_NONE && seen.run && seen.ended);
	CHECK(strstr(seen.json.p, "\"output\"") != NULL);
	CHECK(rig_context(&r, 1, id, &a, &c) == ERR_NONE && c.n == 2);
	CHECK(rig_sound(&r));
	CHECK(rig_delete(&r, 1, id) == ERR_NONE);
	CHECK(look(&r, &run, &a, &seen) == ERR_NOT_FOUND);
	CHECK(events(&r, &run, 0, 100, &a, &ev) == ERR_NOT_FOUND);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM run_event)"
			    " + (SELECT count(*) FROM run_text)") == 0);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void without_store(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct claimed_run got;
	struct run_events ev;
	struct stored_response seen;
	struct stored_context c;
	struct rig_turn x;
	int64_t now = clock_wall_us(), s = now / 1000000;
	char id[ID_MAX];
	rig_open(&r);
	struct run_record run = record(1, false);
	id_text(id, "resp", &run.id);
	CHECK(put(&r, &run) == ERR_NONE);
	CHECK(rig_context(&r, 1, id, &a, &c) == ERR_PREVIOUS_NOT_FOUND);
	CHECK(claim(&r, &run, HOLDER, s + 100, &a, &got) == ERR_NONE && !got.kept);
	CHECK(end(&r, &run, HOLDER, 2, s + 600, &x) == ERR_NONE);
	CHECK(rig_context(&r, 1, id, &a, &c) == ERR_PREVIOUS_NOT_FOUND);
	CHECK(look(&r, &run, &a, &seen) == ERR_NONE && seen.run && seen.ended);
	CHECK_STR(seen.json, S("{\"status\":\"completed\"}"));
	CHECK_STR(seen.status, x.t.status);
	clock_fake(now + 599 * 1000000LL);
	CHECK(look(&r, &run, &a, &seen) == ERR_NONE);
	CHECK(events(&r, &run, 0, 100, &a, &ev) == ERR_NONE);
	clock_fake(now + 601 * 1000000LL); /* not swept yet, and yet gone */
	CHECK(look(&r, &run, &a, &seen) == ERR_NOT_FOUND);
	CHECK(events(&r, &run, 0, 100, &a, &ev) == ERR_NOT_FOUND);
	CHECK(rig_delete(&r, 1, id) == ERR_NOT_FOUND);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM run_text)") == 0);
	clock_fake(0);
	/* One that ended can be deleted at once. */
	struct run_record other = record(1, false);
	id_text(id, "resp", &other.id);
	CHECK(put(&r, &other) == ERR_NONE && claim(&r, &other, HOLDER, s + 100, &a, &got) == ERR_NONE);
	CHECK(end(&r, &other, HOLDER, 2, s + 600, &x) == ERR_NONE);
	CHECK(rig_delete(&r, 1, id) == ERR_NONE && rig_delete(&r, 1, id) == ERR_NOT_FOUND);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void the_queue(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct claimed_run got;
	struct run_record runs[6];
	int64_t room[4] = {0, 2, 10, 0}, s;
	rig_open(&r);
	for (int i = 0; i < 6; i++) {
		runs[i] = record(i < 3 ? 1 : 2, true);
		runs[i].priority = i == 2; /* passes those of its project that came before */
	}
	for (int i = 0; i < 5; i++)
		CHECK(put(&r, &runs[i]) == ERR_NONE);
	CHECK(put(&r, &runs[5]) == ERR_BUSY); /* 5 in all */
	struct run_record more = record(1, true);
	more.most = 100;
	CHECK(put(&r, &more) == ERR_BUSY); /* 3 of a project */
	CHECK(rig_number(&r, "SELECT count(*) FROM run_text") == 5); /* a refused one leaves nothing */
	struct run_list l = find(&r, room, 0, &a);
	CHECK(l.n_urgent == 0 && l.n_due == 4);
	CHECK(l.due[0].id.key == runs[2].id.key && l.due[2].id.key == runs[0].id.key);
	CHECK(l.due[1].id.key == runs[3].id.key && l.due[1].project == 2 && l.due[3].id.key == runs[4].id.key);
	room[1] = 0;
	s = clock_wall_s();
	l = find(&r, room, s, &a); /* all are late */
	CHECK(l.n_due == 2 && l.n_urgent == 5);
	/* A lease that ran out, and one whose process died. */
	CHECK(claim(&r, &runs[0], HOLDER, s + 100, &a, &got) == ERR_NONE);
	CHECK(claim(&r, &runs[1], HOLDER, s - 1, &a, &got) == ERR_NONE);
	l = find(&r, room, 0, &a);
	CHECK(l.n_urgent == 1 && l.urgent[0].id.key == runs[1].id.key);
	CHECK(claim(&r, &runs[1], OTHER, s - 1, &a, &got) == ERR_NONE && got.tries == 2);
	CHECK(append(&r, &runs[1], HOLDER, 2, S("c"), S("")) == ERR_CONFLICT);
	struct rig_wait w = rig_wait(&r);
	store_run_keep(r.port, &w.op, OTHER, s + 100);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK(find(&r, room, 0, &a).n_urgent == 0);
	rig_shut(&r);
	rig_open(&r);
	CHECK(find(&r, room, 0, &a).n_urgent == 2);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

/* The projects of what is due, as letters, from the one after `after` on. */
static const char *turns(struct rig *r, size_t most, int64_t all, int64_t after, int64_t *room)
{
	static char text[64];
	struct arena a = {0};
	struct run_list l;
	struct run_room rooms[26];
	struct run_query q = {.rooms = rooms_of(rooms, 26, room), .n_rooms = 26, .most = most, .all = all, .after = after};
	struct rig_wait w = rig_wait(r);
	store_run_find(r->port, &w.op, &q, &a, &l);
	CHECK(rig_end(&w) == ERR_NONE);
	for (size_t i = 0; i < l.n_due; i++)
		text[i] = (char)('a' + l.due[i].project);
	text[l.n_due] = 0;
	arena_free(&a);
	return text;
}

static void projects_take_turns(void)
{
	struct rig r = {0};
	int64_t room[26];
	rig_open(&r);
	for (int i = 0; i < 26; i++)
		room[i] = 100;
	for (int i = 0; i < 20; i++) { /* a and b are busy, c wants one */
		struct run_record run = record(i % 2, true);
		run.most = run.most_project = 1000;
		CHECK(put(&r, &run) == ERR_NONE);
	}
	struct run_record one = record(2, true);
	one.most = 1000;
	CHECK(put(&r, &one) == ERR_NONE);
	CHECK_STR(str_of(turns(&r, 6, 9, 2, room)), S("abcaba"));
	CHECK_STR(str_of(turns(&r, 6, 9, 0, room)), S("bcabab"));
	CHECK_STR(str_of(turns(&r, 6, 9, 1, room)), S("cababa"));
	CHECK_STR(str_of(turns(&r, 1, 9, 1, room)), S("c"));
	CHECK_STR(str_of(turns(&r, 6, 9, 77, room)), S("abcaba"));
	CHECK_STR(str_of(turns(&r, 30, 9, 2, room)), S("abcababababababababab"));
	CHECK_STR(str_of(turns(&r, 6, 0, 2, room)), S(""));
	room[0] = 0;
	room[1] = 2;
	CHECK_STR(str_of(turns(&r, 6, 9, 2, room)), S("bcb"));
	for (int i = 3; i < 23; i++) {
		struct run_record run = record(i, true);
		run.most = 1000;
		CHECK(put(&r, &run) == ERR_NONE);
	}
	CHECK_STR(str_of(turns(&r, 6, 9, 2, room)), S("defghi"));
	CHECK_STR(str_of(turns(&r, 6, 9, 20, room)), S("vwbcde"));
	CHECK(rig_sound(&r));
	rig_end_all(&r);
}

static void log_goes(int appends)
{
	struct rig r = {0};
	struct arena a = {0};
	struct claimed_run got;
	struct rig_turn x;
	struct err e = {0};
	size_t n = 0;
	rig_open(&r);
	struct run_record run = record(1, true);
	CHECK(put(&r, &run) == ERR_NONE);
	CHECK(claim(&r, &run, HOLDER, clock_wall_s() + 100, &a, &got) == ERR_NONE);
	for (int i = 0; i < appends; i++)
		CHECK(append(&r, &run, HOLDER, 2 + i, S("e"), S("")) == ERR_NONE);
	CHECK(end(&r, &run, HOLDER, 2 + appends, 1, &x) == ERR_NONE);
	store_limits.sweep_rows = 50;
	CHECK(sweep_slice(r.store, &n, &e) && n == 51);
	CHECK(rig_number(&r, "SELECT count(*) FROM run_event") == appends - 48);
	CHECK(rig_number(&r, "SELECT count(*) FROM run") == 1);
	CHECK(rig_sound(&r));
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM run_event)"
			    " + (SELECT count(*) FROM run_text)") == 0);
	CHECK(rig_number(&r, "SELECT count(*) FROM response") == 1); /* the response itself stays */
	store_limits.sweep_rows = 200;
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

/* The order of a project's queue as letters of `runs`, each claimed as soon as it is first. */
static const char *order(struct rig *r, struct run_record *runs, size_t n)
{
	static char text[32];
	struct arena a = {0};
	struct claimed_run got;
	int64_t room[4] = {0, 1, 0, 0};
	size_t at = 0;
	for (struct run_list l; (l = find(r, room, 0, &a)).n_due == 1 && at < sizeof text - 1;)
		for (size_t i = 0; i < n; i++)
			if (runs[i].id.key == l.due[0].id.key) {
				CHECK(claim(r, &runs[i], HOLDER, clock_wall_s() + 1000, &a, &got) == ERR_NONE);
				text[at++] = (char)('a' + i);
			}
	text[at] = '\0';
	arena_free(&a);
	return text;
}

static void windows_and_continuations(void)
{
	enum { HOUR = 3600 };
	static const struct {
		int64_t window, age, priority;
		struct str continuation;
	} rows[] = {
		{8 * HOUR, 0, -6, {0}},		  {2 * HOUR, 0, -4, {0}},   {0, 0, 0, {0}},	       {0, 0, 0, {0}},
		{8 * HOUR, 8 * HOUR, -6, {0}},	  {2 * HOUR, 3 * HOUR, -4, {0}}, {0, 0, 2, STR("x")}, {0, 0, 0, STR("x")},
		{2 * HOUR, 0, -4, STR("x")},      {0, 9 * HOUR, -2, STR("y")},
	};
	enum { ROWS = sizeof rows / sizeof *rows };
	struct rig r = {0};
	struct run_record runs[ROWS + 1];
	rig_open(&r);
	for (size_t i = 0; i < ROWS; i++) {
		runs[i] = record(1, true);
		runs[i].most = runs[i].most_project = 100;
		runs[i].created_at -= rows[i].age;
		runs[i].due_at = runs[i].created_at + rows[i].window;
		runs[i].priority = rows[i].priority;
		runs[i].continuation = rows[i].continuation;
		CHECK(put(&r, &runs[i]) == ERR_NONE);
	}
	/* f is over for longer than e; g takes h and i with it, each within its priority; y is alone */
	CHECK_STR(str_of(order(&r, runs, ROWS)), S("feghcdjiba"));
	runs[0] = record(1, true);
	runs[1] = record(1, true);
	runs[1].continuation = S("x"); /* begun long ago */
	CHECK(put(&r, &runs[0]) == ERR_NONE && put(&r, &runs[1]) == ERR_NONE);
	CHECK_STR(str_of(order(&r, runs, 2)), S("ba"));
	CHECK(rig_number(&r, "SELECT count(*) FROM run WHERE due_at > created_at") == 5);
	rig_end_all(&r);
}

static void long_logs_go_in_slices(void)
{
	log_goes(120);
	log_goes(148); /* three slices, the last of them full */
}

int main(void)
{
	static const struct test_case t[] = {
	    {"a run from queue to end", a_life},
	    {"without store it is kept for a while", without_store},
	    {"queue, bounds, leases", the_queue},
	    {"projects take turns", projects_take_turns},
	    {"windows and continuations", windows_and_continuations},
	    {"a long log goes in slices", long_logs_go_in_slices},
	};
	return test_main(t, sizeof t / sizeof *t);
}
