/* usage_test.c - what was used and spent, and how far limits are taken: rows that add up. */
#include "store/quota.h"
#include "store/rig_sql.h"
#include "store/usage.h"

static struct usage_add used(const char *model, int64_t key, struct usage_numbers n)
{
	return (struct usage_add){.project = 1, .key = key, .model = str_of(model), .kind = USAGE_COMPLETIONS, .n = n};
}

static void keep(struct rig *r, struct usage_add u)
{
	struct err e = {0};
	CHECK(usage_keep(r->store, &u, &e));
}

struct sums {
	int rows;
	struct usage_numbers n;
	int64_t start;
};

static bool sums_add(void *ctx, const struct usage_row *row)
{
	struct sums *s = ctx;
	const struct usage_numbers *n = &row->sum.n;
	s->rows++;
	s->start = row->start;
	s->n.requests += n->requests;
	s->n.input += n->input;
	s->n.cached += n->cached;
	s->n.output += n->output;
	s->n.reasoning += n->reasoning;
	s->n.units += n->units;
	s->n.input_cost += n->input_cost;
	return true;
}

static struct sums sums(struct rig *r, int64_t width)
{
	struct sums s = {0};
	struct err e = {0};
	struct usage_query q = {USAGE_COMPLETIONS, 0, INT64_MAX / 2, width};
	CHECK(usage_read(r->store, &q, sums_add, &s, &e));
	return s;
}

static void counters_add_up(void)
{
	struct rig r = {0};
	rig_open(&r);
	keep(&r, used("m", 7,
		      (struct usage_numbers){.requests = 1, .input = 10, .cached = 4, .output = 5, .reasoning = 2}));
	keep(&r, used("m", 7, (struct usage_numbers){.requests = 1, .input = 1, .output = 1, .units = 3}));
	keep(&r, used("", 0, (struct usage_numbers){.requests = 1}));
	struct sums s = sums(&r, 86400);
	CHECK(s.rows == 2 && s.n.requests == 3 && s.n.input == 11 && s.n.cached == 4 && s.n.output == 6);
	CHECK(s.n.reasoning == 2 && s.n.units == 3 && s.start % 86400 == 0);
	rig_shut(&r);
	rig_open(&r);
	CHECK(sums(&r, 60).n.input == 11);
	rig_end_all(&r);
}

/* Minutes become hours, and no sum changes. */
static void old_minutes_fold(void)
{
	struct rig r = {0};
	rig_open(&r);
	keep(&r, used("m", 7, (struct usage_numbers){.requests = 1, .input = 10}));
	keep(&r, used("other", 7, (struct usage_numbers){.requests = 1, .input = 5}));
	rig_shut(&r);
	/* Three minutes of one hour, long ago, and an hour that was folded before. */
	rig_exec(
	    r.dir,
	    "UPDATE used SET start = 7200;"
	    "INSERT INTO used SELECT width, 7260, project, key, kind, batch, model, requests, input, cached, output,"
	    " reasoning, units, input_cost, cached_cost, output_cost FROM used;"
	    "INSERT INTO used SELECT 3600, 7200, project, key, kind, batch, model, requests, input, cached, output,"
	    " reasoning, units, input_cost, cached_cost, output_cost FROM used WHERE start = 7200 AND model = 'm'");
	rig_open(&r);
	CHECK(sums(&r, 3600).n.input == 40);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM used WHERE width = 60") == 0);
	CHECK(rig_number(&r, "SELECT count(*) FROM used") == 2);
	struct sums s = sums(&r, 3600);
	CHECK(s.rows == 2 && s.n.input == 40 && s.n.requests == 5 && s.start == 7200);
	rig_end_all(&r);
}

static int64_t spent(struct rig *r, int64_t holder)
{
	int64_t ret = -1;
	struct err e = {0};
	CHECK(quota_spent(r->store, holder, usage_month(clock_wall_s()), &ret, &e));
	return ret;
}

/* A key's money is its project's, too; what cost nothing leaves no row. */
static void money_is_both_holders(void)
{
	struct rig r = {0};
	rig_open(&r);
	keep(&r, used("m", 7, (struct usage_numbers){.requests = 1}));
	CHECK(spent(&r, 1) == 0 && rig_number(&r, "SELECT count(*) FROM spent") == 0);
	keep(&r, used("m", 7, (struct usage_numbers){.input_cost = 10, .cached_cost = 5, .output_cost = 1}));
	keep(&r, used("m", 8, (struct usage_numbers){.input_cost = 100}));
	keep(&r, used("m", 0, (struct usage_numbers){.output_cost = 1000}));
	CHECK(spent(&r, 7) == 16 && spent(&r, 8) == 100 && spent(&r, 1) == 1116);
	rig_end_all(&r);
}

static void a_warning_is_told_once(void)
{
	struct rig r = {0};
	struct err e = {0};
	bool done = false;
	struct quota_warning w = {
	    .project = 1, .holder = 7, .month = usage_month(clock_wall_s()), .subject = S("key_x")};
	rig_open(&r);
	CHECK(quota_warn(r.store, &w, &done, &e) && !done); /* nothing was spent */
	keep(&r, used("m", 7, (struct usage_numbers){.input_cost = 10}));
	CHECK(quota_warn(r.store, &w, &done, &e) && done);
	CHECK(quota_warn(r.store, &w, &done, &e) && !done);
	keep(&r, used("m", 7, (struct usage_numbers){.input_cost = 10}));
	CHECK(quota_warn(r.store, &w, &done, &e) && !done && spent(&r, 7) == 20);
	rig_end_all(&r);
}

static void on_quota(void *ctx, int64_t holder, enum quota q, int64_t most)
{
	*(int64_t *)ctx += holder * 1000000 + q * 1000 + most;
}

static int64_t quotas(struct rig *r)
{
	int64_t all = 0;
	struct err e = {0};
	CHECK(quota_each(r->store, on_quota, &all, &e));
	return all;
}

static int64_t charge(struct rig *r, int64_t began, int64_t added)
{
	struct quota_level l = {.holder = 7, .q = QUOTA_TOKENS_MINUTE, .began = began, .added = added};
	struct err e = {0};
	CHECK(quota_charge(r->store, &l, 1, &e));
	return l.full_at;
}

static void levels_add_up(void)
{
	struct rig r = {0};
	struct err e = {0};
	rig_open(&r);
	CHECK(quotas(&r) == 0 && charge(&r, 0, 0) == 0);
	CHECK(quota_put(r.store, 7, QUOTA_TOKENS_MINUTE, 50, &e) && quota_put(r.store, 7, QUOTA_TOKENS_MINUTE, 60, &e));
	CHECK(quotas(&r) == 7000000 + QUOTA_TOKENS_MINUTE * 1000 + 60);
	CHECK(charge(&r, 100, 10) == 110); /* it was empty: from its beginning on */
	CHECK(charge(&r, 105, 10) == 120); /* what is there is added to */
	CHECK(charge(&r, 500, 10) == 510); /* it had drained meanwhile */
	CHECK(charge(&r, 500, -4) == 506); /* less was used than was thought */
	CHECK(charge(&r, 0, 0) == 506);
	rig_shut(&r);
	rig_open(&r);
	CHECK(charge(&r, 0, 0) == 506);
	CHECK(quota_put(r.store, 7, QUOTA_TOKENS_MINUTE, -1, &e));
	CHECK(quotas(&r) == 0 && charge(&r, 0, 0) == 0);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"counters add up", counters_add_up},
	    {"old minutes fold", old_minutes_fold},
	    {"money is both holders'", money_is_both_holders},
	    {"a warning is told once", a_warning_is_told_once},
	    {"levels add up", levels_add_up},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
