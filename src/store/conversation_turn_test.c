/* conversation_turn_test.c - turns on conversations, and deletions in every order, against a plain model. */
#include "store/talk_rig.h"
#include "store/rig_sql.h"

enum { TALKS = 3, TURNS = 120 };

struct answer {
	char id[ID_MAX];
	bool alive;
	size_t n;
	char (*list)[TEXT_ROOM];
};

static uint32_t state;

static uint32_t chance(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 16) % n;
}

/* --- a turn on a conversation, as the API makes it --- */

enum how { KEPT, NOT_STORED, FAILED };
struct pending {
	struct rig_turn x;
	struct turn_append c;
	struct held held;
	struct stored_conversation head;
	struct stored_context context;
	struct arena arena;
};

static void turn_begin(struct rig *r, struct pending *p, const struct talk *t)
{
	talk_hold(r, &p->held, &t->key);
	p->arena = (struct arena){0};
	CHECK(talk_load(r, 1, t, &p->arena, &p->head, &p->context) == ERR_NONE);
}

/* `refer`: the first input is an item of the conversation itself. */
static enum err_code turn_end(struct rig *r, struct pending *p, struct talk *t, struct answer *ret, enum how how,
			      size_t in, bool refer)
{
	struct stored_context *s = &p->context;
	size_t known = s->n - p->head.n_tip, base = p->head.n_tip;
	rig_turn(&p->x, s->key, known + in, how == FAILED ? 0 : 1);
	for (size_t i = 0; i < known; i++)
		p->x.items[i] = (struct turn_item){.id = s->items[base + i].id};
	if (refer)
		p->x.items[known] = (struct turn_item){.id = s->items[0].id};
	p->x.t.store = how != NOT_STORED;
	p->c = (struct turn_append){&p->held.lease, t->key, known, how != FAILED, !refer};
	p->x.t.conversation = &p->c;
	*ret = (struct answer){.alive = how != NOT_STORED, .n = base + p->x.t.n_items};
	memcpy(ret->id, p->x.id, sizeof ret->id);
	ret->list = xalloc((ret->n + 1) * TEXT_ROOM);
	for (size_t i = 0; i < ret->n; i++) {
		struct str text = i < s->n ? s->items[i].json : str_of(p->x.text[i - base]);
		if (refer && i == s->n)
			text = s->items[0].json;
		snprintf(ret->list[i], TEXT_ROOM, "%.*s", FMT(text));
		if (i >= s->n && how != FAILED && t->alive && !(refer && i == s->n))
			talk_learn(t, &p->x.items[i - base].id, ret->list[i]);
	}
	enum err_code code = rig_put(r, &p->x);
	arena_free(&p->arena);
	return code;
}

static void turn(struct rig *r, struct talk *t, struct answer *ret, enum how how, size_t in, bool refer)
{
	static struct pending p;
	turn_begin(r, &p, t);
	CHECK(turn_end(r, &p, t, ret, how, in, refer && p.context.n) == ERR_NONE);
}

static void answer_check(struct rig *r, const struct answer *x)
{
	struct arena a = {0};
	struct stored_context s;
	enum err_code code = rig_context(r, 1, x->id, &a, &s);
	CHECK(code == (x->alive ? ERR_NONE : ERR_PREVIOUS_NOT_FOUND));
	if (code == ERR_NONE) {
		CHECK(s.n == x->n);
		for (size_t i = 0; i < s.n && i < x->n; i++)
			CHECK_STR(s.items[i].json, str_of(x->list[i]));
	}
	arena_free(&a);
}

/* --- the tests --- */

/* What a turn writes does not grow with what stands before it. */
static void many_turns(void)
{
	static struct talk t;
	static struct answer x[100];
	struct rig r = {0};
	store_limits.linger_seconds = 0;
	rig_open(&r);
	talk_make(&r, &t, 5);
	for (int i = 0; i < 100; i++) {
		if (i % 10 == 5)
			CHECK(talk_add(&r, &t, 2) == ERR_NONE);
		turn(&r, &t, &x[i], KEPT, 1, false);
	}
	CHECK(talk_same(&r, &t));
	CHECK(rig_number(&r, "SELECT count(*) FROM context WHERE base = 0") == 4);
	CHECK(rig_number(&r, "SELECT max(n_own) FROM context") == 7);
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == (int64_t)t.n);
	CHECK(rig_sound(&r));
	for (int i = 0; i < 100; i++) {
		answer_check(&r, &x[i]);
		CHECK(rig_delete(&r, 1, x[i].id) == ERR_NONE);
		xfree(x[i].list);
	}
	rig_sweep(&r);
	CHECK(talk_same(&r, &t)); /* without any of its responses it is whole */
	turn(&r, &t, &x[0], KEPT, 1, false);
	answer_check(&r, &x[0]);
	CHECK(rig_sound(&r));
	CHECK(talk_delete(&r, &t) == ERR_NONE);
	rig_sweep(&r);
	answer_check(&r, &x[0]); /* and the response without it */
	CHECK(rig_delete(&r, 1, x[0].id) == ERR_NONE);
	xfree(x[0].list);
	CHECK(talk_nothing_left(&r));
	rig_end_all(&r);
}

static void deleted_while_a_turn_runs(void)
{
	static struct talk t;
	static struct pending p;
	struct answer x;
	struct rig r = {0};
	store_limits.linger_seconds = 600;
	rig_open(&r);
	for (int how = KEPT; how <= NOT_STORED; how++) {
		talk_make(&r, &t, 3);
		turn_begin(&r, &p, &t);
		CHECK(talk_delete(&r, &t) == ERR_NONE);
		rig_sweep(&r);
		CHECK(turn_end(&r, &p, &t, &x, (enum how)how, 1, false) == ERR_NONE);
		if (how == KEPT) {
			answer_check(&r, &x);
			CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
		}
		xfree(x.list);
	}
	store_limits.linger_seconds = 0;
	CHECK(talk_nothing_left(&r));
	rig_end_all(&r);
}

/* One of what there is goes, in every order: conversation, three responses, an item. */
static void every_order(void)
{
	struct rig r = {0};
	static struct talk t;
	store_limits.linger_seconds = 0;
	rig_open(&r);
	for (int order = 0; order < 120; order++) {
		struct answer x[3];
		int left[5] = {0, 1, 2, 3, 4}, code = order;
		talk_make(&r, &t, 2);
		for (int i = 0; i < 3; i++)
			turn(&r, &t, &x[i], KEPT, 1, false);
		for (int n = 5; n > 0; n--) {
			int at = code % n, which = left[at];
			code /= n;
			left[at] = left[n - 1];
			if (which == 3)
				CHECK(talk_delete(&r, &t) == ERR_NONE);
			else if (which == 4)
				CHECK(talk_remove(&r, &t, (size_t)order % t.n) == (t.alive ? ERR_NONE : ERR_NOT_FOUND));
			else
				CHECK(rig_delete(&r, 1, x[which].id) == ERR_NONE);
			if (which < 3)
				x[which].alive = false;
			rig_sweep(&r);
			CHECK(talk_same(&r, &t));
			for (int i = 0; i < 3; i++)
				answer_check(&r, &x[i]);
		}
		for (int i = 0; i < 3; i++)
			xfree(x[i].list);
	}
	CHECK(talk_nothing_left(&r));
	rig_end_all(&r);
}

static void random_step(struct rig *r, struct talk *talks, struct answer *x, size_t *n)
{
	struct talk *t = &talks[chance(TALKS)];
	struct answer *some = *n ? &x[chance((uint32_t)*n)] : NULL;
	uint32_t what = chance(12);
	if (!t->alive) {
		if (what == 0)
			talk_make(r, t, chance(4));
	} else if (what < 6 && *n < TURNS) {
		turn(r, t, &x[*n],
		     (enum how)(chance(6) == 0   ? NOT_STORED
				: chance(6) == 0 ? FAILED
						 : KEPT),
		     chance(3), chance(5) == 0);
		++*n;
	} else if (what < 8) {
		CHECK(talk_add(r, t, 1 + chance(3)) == ERR_NONE);
	} else if (what == 8 && t->n) {
		CHECK(talk_remove(r, t, chance((uint32_t)t->n)) == ERR_NONE);
	} else if (what == 9 && chance(4) == 0) {
		CHECK(talk_delete(r, t) == ERR_NONE);
	} else if (some && some->alive) {
		CHECK(rig_delete(r, 1, some->id) == ERR_NONE);
		some->alive = false;
	}
}

static void random_history(void)
{
	static struct talk talks[TALKS];
	static struct answer x[TURNS];
	for (uint32_t seed = 1; seed <= 6; seed++) {
		struct rig r = {0};
		size_t n = 0;
		state = seed;
		store_limits.linger_seconds = seed % 2 ? 0 : 600;
		store_limits.sweep_rows = 10 + (int64_t)seed * 7;
		rig_open(&r);
		for (int i = 0; i < TALKS; i++)
			talk_make(&r, &talks[i], 2);
		for (int step = 0; step < 250; step++) {
			random_step(&r, talks, x, &n);
			if (step % 10)
				continue;
			rig_sweep(&r);
			for (int i = 0; i < TALKS; i++)
				CHECK(talk_same(&r, &talks[i]));
			for (size_t i = 0; i < n; i++)
				answer_check(&r, &x[i]);
		}
		CHECK(rig_sound(&r));
		store_limits.linger_seconds = 0;
		for (size_t i = 0; i < n; i++) {
			if (x[i].alive)
				CHECK(rig_delete(&r, 1, x[i].id) == ERR_NONE);
			xfree(x[i].list);
		}
		rig_sweep(&r);
		for (int i = 0; i < TALKS; i++) {
			CHECK(talk_same(&r, &talks[i]));
			if (talks[i].alive)
				CHECK(talk_delete(&r, &talks[i]) == ERR_NONE);
		}
		CHECK(talk_nothing_left(&r));
		rig_end_all(&r);
	}
}

int main(void)
{
	static const struct test_case t[] = {
	    {"a turn writes what is new", many_turns},
	    {"deleted while a turn runs", deleted_while_a_turn_runs},
	    {"deleting in every order", every_order},
	    {"a random history", random_history},
	};
	return test_main(t, sizeof t / sizeof *t);
}
