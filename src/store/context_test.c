/* context_test.c - long chains, forks, and deleting in every order. */
#include "store/context.h"
#include "store/rig_sql.h"
#include "store/sweep.h"

enum { NODES = 160, LIST = 4096 };

/* The plain model: what each response must show. */
struct node {
	char id[ID_MAX];
	int64_t key;
	bool alive;
	size_t n, n_output;
	char (*list)[48];
	struct id *ids;
};

static uint32_t state;

static uint32_t chance(uint32_t n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 16) % n;
}

static void node_put(struct rig *r, struct node *x, const struct node *parent, const struct node *refer, size_t in,
		     size_t out)
{
	static struct rig_turn t;
	rig_turn(&t, parent ? parent->key : 0, in, out);
	size_t inherited = parent ? parent->n : 0;
	x->n = inherited + in + out;
	x->n_output = out;
	x->list = xalloc(x->n * sizeof *x->list);
	x->ids = xalloc(x->n * sizeof *x->ids);
	if (inherited) {
		memcpy(x->list, parent->list, inherited * sizeof *x->list);
		memcpy(x->ids, parent->ids, inherited * sizeof *x->ids);
	}
	for (size_t i = 0; i < in + out; i++) {
		memcpy(x->list[inherited + i], t.text[i], sizeof *x->list);
		if (refer && refer->n && i == 0 && in) {
			size_t which = chance((uint32_t)refer->n);
			t.items[0] = (struct turn_item){.id = refer->ids[which]};
			memcpy(x->list[inherited], refer->list[which], sizeof *x->list);
		}
		x->ids[inherited + i] = t.items[i].id;
	}
	x->key = t.t.id.key;
	x->alive = true;
	memcpy(x->id, t.id, sizeof x->id);
	CHECK(rig_put(r, &t) == ERR_NONE);
}

static void node_check(struct rig *r, const struct node *x)
{
	struct arena a = {0};
	struct stored_context c;
	enum err_code code = rig_context(r, 1, x->id, &a, &c);
	if (!x->alive) {
		CHECK(code == ERR_PREVIOUS_NOT_FOUND);
	} else if (code != ERR_NONE || c.n != x->n || c.n_output != x->n_output) {
		CHECK(code == ERR_NONE);
		CHECK(c.n == x->n);
	} else {
		for (size_t i = 0; i < c.n; i++)
			CHECK_STR(c.items[i].json, str_of(x->list[i]));
	}
	arena_free(&a);
}

static void node_free(struct node *x)
{
	xfree(x->list);
	xfree(x->ids);
	*x = (struct node){0};
}

static void nothing_left(struct rig *r)
{
	rig_sweep(r);
	CHECK(rig_number(r, "SELECT count(*) FROM response") == 0);
	CHECK(rig_number(r, "SELECT count(*) FROM context") == 0);
	CHECK(rig_number(r, "SELECT count(*) FROM item") == 0);
	CHECK(rig_intact(r));
}

static void packed_lists(void)
{
	static const int64_t keys[] = {1, 2, 1, INT64_MAX, 1, 5000000000, 5000000064, 5000000063, 5000000063};
	struct buf b;
	struct key_walk w;
	int64_t prev = 0, got;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		keys_pack(&b, prev, keys[i]);
		prev = keys[i];
	}
	CHECK(keys_count(buf_str(&b)) == sizeof keys / sizeof *keys);
	w = (struct key_walk){buf_str(&b), 0};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		CHECK(keys_next(&w, &got) && got == keys[i]);
	CHECK(!keys_next(&w, &got) && w.rest.n == 0);
	/* Cut anywhere, it ends early and says so, or at a key's end. */
	for (size_t cut = 0; cut < b.n; cut++) {
		w = (struct key_walk){{b.p, cut}, 0};
		while (keys_next(&w, &got))
			;
		CHECK(keys_count((struct str){b.p, cut}) < sizeof keys / sizeof *keys);
	}
	w = (struct key_walk){S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), 0};
	CHECK(!keys_next(&w, &got));
	buf_release(&b);
}

static void long_chain(void)
{
	struct rig r = {0};
	static struct node x[200];
	store_limits.linger_seconds = 0;
	rig_open(&r);
	for (int i = 0; i < 200; i++)
		node_put(&r, &x[i], i ? &x[i - 1] : NULL, NULL, 1, 1);
	for (int i = 0; i < 200; i += 7)
		node_check(&r, &x[i]);
	node_check(&r, &x[199]);
	/* The lists stay small: a whole one every 32 turns. */
	CHECK(rig_number(&r, "SELECT count(*) FROM context WHERE base = 0") == 7);
	CHECK(rig_number(&r, "SELECT max(depth) FROM context") == CONTEXT_SPAN - 1);
	CHECK(rig_number(&r, "SELECT max(length(keys)) FROM context") < 400 * 6);
	/* All but the last deleted, oldest first: the last stays whole. */
	for (int i = 0; i < 199; i++) {
		CHECK(rig_delete(&r, 1, x[i].id) == ERR_NONE);
		x[i].alive = false;
	}
	rig_sweep(&r);
	node_check(&r, &x[0]);
	node_check(&r, &x[199]);
	CHECK(rig_number(&r, "SELECT count(*) FROM item") == 400);
	CHECK(rig_delete(&r, 1, x[199].id) == ERR_NONE);
	nothing_left(&r);
	for (int i = 0; i < 200; i++)
		node_free(&x[i]);
	rig_end_all(&r);
}

/* root - a - b, root - c; c refers to an item of b, and d, alone, to one of a. All 120 orders. */
static void every_order(void)
{
	struct rig r = {0};
	store_limits.linger_seconds = 0;
	rig_open(&r);
	for (int order = 0; order < 120; order++) {
		struct node x[5] = {0};
		int left[5] = {0, 1, 2, 3, 4}, code = order;
		node_put(&r, &x[0], NULL, NULL, 2, 1);
		node_put(&r, &x[1], &x[0], NULL, 1, 1);
		node_put(&r, &x[2], &x[1], NULL, 1, 2);
		node_put(&r, &x[3], &x[0], &x[2], 2, 1);
		node_put(&r, &x[4], NULL, &x[1], 1, 1);
		for (int n = 5; n > 0; n--) {
			int at = code % n, which = left[at];
			code /= n;
			left[at] = left[n - 1];
			CHECK(rig_delete(&r, 1, x[which].id) == ERR_NONE);
			x[which].alive = false;
			rig_sweep(&r);
			for (int i = 0; i < 5; i++)
				node_check(&r, &x[i]);
		}
		for (int i = 0; i < 5; i++)
			node_free(&x[i]);
	}
	nothing_left(&r);
	rig_end_all(&r);
}

static void random_forest(void)
{
	static struct node x[NODES];
	for (uint32_t seed = 1; seed <= 4; seed++) {
		struct rig r = {0};
		size_t n = 0;
		state = seed;
		store_limits.linger_seconds = seed % 2 ? 0 : 600;
		store_limits.sweep_rows = 10 + (int64_t)seed * 7;
		rig_open(&r);
		for (int step = 0; step < 500; step++) {
			struct node *some = n ? &x[chance((uint32_t)n)] : NULL;
			struct node *other = n ? &x[chance((uint32_t)n)] : NULL;
			uint32_t what = chance(10);
			if (what < 4 && n < NODES) {
				/* Chains rather than stars: mostly the newest is continued. */
				if (some && chance(4))
					some = &x[n - 1];
				node_put(&r, &x[n], some && some->alive && chance(8) ? some : NULL,
					 other && other->alive && chance(3) == 0 ? other : NULL, chance(5), chance(3));
				n++;
			} else if (what < 6 && some && some->alive && n > 20) {
				CHECK(rig_delete(&r, 1, some->id) == ERR_NONE);
				some->alive = false;
			} else if (what < 8) {
				struct err e = {0};
				size_t rows;
				CHECK(sweep_slice(r.store, &rows, &e));
			} else if (some) {
				node_check(&r, some);
			}
		}
		rig_shut(&r);
		store_limits.linger_seconds = 0;
		rig_open(&r);
		for (size_t i = 0; i < n; i++)
			node_check(&r, &x[i]);
		for (size_t done = 0; done < n; done++) {
			size_t i = (done * 61 + seed) % n;
			while (!x[i].list)
				i = (i + 1) % n;
			if (x[i].alive)
				CHECK(rig_delete(&r, 1, x[i].id) == ERR_NONE);
			node_free(&x[i]);
			if (done % 16 == 0) {
				rig_sweep(&r);
				for (size_t k = 0; k < n; k++)
					if (x[k].list)
						node_check(&r, &x[k]);
			}
		}
		nothing_left(&r);
		store_limits.sweep_rows = 200;
		rig_end_all(&r);
	}
}

int main(void)
{
	static const struct test_case t[] = {
	    {"packed lists", packed_lists},
	    {"a chain of 200 turns", long_chain},
	    {"deleting in every order", every_order},
	    {"forests made and cut down at random", random_forest},
	};
	return test_main(t, sizeof t / sizeof *t);
}
