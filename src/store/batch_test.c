/* batch_test.c - batches: their life, answers that are kept once, whose turn it is, what goes; power cuts and full
 * disks. */
#include "store/batch_work.h"
#include "store/blob.h"
#include "store/power_vfs.h"
#include "store/rig_sql.h"

enum { MOST = 100, LINES = 2500, SINGLES = 200, CUT_AT = 20 };

struct batch_test {
	struct id id;
	char text[ID_MAX];
};

static bool batch_test_put(struct rig *r, int64_t project, int64_t most, struct batch_test *t, struct err *e)
{
	int64_t now = clock_wall_s();
	struct stored_batch b = {.id = id_mint(),
				 .project = project,
				 .endpoint = S("/v1/responses"),
				 .metadata = S("{\"a\":\"b\"}"),
				 .input = id_mint(),
				 .output_seconds = 3600,
				 .expires_at = now + 86400,
				 .at = {[BATCH_VALIDATING] = now}};
	*e = (struct err){0};
	t->id = b.id;
	id_text(t->text, "batch", &b.id);
	return batch_put(r->store, &b, most, e);
}

static struct stored_batch batch_test_get(struct rig *r, const struct batch_test *t, struct arena *a)
{
	struct stored_batch b = {0};
	struct err e = {0};
	CHECK(batch_again(r->store, t->id.key, a, &b, &e));
	return b;
}

static bool batch_test_keep(struct rig *r, const struct batch_test *t, int64_t from, size_t n, struct err *e)
{
	struct arena a = {0};
	struct batch_answer *list = new_array(&a, struct batch_answer, n);
	struct batch_progress p = {
	    .answers = list, .n = n, .model = S("m"), .cursor_line = from + (int64_t)n - 1, .cursor_at = 10 * from};
	for (size_t i = 0; i < n; i++) {
		bool failed = (from + (int64_t)i) % 4 == 0;
		list[i] =
		    (struct batch_answer){from + (int64_t)i, failed, str_fmt(&a, "{\"line\":%zu}\n", (size_t)from + i)};
		*(failed ? &p.add.failed : &p.add.completed) += 1;
		p.add.input += 2;
		p.add.output += 3;
	}
	*e = (struct err){0};
	bool ok = batch_keep(r->store, t->id.key, &p, e);
	arena_free(&a);
	return ok;
}

static bool batch_test_close(struct rig *r, const struct batch_test *t, const struct stored_file *output, struct err *e)
{
	struct arena a = {0};
	struct stored_batch b = batch_test_get(r, t, &a);
	struct webhook_event event = {id_mint(), S("batch.completed"), 10};
	struct batch_end end = {.status = BATCH_COMPLETED, .output = output, .event = &event};
	*e = (struct err){0};
	bool ok = batch_close(r->store, &b, &end, e);
	arena_free(&a);
	return ok;
}

static void batch_test_begin(struct rig *r, const struct batch_test *t, int64_t total)
{
	struct err e = {0};
	CHECK(batch_begin(r->store, t->id.key, total, S("m"), &e));
}

static void batch_test_over(struct rig *r, const struct batch_test *t)
{
	struct err e = {0};
	bool more = true;
	batch_test_begin(r, t, 1);
	CHECK(batch_finalize(r->store, t->id.key, false, &e) && batch_test_close(r, t, NULL, &e));
	CHECK(batch_tidy(r->store, t->id.key, &more, &e) && !more);
}

/* --- its life ---------------------------------------------------------------------------------------------------- */

static bool batch_test_sum(void *ctx, const struct batch_answer *a)
{
	int64_t *at = ctx;
	return a->line == ++*at; /* in their order, none left out */
}

static void life(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct batch_test t;
	struct stored_batch b;
	struct err e;
	bool is, more = true;
	int64_t last = 0;
	rig_open(&r);
	CHECK(batch_test_put(&r, 1, MOST, &t, &e));
	CHECK(batch_get(r.store, 1, str_of(t.text), &a, &b, &e) && b.status == BATCH_VALIDATING && !b.output.key);
	CHECK_STR(b.metadata, S("{\"a\":\"b\"}"));
	CHECK(!b.model.p && !b.errors.p && b.output_seconds == 3600);
	CHECK(!batch_get(r.store, 2, str_of(t.text), &a, &b, &e) && e.code == ERR_NOT_FOUND);
	CHECK(!batch_test_keep(&r, &t, 1, 1, &e) && e.code == ERR_CONFLICT); /* nothing runs before it has begun */
	batch_test_begin(&r, &t, 8);
	e = (struct err){0};
	CHECK(!batch_begin(r.store, t.id.key, 8, S("m"), &e) && e.code == ERR_CONFLICT);
	CHECK(batch_test_keep(&r, &t, 1, 5, &e) && batch_test_keep(&r, &t, 6, 3, &e));
	/* an answer is kept once, and with it all of its group or nothing */
	CHECK(!batch_test_keep(&r, &t, 8, 2, &e) && e.code == ERR_CONFLICT);
	e = (struct err){0};
	CHECK(batch_answered(r.store, t.id.key, 8, &is, &e) && is && batch_answered(r.store, t.id.key, 9, &is, &e) &&
	      !is);
	b = batch_test_get(&r, &t, &a);
	CHECK(b.counts.completed == 6 && b.counts.failed == 2 && b.counts.input == 16 && b.counts.output == 24);
	CHECK(b.cursor_line == 8 && b.cursor_at == 60);
	CHECK(batch_answers(r.store, t.id.key, batch_test_sum, &last, &e) && last == 8);
	CHECK(rig_sound(&r));
	rig_shut(&r);
	rig_open(&r);
	CHECK(batch_finalize(r.store, t.id.key, false, &e));
	struct stored_file f = {.id = id_mint(), .bytes = 5, .purpose = S("batch_output"), .filename = S("o")};
	struct blob bytes;
	CHECK(blob_begin(r.store, &bytes, f.id.key, &e) && blob_write(&bytes, S("hello"), &e) && blob_keep(&bytes, &e));
	CHECK(batch_test_close(&r, &t, &f, &e));
	CHECK(!batch_test_close(&r, &t, &f, &e) || e.code == ERR_CONFLICT);
	b = batch_test_get(&r, &t, &a);
	CHECK(b.status == BATCH_COMPLETED && b.output.key == f.id.key && b.at[BATCH_COMPLETED] && !b.at[BATCH_FAILED]);
	e = (struct err){0};
	CHECK(batch_tidy(r.store, t.id.key, &more, &e) && !more);
	CHECK(rig_number(&r, "SELECT count(*) FROM batch_line") == 0 && rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void cancelled(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct batch_test t;
	struct err e;
	bool done;
	rig_open(&r);
	CHECK(batch_test_put(&r, 1, MOST, &t, &e));
	batch_test_begin(&r, &t, 3);
	struct stored_batch b = batch_test_get(&r, &t, &a);
	CHECK(batch_cancel(r.store, &b, &done, &e) && done);
	CHECK(batch_cancel(r.store, &b, &done, &e) && !done); /* it is on its way */
	CHECK(batch_test_keep(&r, &t, 1, 1, &e));             /* what was answered meanwhile counts */
	CHECK(!batch_finalize(r.store, t.id.key, false, &e) && e.code == ERR_CONFLICT);
	b = batch_test_get(&r, &t, &a);
	struct webhook_event event = {id_mint(), S("batch.cancelled"), 10};
	struct batch_end end = {.status = BATCH_CANCELLED, .event = &event};
	e = (struct err){0};
	CHECK(batch_close(r.store, &b, &end, &e));
	b = batch_test_get(&r, &t, &a);
	CHECK(b.status == BATCH_CANCELLED && b.at[BATCH_CANCELLED] && b.counts.completed == 1);
	CHECK(batch_cancel(r.store, &b, &done, &e) && !done);
	arena_free(&a);
	rig_end_all(&r);
}

/* --- many -------------------------------------------------------------------------------------------------------- */

static void turns(void)
{
	struct rig r = {0};
	struct batch_test t[5], more;
	struct batch_place at[5];
	struct arena a = {0};
	struct stored_batch b;
	struct err e;
	size_t n;
	bool done;
	rig_open(&r);
	rig_exec(r.dir, "INSERT INTO project(id, name) VALUES(2, 'other')");
	for (int i = 0; i < 3; i++)
		CHECK(batch_test_put(&r, 1, 3, &t[i], &e));
	CHECK(!batch_test_put(&r, 1, 3, &more, &e) && e.code == ERR_BUSY);
	CHECK(batch_test_put(&r, 2, 3, &t[3], &e)); /* each project its own */
	/* the first of each project before the second of any */
	CHECK(batch_open(r.store, 3, at, &n, &e) && n == 3);
	CHECK(at[0].key == t[0].id.key && at[1].key == t[3].id.key && at[1].project == 2 && at[2].key == t[1].id.key);
	b = batch_test_get(&r, &t[2], &a);
	CHECK(batch_cancel(r.store, &b, &done, &e) && done);
	CHECK(batch_open(r.store, 1, at, &n, &e) && n == 1 && at[0].key == t[2].id.key);
	batch_test_over(&r, &t[0]); /* one that is over makes room */
	CHECK(batch_test_put(&r, 1, 3, &t[4], &e));
	CHECK(batch_open(r.store, 5, at, &n, &e) && n == 4);
	arena_free(&a);
	rig_end_all(&r);
}

static void pages(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct batch_test t[5];
	struct batch_page p;
	struct err e;
	rig_open(&r);
	for (int i = 0; i < 5; i++)
		CHECK(batch_test_put(&r, 1, MOST, &t[i], &e));
	CHECK(batch_list(r.store, 1, (struct str){0}, 2, &a, &p, &e) && p.n == 2 && p.has_more);
	CHECK(p.list[0].id.key == t[4].id.key && p.list[1].id.key == t[3].id.key);
	CHECK(batch_list(r.store, 1, str_of(t[3].text), 3, &a, &p, &e) && p.n == 3 && !p.has_more);
	CHECK(batch_list(r.store, 2, (struct str){0}, 3, &a, &p, &e) && !p.n);
	arena_free(&a);
	rig_end_all(&r);
}

/* Answers go in slices; a batch goes when it was over long enough, and no other. */
static void what_goes(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct batch_test t, stays;
	struct stored_batch b;
	struct batch_page p;
	struct err e;
	bool more = true;
	int slices = 0;
	int64_t keep = store_limits.batch_keep_seconds;
	rig_open(&r);
	CHECK(batch_test_put(&r, 1, MOST, &t, &e) && batch_test_put(&r, 1, MOST, &stays, &e));
	batch_test_begin(&r, &t, LINES);
	CHECK(batch_test_keep(&r, &t, 1, LINES, &e));
	CHECK(batch_tidy(r.store, t.id.key, &more, &e) && more); /* it has not ended: all stays */
	CHECK(rig_number(&r, "SELECT count(*) FROM batch_line") == LINES);
	CHECK(batch_finalize(r.store, t.id.key, false, &e) && batch_test_close(&r, &t, NULL, &e));
	for (more = true; more; slices++)
		CHECK(batch_tidy(r.store, t.id.key, &more, &e));
	CHECK(slices == 3 && rig_sound(&r));
	rig_sweep(&r);
	CHECK(batch_get(r.store, 1, str_of(t.text), &a, &b, &e)); /* younger than store.batch_keep_seconds */
	store_limits.batch_keep_seconds = 60;
	rig_exec(r.dir, "UPDATE batch SET created_at = created_at - 61");
	rig_sweep(&r);
	CHECK(!batch_get(r.store, 1, str_of(t.text), &a, &b, &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	CHECK(batch_get(r.store, 1, str_of(stays.text), &a, &b, &e)); /* it is under way */
	CHECK(batch_list(r.store, 1, str_of(t.text), 5, &a, &p, &e) && !p.n);
	CHECK(rig_sound(&r));
	store_limits.batch_keep_seconds = keep;
	arena_free(&a);
	rig_end_all(&r);
}

/* --- a bad disk -------------------------------------------------------------------------------------------------- */

/* How many of `n` answers the store in `dir` lacks, or counts wrong. */
static int batch_test_lost(const char *dir, const struct batch_test *t, int64_t n)
{
	struct rig r = {0};
	struct arena a = {0};
	struct err e = {0};
	int bad = 0;
	snprintf(r.dir, sizeof r.dir, "%s", dir);
	if (!rig_try_open(&r, &e))
		return 1000000;
	for (int64_t i = 1; i <= n; i++) {
		bool is = false;
		bad += !batch_answered(r.store, t->id.key, i, &is, &e) || !is;
	}
	struct stored_batch b = {0};
	if (!batch_again(r.store, t->id.key, &a, &b, &e) || b.counts.completed + b.counts.failed < n ||
	    b.cursor_line < n)
		bad++;
	if (!rig_intact(&r) || !rig_sound(&r))
		bad += 100000;
	arena_free(&a);
	rig_shut(&r);
	return bad;
}

static void batch_test_faulty(struct rig *r, bool sync_normal, struct batch_test *t)
{
	struct err e;
	power_vfs_setup();
	*r = (struct rig){.options = {.vfs = "power", .sync_normal = sync_normal}};
	rig_open(r);
	CHECK(batch_test_put(r, 1, MOST, t, &e));
	batch_test_begin(r, t, LINES);
}

static int batch_test_cuts(bool sync_normal)
{
	int bad = 0;
	for (uint32_t seed = 0; seed < 6; seed++) {
		struct rig r;
		struct batch_test t;
		struct err e;
		char disk[64] = "/tmp/antiphon-power-XXXXXX";
		if (!mkdtemp(disk))
			abort();
		batch_test_faulty(&r, sync_normal, &t);
		int64_t n = CUT_AT + 7 * (int64_t)seed;
		for (int64_t i = 1; i <= n; i++)
			CHECK(batch_test_keep(&r, &t, i, 1, &e));
		power_vfs_cut(disk, seed);
		bad += batch_test_lost(disk, &t, n);
		rig_end_all(&r);
		rig_remove(disk);
	}
	return bad;
}

static void power_cuts(void)
{
	if (rig_on_postgres())
		return; /* its disk is its own affair */
	CHECK(batch_test_cuts(false) == 0);
	CHECK(batch_test_cuts(true) > 0); /* so this can fail: commits that are not synced lose answers */
}

static void batch_test_fails(enum power_fault fault, enum err_code want)
{
	struct rig r;
	struct batch_test t;
	struct err e;
	bool is = true;
	if (rig_on_postgres())
		return;
	batch_test_faulty(&r, false, &t);
	CHECK(batch_test_keep(&r, &t, 1, 3, &e));
	power_vfs_fail(fault, 0, 1000000);
	for (int i = 0; i < 3; i++)
		CHECK(!batch_test_keep(&r, &t, 4, SINGLES, &e) && e.code == want);
	e = (struct err){0};
	CHECK(!batch_finalize(r.store, t.id.key, false, &e) && e.code == want);
	e = (struct err){0};
	CHECK(batch_answered(r.store, t.id.key, 1, &is, &e) && is); /* what is kept can be read */
	CHECK(batch_answered(r.store, t.id.key, 4, &is, &e) && !is);
	power_vfs_fail(fault, 0, 0);
	CHECK(batch_test_keep(&r, &t, 4, SINGLES, &e)); /* once, not twice: counts are right */
	CHECK(batch_finalize(r.store, t.id.key, false, &e) && batch_test_close(&r, &t, NULL, &e));
	CHECK(rig_number(&r, "SELECT completed + failed FROM batch") == 3 + SINGLES && rig_sound(&r));
	rig_end_all(&r);
}

static void full_disk(void)
{
	batch_test_fails(POWER_WRITE_FULL, ERR_STORE_FULL);
}

static void broken_disk(void)
{
	batch_test_fails(POWER_WRITE_IO, ERR_STORE);
	batch_test_fails(POWER_SYNC_IO, ERR_STORE);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"its life", life},         {"cancelled", cancelled},       {"whose turn it is", turns},
	    {"pages", pages},           {"what goes", what_goes},       {"power cuts", power_cuts},
	    {"a full disk", full_disk}, {"a broken disk", broken_disk},
	};
	return test_main(cases, sizeof cases / sizeof *cases);
}
