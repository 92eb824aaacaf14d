/* template_test.c - prompt templates: versions, the default one, lists, what goes. */
#include "store/rig_sql.h"

static enum err_code put(struct rig *r, int64_t project, const char *name, int64_t most, char id[ID_MAX])
{
	struct template_record t = {.project = project, .id = id_mint(), .created_at = 5, .name = str_of(name),
				    .metadata = S("{}"), .body = S("{\"n\":1}"), .most = most};
	struct rig_wait w = rig_wait(r);
	id_text(id, "pmpt", &t.id);
	store_put_template(r->port, &w.op, &t);
	return rig_end(&w);
}

static enum err_code add(struct rig *r, int64_t project, const char *id, const char *body, bool becomes, int64_t most,
			 struct arena *a, struct stored_template *ret)
{
	struct rig_wait w = rig_wait(r);
	store_add_template_version(r->port, &w.op, project, str_of(id), str_of(body), becomes, most, a, ret);
	return rig_end(&w);
}

static enum err_code get(struct rig *r, int64_t project, const char *id, const char *version, struct arena *a,
			 struct stored_template *ret)
{
	struct rig_wait w = rig_wait(r);
	store_get_template(r->port, &w.op, project, str_of(id), str_of(version), a, ret);
	return rig_end(&w);
}

static enum err_code set(struct rig *r, int64_t project, const char *id, const struct template_change *c)
{
	struct rig_wait w = rig_wait(r);
	store_set_template(r->port, &w.op, project, str_of(id), c);
	return rig_end(&w);
}

static enum err_code drop(struct rig *r, int64_t project, const char *id)
{
	struct rig_wait w = rig_wait(r);
	store_delete_template(r->port, &w.op, project, str_of(id));
	return rig_end(&w);
}

static void versions(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_template got;
	char id[ID_MAX];
	rig_open(&r);
	CHECK(put(&r, 1, "greet", 10, id) == ERR_NONE);
	CHECK(add(&r, 1, id, "{\"n\":2}", true, 3, &a, &got) == ERR_NONE);
	CHECK(got.version == 2 && got.default_version == 2 && got.latest == 2);
	CHECK(add(&r, 1, id, "{\"n\":3}", false, 3, &a, &got) == ERR_NONE);
	CHECK(got.version == 3 && got.default_version == 2 && got.latest == 3);
	CHECK(add(&r, 1, id, "{\"n\":4}", true, 3, &a, &got) == ERR_BAD_REQUEST);
	rig_shut(&r);
	rig_open(&r);
	CHECK(get(&r, 1, id, NULL, &a, &got) == ERR_NONE && got.version == 2 && got.latest == 3);
	CHECK_STR(got.body, S("{\"n\":2}"));
	CHECK_STR(got.name, S("greet"));
	CHECK_STR(got.id, str_of(id));
	CHECK(get(&r, 1, id, "1", &a, &got) == ERR_NONE && got.version == 1);
	CHECK_STR(got.body, S("{\"n\":1}"));
	CHECK(get(&r, 1, id, "4", &a, &got) == ERR_NOT_FOUND);
	CHECK(get(&r, 1, id, "x", &a, &got) == ERR_NOT_FOUND);
	CHECK(get(&r, 2, id, NULL, &a, &got) == ERR_NOT_FOUND);
	CHECK(add(&r, 2, id, "{}", true, 9, &a, &got) == ERR_NOT_FOUND);
	CHECK(set(&r, 1, id, &(struct template_change){.default_version = 4}) == ERR_INVALID_VALUE);
	CHECK(set(&r, 2, id, &(struct template_change){.default_version = 1}) == ERR_NOT_FOUND);
	CHECK(set(&r, 1, id, &(struct template_change){S("new"), S("{\"a\":\"b\"}"), 1}) == ERR_NONE);
	CHECK(get(&r, 1, id, NULL, &a, &got) == ERR_NONE && got.version == 1);
	CHECK_STR(got.name, S("new"));
	CHECK_STR(got.metadata, S("{\"a\":\"b\"}"));
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void deleting(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_template got;
	char id[ID_MAX], kept[ID_MAX];
	store_limits.sweep_rows = 10;
	rig_open(&r);
	CHECK(put(&r, 1, "a", 10, id) == ERR_NONE && put(&r, 1, "b", 10, kept) == ERR_NONE);
	for (int i = 0; i < 25; i++)
		CHECK(add(&r, 1, id, "{}", true, 100, &a, &got) == ERR_NONE);
	CHECK(drop(&r, 2, id) == ERR_NOT_FOUND);
	CHECK(drop(&r, 1, id) == ERR_NONE);
	CHECK(get(&r, 1, id, NULL, &a, &got) == ERR_NOT_FOUND);
	CHECK(add(&r, 1, id, "{}", true, 100, &a, &got) == ERR_NOT_FOUND);
	CHECK(drop(&r, 1, id) == ERR_NOT_FOUND);
	CHECK(rig_sound(&r));
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM template_version") == 1);
	CHECK(rig_number(&r, "SELECT count(*) FROM template") == 1);
	CHECK(get(&r, 1, kept, NULL, &a, &got) == ERR_NONE);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void lists(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct template_page page;
	struct stored_template got;
	char id[5][ID_MAX];
	rig_open(&r);
	for (int i = 0; i < 4; i++)
		CHECK(put(&r, 1, "p", 4, id[i]) == ERR_NONE);
	CHECK(put(&r, 1, "p", 4, id[4]) == ERR_BAD_REQUEST);
	CHECK(put(&r, 2, "p", 4, id[4]) == ERR_NONE);
	struct page_query q = {.limit = 3, .ascending = true};
	struct rig_wait w = rig_wait(&r);
	store_list_templates(r.port, &w.op, 1, &q, &a, &page);
	CHECK(rig_end(&w) == ERR_NONE && page.n == 3 && page.has_more);
	CHECK_STR(page.list[2].id, str_of(id[2]));
	CHECK_STR(page.list[2].body, S("{\"n\":1}"));
	q.after = page.list[2].id;
	w = rig_wait(&r);
	store_list_templates(r.port, &w.op, 1, &q, &a, &page);
	CHECK(rig_end(&w) == ERR_NONE && page.n == 1 && !page.has_more);
	CHECK_STR(page.list[0].id, str_of(id[3]));
	for (int i = 0; i < 3; i++)
		CHECK(add(&r, 1, id[0], "{}", true, 100, &a, &got) == ERR_NONE);
	q = (struct page_query){.limit = 3};
	w = rig_wait(&r);
	store_list_template_versions(r.port, &w.op, 1, str_of(id[0]), &q, &a, &page);
	CHECK(rig_end(&w) == ERR_NONE && page.n == 3 && page.has_more);
	CHECK(page.list[0].version == 4 && page.list[2].version == 2 && page.list[0].default_version == 4);
	q.after = S("2");
	w = rig_wait(&r);
	store_list_template_versions(r.port, &w.op, 1, str_of(id[0]), &q, &a, &page);
	CHECK(rig_end(&w) == ERR_NONE && page.n == 1 && !page.has_more && page.list[0].version == 1);
	q.after = S("9");
	w = rig_wait(&r);
	store_list_template_versions(r.port, &w.op, 1, str_of(id[0]), &q, &a, &page);
	CHECK(rig_end(&w) == ERR_INVALID_VALUE);
	w = rig_wait(&r);
	store_list_template_versions(r.port, &w.op, 2, str_of(id[0]), &q, &a, &page);
	CHECK(rig_end(&w) == ERR_NOT_FOUND);
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"versions: numbered, never changed, one the default", versions},
	    {"deleting hides at once and goes in slices", deleting},
	    {"lists and bounds", lists},
	};
	return test_main(t, sizeof t / sizeof *t);
}
