/* approval_test.c - requests for an approval: they wait with their response, are answered, and are used once. */
#include "store/approval.h"
#include "store/rig_sql.h"

enum { DAYS = 30 };

/* A response that ends with `n` requests. */
static void ask(struct rig *r, struct rig_turn *x, size_t n, char ids[][ID_MAX])
{
	rig_turn(x, 0, 1, n);
	for (size_t i = 0; i < n; i++) {
		struct turn_item *it = &x->items[1 + i];
		it->asks_until = clock_wall_s() + DAYS * 86400;
		id_text(ids[i], "mcpr", &it->id);
	}
	CHECK(rig_put(r, x) == ERR_NONE);
}

static enum err_code get(struct rig *r, int64_t project, const char *id, struct arena *a, struct stored_approval *ret)
{
	struct rig_wait w = rig_wait(r);
	store_get_approval(r->port, &w.op, project, str_of(id), a, ret);
	return rig_end(&w);
}

static struct approval_page list(struct rig *r, int64_t project, struct page_query q, struct arena *a)
{
	struct rig_wait w = rig_wait(r);
	struct approval_page page;
	store_list_approvals(r->port, &w.op, project, &q, a, &page);
	CHECK(rig_end(&w) == ERR_NONE);
	return page;
}

static size_t waiting(struct rig *r, int64_t project)
{
	struct arena a = {0};
	size_t n = list(r, project, (struct page_query){.limit = 100}, &a).n;
	arena_free(&a);
	return n;
}

static enum err_code decide(struct rig *r, int64_t project, const char *id, bool approve, const char *reason)
{
	struct rig_wait w = rig_wait(r);
	store_answer_approval(r->port, &w.op, project, str_of(id), approve, str_of(reason));
	return rig_end(&w);
}

static enum err_code use(struct rig *r, int64_t project, const struct id *by, const struct approval_use *uses, size_t n)
{
	struct rig_wait w = rig_wait(r);
	store_approvals_use(r->port, &w.op, project, by, uses, n, DAYS);
	return rig_end(&w);
}

static struct approval_state state(struct rig *r, int64_t project, const struct id *id, struct arena *a)
{
	struct approval_state ret;
	struct rig_wait w = rig_wait(r);
	store_approval_states(r->port, &w.op, project, id, 1, a, &ret);
	CHECK(rig_end(&w) == ERR_NONE);
	return ret;
}

static void waits_with_its_response(void)
{
	struct rig r = {0};
	struct arena a = {0};
	static struct rig_turn x, y;
	char ids[2][ID_MAX], others[1][ID_MAX];
	struct stored_approval one;
	rig_open(&r);
	ask(&r, &x, 2, ids);
	ask(&r, &y, 1, others);
	CHECK(waiting(&r, 1) == 3 && waiting(&r, 2) == 0);
	CHECK(get(&r, 1, ids[1], &a, &one) == ERR_NONE);
	CHECK_STR(one.item, x.items[2].json);
	CHECK(one.response.key == x.t.id.key && !one.answer && !one.used_at && !one.reason.n);
	CHECK(get(&r, 2, ids[1], &a, &one) == ERR_NOT_FOUND);
	CHECK(get(&r, 1, x.id, &a, &one) == ERR_NOT_FOUND);
	ids[0][strlen(ids[0]) - 1] ^= 1;
	CHECK(get(&r, 1, ids[0], &a, &one) == ERR_NOT_FOUND);
	rig_shut(&r);
	rig_open(&r);
	CHECK(waiting(&r, 1) == 3);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
	CHECK(get(&r, 1, ids[1], &a, &one) == ERR_NOT_FOUND);
	CHECK(waiting(&r, 1) == 1 && rig_number(&r, "SELECT count(*) FROM approval") == 1);
	rig_sweep(&r);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void goes_when_its_response_expires(void)
{
	struct rig r = {0};
	static struct rig_turn x;
	char ids[1][ID_MAX];
	rig_open(&r);
	ask(&r, &x, 1, ids);
	rig_exec(r.dir, "UPDATE response SET expires_at = 1");
	CHECK(waiting(&r, 1) == 0 && decide(&r, 1, ids[0], true, "") == ERR_NOT_FOUND);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM approval") == 0 && rig_sound(&r));
	ask(&r, &x, 1, ids);
	rig_exec(r.dir, "UPDATE approval SET expires_at = 1");
	CHECK(waiting(&r, 1) == 0 && decide(&r, 1, ids[0], true, "") == ERR_NOT_FOUND);
	ask(&r, &x, 1, ids); /* what was too old goes with the next */
	CHECK(rig_number(&r, "SELECT count(*) FROM approval") == 1);
	rig_end_all(&r);
}

static void pages(void)
{
	struct rig r = {0};
	struct arena a = {0};
	static struct rig_turn x;
	char ids[5][ID_MAX];
	rig_open(&r);
	ask(&r, &x, 5, ids);
	struct approval_page page = list(&r, 1, (struct page_query){.limit = 2}, &a);
	CHECK(page.n == 2 && page.has_more && page.list[0].id.key == x.items[5].id.key);
	page = list(&r, 1, (struct page_query){.limit = 9, .after = str_of(ids[1])}, &a);
	CHECK(page.n == 1 && !page.has_more && page.list[0].id.key == x.items[1].id.key);
	page = list(&r, 1, (struct page_query){.limit = 9, .after = str_of(ids[1]), .ascending = true}, &a);
	CHECK(page.n == 3 && page.list[2].id.key == x.items[5].id.key);
	arena_free(&a);
	rig_end_all(&r);
}

static void answered_here(void)
{
	struct rig r = {0};
	struct arena a = {0};
	static struct rig_turn x;
	char ids[2][ID_MAX];
	rig_open(&r);
	ask(&r, &x, 2, ids);
	const struct id *one = &x.items[1].id, *other = &x.items[2].id;
	CHECK(decide(&r, 2, ids[0], true, "") == ERR_NOT_FOUND);
	CHECK(decide(&r, 1, ids[0], true, "why not") == ERR_NONE);
	CHECK(decide(&r, 1, ids[0], true, "") == ERR_BAD_REQUEST);
	CHECK(state(&r, 1, one, &a).answer == APPROVAL_GIVEN && !state(&r, 1, one, &a).used);
	CHECK_STR(state(&r, 1, one, &a).reason, S("why not"));
	CHECK(state(&r, 2, one, &a).answer == APPROVAL_NONE && state(&r, 1, other, &a).answer == APPROVAL_NONE);
	CHECK(decide(&r, 1, ids[0], false, "") == ERR_NONE); /* as long as it is not used */
	CHECK(decide(&r, 1, ids[0], true, "") == ERR_BAD_REQUEST);
	CHECK(use(&r, 1, &x.t.id, &(struct approval_use){*one, true}, 1) == ERR_BAD_REQUEST); /* refused is refused */
	CHECK(use(&r, 1, &x.t.id, &(struct approval_use){*one, false}, 1) == ERR_NONE);
	CHECK(state(&r, 1, one, &a).used && state(&r, 1, one, &a).used_by == x.t.id.key);
	CHECK(decide(&r, 1, ids[0], false, "") == ERR_BAD_REQUEST && waiting(&r, 1) == 1);
	arena_free(&a);
	rig_end_all(&r);
}

static void used_once(void)
{
	struct rig r = {0};
	struct arena a = {0};
	static struct rig_turn x;
	char ids[2][ID_MAX];
	struct id nobodys = id_mint(), by = id_mint();
	rig_open(&r);
	ask(&r, &x, 2, ids);
	struct approval_use both[] = {{x.items[1].id, true}, {nobodys, true}};
	struct approval_use again[] = {{x.items[2].id, true}, {nobodys, true}};
	CHECK(use(&r, 2, &by, both, 1) == ERR_BAD_REQUEST); /* another project's */
	CHECK(use(&r, 1, &by, both, 2) == ERR_NONE);
	CHECK(use(&r, 1, &by, again, 2) == ERR_BAD_REQUEST); /* all or none */
	CHECK(!state(&r, 1, &x.items[2].id, &a).used && waiting(&r, 1) == 1);
	CHECK(rig_delete(&r, 1, x.id) == ERR_NONE);
	CHECK(use(&r, 1, &by, both, 1) == ERR_BAD_REQUEST); /* that it was used stays known */
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"waits with its response", waits_with_its_response},
	    {"goes when its response expires", goes_when_its_response_expires},
	    {"pages", pages},
	    {"answered here", answered_here},
	    {"used once", used_once},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
