/* skill_test.c - skills: versions and their numbers, the default one, lists, bounds, what goes with them. */
#include "store/skill.h"

#include <unistd.h>

#include "store/blob.h"
#include "store/rig_sql.h"

static const struct skill_bounds roomy = {100, 100};

static void skill_test_keep(struct rig *r, int64_t key, struct str bytes)
{
	struct blob b;
	struct err e = {0};
	CHECK(blob_begin(r->store, &b, key, &e) && blob_write(&b, bytes, &e) && blob_keep(&b, &e));
}

static bool skill_test_there(struct rig *r, int64_t key)
{
	struct err e = {0};
	struct blob_in *in = blob_open(r->store, key, &e);
	blob_close(in);
	return in != NULL;
}

static struct skill_version skill_test_version(struct rig *r, const char *name)
{
	struct skill_version v = {
	    .id = id_mint(), .number = 1, .created_at = 7, .bytes = 10, .name = str_of(name), .description = S("d")};
	skill_test_keep(r, v.id.key, S("0123456789"));
	return v;
}

static bool skill_test_put(struct rig *r, int64_t project, const char *name, const struct skill_bounds *most, struct skill *k,
			   struct skill_version *v, char id[ID_MAX], struct err *e)
{
	*k = (struct skill){.id = id_mint(), .created_at = 5};
	*v = skill_test_version(r, name);
	id_text(id, "skill", &k->id);
	*e = (struct err){0};
	return skill_put(r->store, project, k, v, most, e);
}

static void versions(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct skill k, got;
	struct skill_version v, w, x;
	struct err e;
	char id[ID_MAX];
	rig_open(&r);
	CHECK(skill_test_put(&r, 1, "one", &roomy, &k, &v, id, &e));
	CHECK(skill_get(r.store, 1, str_of(id), &a, &got, &e) && got.version == 1 && got.latest == 1);
	CHECK_STR(got.name, S("one"));
	CHECK(!skill_get(r.store, 2, str_of(id), &a, &got, &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	CHECK(!skill_get(r.store, 1, S("openai-spreadsheets"), &a, &got, &e) && e.code == ERR_NOT_FOUND);
	CHECK_STR(str_of(e.msg), S("Skill with id 'openai-spreadsheets' not found."));
	w = skill_test_version(&r, "two");
	CHECK(skill_version_put(r.store, 1, &k.id, &w, false, &roomy, &e) && w.number == 2);
	CHECK(skill_get(r.store, 1, str_of(id), &a, &got, &e) && got.version == 1 && got.latest == 2);
	CHECK_STR(got.name, S("one"));
	/* the default one stays; another may go, and its number is not given again */
	e = (struct err){0};
	CHECK(!skill_version_delete(r.store, 1, &got, &v, &e) && e.code == ERR_BAD_REQUEST);
	e = (struct err){0};
	got.version = 9; /* as one that was read before it became the default */
	CHECK(!skill_version_delete(r.store, 1, &got, &v, &e) && e.code == ERR_BAD_REQUEST);
	CHECK(skill_test_there(&r, v.id.key));
	e = (struct err){0};
	CHECK(skill_version_delete(r.store, 1, &got, &w, &e));
	x = skill_test_version(&r, "three");
	CHECK(skill_version_put(r.store, 1, &k.id, &x, true, &roomy, &e) && x.number == 3);
	CHECK(skill_version_get(r.store, 1, str_of(id), S("latest"), &a, &got, &w, &e) && w.number == 3 && got.version == 3);
	CHECK(skill_version_get(r.store, 1, str_of(id), S("1"), &a, &got, &w, &e) && w.number == 1 && w.bytes == 10);
	CHECK(!skill_version_get(r.store, 1, str_of(id), S("2"), &a, &got, &w, &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	CHECK(!skill_set_default(r.store, &got, 2, &e) && e.code == ERR_INVALID_VALUE);
	e = (struct err){0};
	CHECK(skill_set_default(r.store, &got, 1, &e));
	CHECK(skill_get(r.store, 1, str_of(id), &a, &got, &e) && got.version == 1 && got.latest == 3);
	rig_shut(&r);
	CHECK(rig_sound(&r));
	rig_open(&r);
	CHECK(skill_test_there(&r, v.id.key) && skill_test_there(&r, x.id.key)); /* known at the start */
	arena_free(&a);
	rig_end_all(&r);
}

static void lists(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct skill k[3], got;
	struct skill_version v;
	struct skill_page p;
	struct err e;
	char id[3][ID_MAX], ver[ID_MAX];
	rig_open(&r);
	for (int i = 0; i < 3; i++)
		CHECK(skill_test_put(&r, 1, "s", &roomy, &k[i], &v, id[i], &e));
	struct page_query q = {.limit = 2};
	CHECK(skill_list(r.store, 1, &q, &a, &p, &e) && p.n == 2 && p.has_more && p.list[0].id.key == k[2].id.key);
	q.after = str_of(id[1]);
	CHECK(skill_list(r.store, 1, &q, &a, &p, &e) && p.n == 1 && !p.has_more && p.list[0].id.key == k[0].id.key);
	q = (struct page_query){.limit = 0};
	CHECK(skill_list(r.store, 1, &q, &a, &p, &e) && p.n == 0 && p.has_more);
	q = (struct page_query){.limit = 5};
	CHECK(skill_list(r.store, 2, &q, &a, &p, &e) && p.n == 0 && !p.has_more);
	q.after = S("skill_nonsense");
	CHECK(!skill_list(r.store, 1, &q, &a, &p, &e) && e.code == ERR_INVALID_VALUE);
	e = (struct err){0};
	for (int i = 2; i < 5; i++) {
		v = skill_test_version(&r, "s");
		CHECK(skill_version_put(r.store, 1, &k[0].id, &v, false, &roomy, &e) && v.number == i);
	}
	CHECK(skill_get(r.store, 1, str_of(id[0]), &a, &got, &e));
	q = (struct page_query){.limit = 2, .ascending = true};
	CHECK(skill_version_list(r.store, &got, &q, &a, &p, &e) && p.n == 2 && p.has_more && p.versions[1].number == 2);
	q.after = id_text(ver, "skillver", &p.versions[1].id);
	CHECK(skill_version_list(r.store, &got, &q, &a, &p, &e) && p.n == 2 && !p.has_more && p.versions[1].number == 4);
	q.ascending = false;
	CHECK(skill_version_list(r.store, &got, &q, &a, &p, &e) && p.n == 1 && p.versions[0].number == 1);
	got.id = k[1].id; /* a version of another skill */
	CHECK(!skill_version_list(r.store, &got, &q, &a, &p, &e) && e.code == ERR_INVALID_VALUE);
	arena_free(&a);
	rig_end_all(&r);
}

static void ends(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct skill k, other, got;
	struct skill_version v, w;
	struct skill_bounds one = {1, 1};
	struct err e;
	char id[ID_MAX], more[ID_MAX];
	rig_open(&r);
	CHECK(skill_test_put(&r, 1, "s", &one, &k, &v, id, &e));
	CHECK(!skill_test_put(&r, 1, "s", &one, &other, &w, more, &e) && e.code == ERR_BAD_REQUEST);
	rig_exec(r.dir, "INSERT INTO project(id, name) VALUES(2, 'other')");
	CHECK(skill_test_put(&r, 2, "s", &one, &other, &w, more, &e));
	e = (struct err){0};
	w = skill_test_version(&r, "s");
	CHECK(!skill_version_put(r.store, 1, &k.id, &w, false, &one, &e) && e.code == ERR_BAD_REQUEST);
	CHECK(rig_number(&r, "SELECT bytes FROM file_usage WHERE project = 1") == 10);
	int64_t bytes = store_limits.project_bytes;
	store_limits.project_bytes = 15;
	e = (struct err){0};
	CHECK(!skill_version_put(r.store, 1, &k.id, &w, false, &roomy, &e) && e.code == ERR_STORAGE_LIMIT);
	store_limits.project_bytes = bytes;
	e = (struct err){0};
	CHECK(skill_delete(r.store, &k, &e) && !skill_get(r.store, 1, str_of(id), &a, &got, &e));
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM skill") == 1 && rig_number(&r, "SELECT count(*) FROM skill_version") == 1);
	CHECK(rig_number(&r, "SELECT bytes FROM file_usage WHERE project = 1") == 0);
	rig_shut(&r); /* buries what was dropped */
	CHECK(rig_sound(&r));
	rig_open(&r);
	CHECK(!skill_test_there(&r, v.id.key) && !skill_test_there(&r, w.id.key)); /* w: never had a row */
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case cases[] = {{"versions", versions}, {"lists", lists}, {"bounds, deletion", ends}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
