/* response_tree_test.c - the turns that hang together, on a real database. */
#include "store/response_tree.h"

#include "store/rig_sql.h"

static void tree_is(const struct response_tree *t, const struct rig_turn *const *x, const int64_t *parents, size_t n)
{
	CHECK(t->n == n && !t->cut);
	for (size_t i = 0; i < n && i < t->n; i++)
		CHECK(t->list[i].key == x[i]->t.id.key && t->list[i].parent == parents[i]);
}

static void forks(void)
{
	struct rig r = {0};
	static struct rig_turn a, b, c, d;
	struct response_tree t;
	struct arena arena = {0};
	struct err e = {0};
	rig_open(&r);
	rig_turn(&a, 0, 2, 1);
	a.items[1].json = S("{\"type\":\"message\",\"role\":\"user\",\"content\":\"how many?\"}");
	CHECK(rig_put(&r, &a) == ERR_NONE);
	rig_turn(&b, a.t.id.key, 1, 2);
	b.items[2].json = S("{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"seven\"}]}");
	CHECK(rig_put(&r, &b) == ERR_NONE);
	rig_turn(&c, a.t.id.key, 0, 1);
	c.items[0].json = S("{\"type\":\"function_call\",\"name\":\"count\"}");
	CHECK(rig_put(&r, &c) == ERR_NONE);
	rig_turn(&d, b.t.id.key, 1, 0);
	CHECK(rig_put(&r, &d) == ERR_NONE);
	const struct rig_turn *all[] = {&a, &b, &c, &d};
	const int64_t parents[] = {0, a.t.id.key, a.t.id.key, b.t.id.key};
	/* The same from wherever it is asked; the way to the asked one comes first. */
	CHECK(response_tree(r.store, 1, str_of(a.id), &arena, &t, &e));
	tree_is(&t, all, parents, 4);
	CHECK_STR(t.list[0].asked, S("how many?"));
	CHECK_STR(t.list[1].said, S("seven"));
	CHECK(!t.list[2].asked.p && str_eq(t.list[2].said, S("count")) && !t.list[3].said.p);
	CHECK_STR(t.list[0].row.status, S("completed"));
	CHECK_STR(t.list[3].row.id, str_of(d.id));
	const struct rig_turn *from_d[] = {&a, &b, &d, &c};
	const int64_t parents_d[] = {0, a.t.id.key, b.t.id.key, a.t.id.key};
	CHECK(response_tree(r.store, 1, str_of(d.id), &arena, &t, &e));
	tree_is(&t, from_d, parents_d, 4);
	/* One that was deleted still holds the others together. */
	CHECK(rig_delete(&r, 1, b.id) == ERR_NONE);
	CHECK(response_tree(r.store, 1, str_of(d.id), &arena, &t, &e));
	tree_is(&t, from_d, parents_d, 4);
	CHECK(!t.list[1].row.id.n && str_eq(t.list[1].said, S("seven")));
	CHECK(!response_tree(r.store, 1, str_of(b.id), &arena, &t, &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	CHECK(!response_tree(r.store, 2, str_of(a.id), &arena, &t, &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	CHECK(!response_tree(r.store, 1, S("resp_x"), &arena, &t, &e) && e.code == ERR_NOT_FOUND);
	arena_free(&arena);
	rig_end_all(&r);
}

static void bounds(void)
{
	struct rig r = {0};
	static struct rig_turn x;
	struct response_tree t;
	struct arena arena = {0};
	struct err e = {0};
	char first[ID_MAX];
	int64_t parent = 0;
	rig_open(&r);
	for (size_t i = 0; i < TREE_UP; i++) {
		rig_turn(&x, parent, 1, 1);
		CHECK(rig_put(&r, &x) == ERR_NONE);
		if (!parent)
			memcpy(first, x.id, sizeof first);
		parent = x.t.id.key;
	}
	CHECK(response_tree(r.store, 1, str_of(x.id), &arena, &t, &e) && t.n == TREE_UP && !t.cut);
	CHECK_STR(t.list[0].row.id, str_of(first));
	rig_turn(&x, parent, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	/* Too far down: the first ones are left out, and that is said. */
	CHECK(response_tree(r.store, 1, str_of(x.id), &arena, &t, &e) && t.n == TREE_UP && t.cut);
	CHECK(t.list[0].parent == 0 && !str_eq(t.list[0].row.id, str_of(first)));
	CHECK_STR(t.list[t.n - 1].row.id, str_of(x.id));
	/* Too many side by side. */
	rig_turn(&x, 0, 1, 1);
	CHECK(rig_put(&r, &x) == ERR_NONE);
	memcpy(first, x.id, sizeof first);
	parent = x.t.id.key;
	for (size_t i = 0; i < TREE_NODES; i++) {
		rig_turn(&x, parent, 1, 1);
		CHECK(rig_put(&r, &x) == ERR_NONE);
	}
	CHECK(response_tree(r.store, 1, str_of(first), &arena, &t, &e) && t.n == TREE_NODES && t.cut);
	CHECK(response_tree(r.store, 1, str_of(x.id), &arena, &t, &e) && t.n == TREE_NODES && t.cut);
	CHECK_STR(t.list[1].row.id, str_of(x.id));
	arena_free(&arena);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case cases[] = {{"forks", forks}, {"bounds", bounds}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
