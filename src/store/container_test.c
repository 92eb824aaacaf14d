/* container_test.c - containers: who sees them, when they expire, what a call leaves behind. */
#include "store/container_file.h"
#include "store/container_life.h"

#include "store/rig_sql.h"

static struct container cntr_row(const char *name, int64_t minutes)
{
	return (struct container){.id = id_mint(),
				  .created_at = clock_wall_s(),
				  .minutes = minutes,
				  .memory = (int64_t)1 << 30,
				  .name = str_of(name)};
}

static enum err_code cntr_code(struct rig *r, int64_t project, const struct id *id, struct arena *a,
			       struct container *ret)
{
	char text[ID_MAX];
	struct err e = {0};
	container_get(r->store, project, id_text(text, "cntr", id), a, ret, &e);
	return e.code;
}

static void rows(void)
{
	struct rig one_rig = {0}, *r = &one_rig;
	rig_open(r);
	struct arena a = {0};
	struct err e = {0};
	struct container one = cntr_row("a", 1), two = cntr_row("b", 20), got;
	CHECK(container_put(r->store, 1, &one, 2, &e));
	CHECK(container_put(r->store, 1, &two, 2, &e));
	struct container three = cntr_row("c", 1);
	CHECK(!container_put(r->store, 1, &three, 2, &e) && e.code == ERR_BAD_REQUEST);
	CHECK(cntr_code(r, 1, &one.id, &a, &got) == ERR_NONE && got.expires_at == one.created_at + 60);
	CHECK(cntr_code(r, 2, &one.id, &a, &got) == ERR_NOT_FOUND);
	CHECK(cntr_code(r, 1, &three.id, &a, &got) == ERR_NOT_FOUND);
	struct container_query q = {.limit = 1};
	struct container_page p;
	e = (struct err){0};
	CHECK(container_list(r->store, 1, &q, &a, &p, &e) && p.n == 1 && p.has_more && str_eq(p.list[0].name, S("b")));
	q.name = S("a");
	CHECK(container_list(r->store, 1, &q, &a, &p, &e) && p.n == 1 && !p.has_more && str_eq(p.list[0].name, S("a")));
	struct container unused = cntr_row("d", 1);
	e = (struct err){0};
	CHECK(container_put(r->store, 3, &unused, 2, &e) && container_delete_unused(r->store, unused.id.key, &e));
	CHECK(!container_delete_unused(r->store, unused.id.key, &e) && e.code == ERR_CONFLICT);
	/* Time is over: nothing brings it back, and a place is free again. */
	clock_fake((clock_wall_s() + 61) * 1000000);
	CHECK(cntr_code(r, 1, &one.id, &a, &got) == ERR_NONE && container_expired(&got));
	CHECK(!container_touch(r->store, &got, &e) && e.code == ERR_BAD_REQUEST);
	CHECK(str_eq(str_of(e.msg), S("Container is expired.")));
	e = (struct err){0};
	three.created_at = clock_wall_s();
	CHECK(container_put(r->store, 1, &three, 2, &e));
	int64_t keys[CONTAINER_SLICE];
	size_t n;
	bool folder = true;
	CHECK(container_late(r->store, keys, &n, &e) && n == 1 && keys[0] == one.id.key);
	CHECK(container_end(r->store, one.id.key, &e));
	CHECK(container_has_folder(r->store, one.id.key, &folder, &e) && !folder);
	CHECK(container_late(r->store, keys, &n, &e) && n == 0);
	CHECK(!container_end(r->store, two.id.key, &e) && e.code == ERR_CONFLICT);
	e = (struct err){0};
	CHECK(cntr_code(r, 1, &one.id, &a, &got) == ERR_NONE && got.ended);
	clock_fake((clock_wall_s() + 86401) * 1000000);
	CHECK(container_forget(r->store, &e) && cntr_code(r, 1, &one.id, &a, &got) == ERR_NOT_FOUND);
	clock_fake(0);
	CHECK(rig_sound(r));
	arena_free(&a);
	rig_end_all(r);
}

static void files(void)
{
	struct rig one_rig = {0}, *r = &one_rig;
	rig_open(r);
	struct arena a = {0};
	struct err e = {0};
	struct container c = cntr_row("f", 20);
	struct container_file put[] = {{.id = id_mint(), .created_at = 1, .bytes = 3, .source = CONTAINER_USER, .path = S("a")},
				       {.id = id_mint(), .created_at = 1, .bytes = 4, .source = CONTAINER_ASSISTANT, .path = S("d/b")}};
	struct container_file_page p;
	char text[ID_MAX];
	CHECK(container_put(r->store, 1, &c, 100, &e));
	struct container_change ch = {.put = put, .n_put = 2};
	CHECK(container_files_change(r->store, &c, &ch, &e));
	/* The same path again: the same id, other bytes. */
	struct container_file again = {.id = id_mint(), .created_at = 2, .bytes = 9, .source = CONTAINER_ASSISTANT, .path = S("a")};
	ch = (struct container_change){.put = &again, .n_put = 1, .gone = &put[1].id.key, .n_gone = 1};
	CHECK(container_files_change(r->store, &c, &ch, &e));
	CHECK(container_file_all(r->store, c.id.key, 10, &a, &p, &e) && p.n == 1);
	CHECK(p.list[0].id.key == put[0].id.key && p.list[0].bytes == 9 && p.list[0].source == CONTAINER_USER);
	struct container_file got;
	CHECK(container_file_get(r->store, &c, id_text(text, "cfile", &put[0].id), &a, &got, &e));
	CHECK(!container_file_get(r->store, &c, id_text(text, "cfile", &put[1].id), &a, &got, &e) && e.code == ERR_NOT_FOUND);
	e = (struct err){0};
	/* Of a container that is gone nothing is written. */
	CHECK(container_delete(r->store, c.id.key, &e));
	ch = (struct container_change){.put = put, .n_put = 2};
	CHECK(!container_files_change(r->store, &c, &ch, &e) && e.code == ERR_NOT_FOUND);
	CHECK(rig_sound(r));
	arena_free(&a);
	rig_end_all(r);
}

static void calls(void)
{
	struct rig one_rig = {0}, *r = &one_rig;
	rig_open(r);
	struct err e = {0};
	struct container c = cntr_row("j", 20);
	struct id first = id_mint(), second = id_mint(), third = id_mint();
	struct container_began began;
	CHECK(container_put(r->store, 1, &c, 100, &e));
	CHECK(container_call_begin(r->store, &c, &first, &began, &e) && began.cut == 0 && !began.before);
	CHECK(container_call_begin(r->store, &c, &second, &began, &e) && began.cut == 0 && !began.before);
	CHECK(container_files_change(r->store, &c, &(struct container_change){.call = second.key}, &e));
	rig_shut(r);
	rig_open(r);
	/* The first one was cut off, and that is told once. */
	CHECK(container_call_begin(r->store, &c, &second, &began, &e) && began.cut == 1 && began.before);
	CHECK(container_call_begin(r->store, &c, &third, &began, &e) && began.cut == 0 && !began.before);
	CHECK(rig_sound(r));
	rig_end_all(r);
}

int main(void)
{
	static const struct test_case cases[] = {{"rows", rows}, {"files", files}, {"calls", calls}};
	return test_main(cases, sizeof cases / sizeof *cases);
}
