/* completion_test.c - stored chat completions: one, a list of them, what is changed and what goes. */
#include "store/rig_sql.h"

struct made {
	struct id id;
	char text[ID_MAX];
};

static struct made put_for(struct rig *r, int64_t project, const char *model, const char *metadata, int64_t expires_at)
{
	struct made m = {.id = id_mint()};
	struct completion_record c = {
	    .project = project,
	    .id = m.id,
	    .created_at = clock_wall_s(),
	    .expires_at = expires_at,
	    .model = str_of(model),
	    .metadata = str_of(metadata),
	    .body = S("{\"object\":\"chat.completion\""),
	    .messages = S("[{\"role\":\"user\",\"content\":\"hi\"}]"),
	};
	struct rig_wait w = rig_wait(r);
	store_put_completion(r->port, &w.op, &c);
	CHECK(rig_end(&w) == ERR_NONE);
	completion_id(m.text, &m.id);
	return m;
}

static struct made put(struct rig *r, const char *model, const char *metadata)
{
	return put_for(r, 1, model, metadata, 0);
}

static enum err_code get(struct rig *r, int64_t project, const char *id, struct arena *a, struct stored_completion *ret)
{
	struct rig_wait w = rig_wait(r);
	store_get_completion(r->port, &w.op, project, str_of(id), a, ret);
	return rig_end(&w);
}

static enum err_code drop(struct rig *r, int64_t project, const char *id)
{
	struct rig_wait w = rig_wait(r);
	store_delete_completion(r->port, &w.op, project, str_of(id));
	return rig_end(&w);
}

static enum err_code set(struct rig *r, int64_t project, const char *id, const char *metadata)
{
	struct rig_wait w = rig_wait(r);
	store_set_completion(r->port, &w.op, project, str_of(id), str_of(metadata));
	return rig_end(&w);
}

static enum err_code list(struct rig *r, const struct completion_query *q, struct arena *a, struct completion_page *ret)
{
	struct rig_wait w = rig_wait(r);
	store_list_completions(r->port, &w.op, 1, q, a, ret);
	return rig_end(&w);
}

static void one(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_completion got;
	rig_open(&r);
	struct made m = put(&r, "m", "{\"a\":\"b\"}");
	CHECK(str_starts(str_of(m.text), S("chatcmpl-")));
	rig_shut(&r);
	rig_open(&r);
	CHECK(get(&r, 1, m.text, &a, &got) == ERR_NONE);
	CHECK_STR(got.json, S("{\"object\":\"chat.completion\",\"metadata\":{\"a\":\"b\"}}"));
	CHECK_STR(got.messages, S("[{\"role\":\"user\",\"content\":\"hi\"}]"));
	CHECK(get(&r, 2, m.text, &a, &got) == ERR_COMPLETION_NOT_FOUND);
	CHECK(set(&r, 2, m.text, "{}") == ERR_COMPLETION_NOT_FOUND);
	CHECK(drop(&r, 2, m.text) == ERR_COMPLETION_NOT_FOUND);
	CHECK(set(&r, 1, m.text, "{\"c\":\"d\",\"e\":\"f\"}") == ERR_NONE);
	CHECK(get(&r, 1, m.text, &a, &got) == ERR_NONE);
	CHECK_STR(got.json, S("{\"object\":\"chat.completion\",\"metadata\":{\"c\":\"d\",\"e\":\"f\"}}"));
	CHECK(rig_sound(&r));
	m.text[20] ^= 1; /* another digit */
	CHECK(get(&r, 1, m.text, &a, &got) == ERR_COMPLETION_NOT_FOUND);
	m.text[20] ^= 1;
	CHECK(get(&r, 1, "chatcmpl-x", &a, &got) == ERR_COMPLETION_NOT_FOUND);
	CHECK(drop(&r, 1, "resp_x") == ERR_COMPLETION_NOT_FOUND);
	CHECK(drop(&r, 1, m.text) == ERR_NONE);
	CHECK(get(&r, 1, m.text, &a, &got) == ERR_COMPLETION_NOT_FOUND);
	CHECK(set(&r, 1, m.text, "{}") == ERR_COMPLETION_NOT_FOUND);
	CHECK(drop(&r, 1, m.text) == ERR_COMPLETION_NOT_FOUND);
	CHECK(rig_number(&r, "SELECT (SELECT count(*) FROM completion_text) + (SELECT count(*) FROM completion_pair)") == 0);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

static void expiry(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct stored_completion got;
	rig_open(&r);
	struct made old = put_for(&r, 1, "m", "{\"a\":\"b\"}", clock_wall_s() - 1), kept = put_for(&r, 1, "m", "{}", clock_wall_s() + 3600);
	CHECK(get(&r, 1, old.text, &a, &got) == ERR_COMPLETION_NOT_FOUND);
	struct completion_page page;
	CHECK(list(&r, &(struct completion_query){.limit = 20, .ascending = true}, &a, &page) == ERR_NONE && page.n == 1);
	rig_sweep(&r);
	CHECK(rig_number(&r, "SELECT count(*) FROM completion_pair") == 0);
	CHECK(rig_number(&r, "SELECT count(*) FROM completion_text") == 1);
	CHECK(get(&r, 1, kept.text, &a, &got) == ERR_NONE);
	CHECK(rig_sound(&r));
	arena_free(&a);
	rig_end_all(&r);
}

/* Walks all pages; the ids in order, as digits that number the completions made. */
static void pages(struct rig *r, struct completion_query q, const struct made *made, size_t n, char *out)
{
	struct arena a = {0};
	struct completion_page page = {.has_more = true};
	while (page.has_more) {
		CHECK(list(r, &q, &a, &page) == ERR_NONE);
		for (size_t i = 0; i < page.n; i++)
			for (size_t k = 0; k < n; k++)
				if (str_eq(page.list[i].id, str_of(made[k].text)))
					*out++ = (char)('0' + k);
		if (!page.n)
			break;
		q.after = page.list[page.n - 1].id;
	}
	*out = 0;
	arena_free(&a);
}

static void lists(void)
{
	struct rig r = {0};
	struct arena a = {0};
	char seen[16];
	rig_open(&r);
	struct made m[6] = {
	    put(&r, "a", "{\"k\":\"1\",\"t\":\"x\"}"), put(&r, "b", "{\"k\":\"1\"}"), put(&r, "a", "{\"k\":\"2\",\"t\":\"x\"}"),
	    put(&r, "b", "{}"), put(&r, "a", "{\"t\":\"x\",\"k\":\"1\"}"),
	};
	put_for(&r, 2, "a", "{\"k\":\"1\"}", 0);
	struct completion_query q = {.limit = 2, .ascending = true};
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("01234"));
	q.ascending = false;
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("43210"));
	q.model = S("a");
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("420"));
	q.ascending = true;
	q.pairs[0].name = S("k");
	q.pairs[0].value = S("1");
	q.n_pairs = 1;
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("04"));
	q.model = (struct str){0};
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("014"));
	q.pairs[1].name = S("t");
	q.pairs[1].value = S("x");
	q.n_pairs = 2;
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("04"));
	CHECK(set(&r, 1, m[0].text, "{\"k\":\"9\"}") == ERR_NONE);
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("4"));
	/* The last of a page may be gone when the next is asked for. */
	struct completion_page page;
	q = (struct completion_query){.limit = 2, .ascending = true};
	CHECK(list(&r, &q, &a, &page) == ERR_NONE && page.has_more);
	CHECK(drop(&r, 1, m[1].text) == ERR_NONE);
	q.after = page.list[1].id;
	pages(&r, q, m, 5, seen);
	CHECK_STR(str_of(seen), S("234"));
	q.after = S("nonsense");
	CHECK(list(&r, &q, &a, &page) == ERR_INVALID_VALUE);
	arena_free(&a);
	rig_end_all(&r);
}

static void bounds(void)
{
	struct rig r = {0};
	struct arena a = {0};
	struct completion_page page;
	char seen[16];
	rig_open(&r);
	struct made m[3] = {put(&r, "a", "{\"k\":\"1\"}"), put(&r, "a", "{\"k\":\"1\"}"), put(&r, "b", "{\"k\":\"1\",\"t\":\"x\"}")};
	struct completion_query q = {.limit = 2, .ascending = true, .model = S("b"), .n_pairs = 1};
	q.pairs[0].name = S("k");
	q.pairs[0].value = S("1");
	CHECK(list(&r, &q, &a, &page) == ERR_NONE && page.n == 1);
	store_limits.list_rows = 2;
	CHECK(list(&r, &q, &a, &page) == ERR_BAD_REQUEST);
	store_limits.list_rows = 3;
	/* A page ends early when it has become large; the next one goes on. */
	int64_t before = store_limits.context_bytes;
	store_limits.context_bytes = 10;
	q = (struct completion_query){.limit = 3, .ascending = true};
	CHECK(list(&r, &q, &a, &page) == ERR_NONE && page.n == 1 && page.has_more);
	pages(&r, q, m, 3, seen);
	CHECK_STR(str_of(seen), S("012"));
	store_limits.context_bytes = before;
	arena_free(&a);
	rig_end_all(&r);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"one: kept over a restart, changed, deleted, never another project's", one},
	    {"expired ones are hidden, then swept", expiry},
	    {"lists: order, pages, filters", lists},
	    {"lists: bounds", bounds},
	};
	return test_main(t, sizeof t / sizeof *t);
}
