/* idem_test.c - idempotency keys. */
#include "store/rig_sql.h"

static struct idem_result claim(struct rig *r, int64_t project, const struct idempotency *i, const struct id *id,
				struct arena *a)
{
	struct idem_result ret;
	struct rig_wait w = rig_wait(r);
	store_idem_begin(r->port, &w.op, project, i, id, a, &ret);
	CHECK(rig_end(&w) == ERR_NONE);
	return ret;
}

static void idempotency_keys(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct rig_turn x;
	struct idempotency i = {S("/v1/responses"), S("key-1"), {1}}, other = i, third = i;
	struct idem_result got;
	rig_open(&r);
	other.body_hash[0] = 2;
	third.key = S("key-3");
	rig_turn(&x, 0, 1, 1);
	struct id second = id_mint();
	CHECK(claim(&r, 1, &i, &x.t.id, &a).state == IDEM_FRESH);
	got = claim(&r, 1, &i, &second, &a);
	CHECK(got.state == IDEM_RUNNING && got.response.key == x.t.id.key);
	CHECK(claim(&r, 1, &other, &second, &a).state == IDEM_OTHER_BODY);
	CHECK(claim(&r, 2, &i, &second, &a).state == IDEM_FRESH); /* another project's key is another key */
	x.t.idem = &i;
	x.t.answer_status = 200;
	x.t.answer = S("{\"id\":\"resp\"}");
	CHECK(rig_put(&r, &x) == ERR_NONE);
	got = claim(&r, 1, &i, &second, &a);
	CHECK(got.state == IDEM_DONE && got.status == 200 && got.response.key == x.t.id.key);
	CHECK(!memcmp(got.response.rnd, x.t.id.rnd, ID_RND));
	CHECK_STR(got.answer, x.t.answer);
	CHECK(claim(&r, 1, &other, &second, &a).state == IDEM_OTHER_BODY);
	/* Given back: fresh again. An answered claim is not given back. */
	CHECK(claim(&r, 1, &third, &second, &a).state == IDEM_FRESH);
	struct rig_wait w = rig_wait(&r);
	store_idem_drop(r.port, &w.op, 1, &third, &x.t.id); /* not its claim */
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK(claim(&r, 1, &third, &x.t.id, &a).state == IDEM_RUNNING);
	w = rig_wait(&r);
	store_idem_drop(r.port, &w.op, 1, &third, &second);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK(claim(&r, 1, &third, &second, &a).state == IDEM_FRESH);
	w = rig_wait(&r);
	store_idem_drop(r.port, &w.op, 1, &i, &x.t.id);
	CHECK(rig_end(&w) == ERR_NONE);
	CHECK(claim(&r, 1, &i, &second, &a).state == IDEM_DONE);
	/* A claim whose process is gone. */
	rig_shut(&r);
	rig_open(&r);
	got = claim(&r, 1, &third, &x.t.id, &a);
	CHECK(got.state == IDEM_CRASHED && got.response.key == second.key);
	CHECK(claim(&r, 1, &i, &second, &a).state == IDEM_DONE);
	arena_free(&a);
	rig_end_all(&r);
}

static void answers_alone(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct rig_turn x;
	struct idempotency i = {S("/v1/responses"), S("key-1"), {1}};
	struct id second = id_mint();
	rig_open(&r);
	/* With store:false only the answer is kept. */
	rig_turn(&x, 0, 1, 1);
	CHECK(claim(&r, 1, &i, &x.t.id, &a).state == IDEM_FRESH);
	x.t.store = false;
	x.t.idem = &i;
	x.t.answer_status = 200;
	x.t.answer = S("{}");
	CHECK(rig_put(&r, &x) == ERR_NONE);
	CHECK(claim(&r, 1, &i, &second, &a).state == IDEM_DONE);
	CHECK(rig_number(&r, "SELECT count(*) FROM response") == 0);
	/* A day later it is forgotten, before and after the clean-up. */
	clock_fake(clock_wall_us() + 86401 * 1000000LL);
	CHECK(claim(&r, 1, &i, &second, &a).state == IDEM_FRESH);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM idempotency") == 1);
	clock_fake(0);
	arena_free(&a);
	rig_end_all(&r);
}

/* A full disk kept a claim from being answered or given back. */
static void claims_left_behind(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct idempotency i = {S("/v1/responses"), S("key-1"), {1}}, other = i;
	struct id first = id_mint(), second = id_mint(), third = id_mint();
	other.body_hash[0] = 2;
	rig_open(&r);
	CHECK(claim(&r, 1, &i, &first, &a).state == IDEM_FRESH);
	store_idem_end(r.port, &first, false);
	CHECK(claim(&r, 1, &other, &second, &a).state == IDEM_OTHER_BODY);
	CHECK(claim(&r, 1, &i, &second, &a).state == IDEM_FRESH);
	CHECK(claim(&r, 1, &i, &third, &a).state == IDEM_RUNNING);
	store_idem_end(r.port, &third, false); /* not its claim */
	CHECK(claim(&r, 1, &i, &third, &a).state == IDEM_RUNNING);
	store_idem_end(r.port, &second, true);
	store_idem_end(r.port, &second, false);
	struct idem_result got = claim(&r, 1, &i, &third, &a);
	CHECK(got.state == IDEM_CRASHED && got.response.key == second.key);
	/* There are bounds to what is remembered. */
	store_limits.unsaved_keys = 1;
	i.key = S("key-2");
	CHECK(claim(&r, 1, &i, &third, &a).state == IDEM_FRESH);
	store_idem_end(r.port, &third, true);
	CHECK(claim(&r, 1, &i, &first, &a).state == IDEM_FRESH);
	store_limits.unsaved_keys = 10000;
	i.key = S("key-1");
	/* The next start knows that somebody had it, no more. */
	rig_shut(&r);
	rig_open(&r);
	CHECK(claim(&r, 1, &i, &third, &a).state == IDEM_CRASHED);
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"claims and answers", idempotency_keys},
	    {"answers without a response, for a day", answers_alone},
	    {"claims left behind by a disk", claims_left_behind},
	};
	return test_main(t, sizeof t / sizeof *t);
}
