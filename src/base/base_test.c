/* base_test.c - arenas, strings, buffers, maps, ids. */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/map.h"
#include "base/test.h"

static int undone;

static void undo(void *obj)
{
	undone = undone * 10 + *(int *)obj;
}

static void arena_holds_and_undoes(void)
{
	struct arena a = {0};
	static int one = 1, two = 2;
	arena_defer(&a, undo, &one);
	arena_defer(&a, undo, &two);
	for (size_t n = 1; n < 300000; n = n * 3 + 1) {
		char *p = arena_alloc(&a, n);
		CHECK(((uintptr_t)p & 15) == 0);
		CHECK(p[0] == 0 && p[n - 1] == 0);
		memset(p, 7, n);
	}
	arena_free(&a);
	CHECK(undone == 21);
	CHECK(a.blocks == NULL && a.total == 0);
}

static void arenas_join(void)
{
	for (int i = 0; i < 4; i++) { /* into one that is empty or not, of one that is empty or not */
		struct arena to = {0}, from = {0};
		int one = 1, two = 2;
		char *a = NULL, *b = NULL;
		if (i & 1) {
			a = memset(arena_bytes(&to, 5000), 'a', 5000);
			arena_defer(&to, undo, &one);
		}
		if (i & 2) {
			b = memset(arena_bytes(&from, 5000), 'b', 5000);
			arena_defer(&from, undo, &two);
		}
		size_t total = to.total + from.total;
		arena_join(&to, &from);
		CHECK(!from.blocks && !from.undo && !from.at && from.total == 0 && to.total == total);
		memset(arena_bytes(&to, 3000), 'c', 3000);
		CHECK(!a || (a[0] == 'a' && a[4999] == 'a'));
		CHECK(!b || (b[0] == 'b' && b[4999] == 'b'));
		undone = 0;
		arena_free(&to);
		CHECK(undone == (i == 3 ? 21 : i)); /* each once, newest first */
	}
}

static void arena_starts_with_room(void)
{
	struct arena a = {0};
	arena_start(&a, 3000);
	memset(arena_alloc(&a, 2000), 1, 2000);
	arena_bytes(&a, 900);
	CHECK(a.total == 3000);
	arena_start(&a, 50000); /* it is not fresh any more */
	CHECK(a.total == 3000);
	memset(arena_bytes(&a, 200), 1, 200);
	CHECK(a.total > 3000);
	arena_free(&a);
}

static void arena_reset_keeps_one_block(void)
{
	struct arena a = {0};
	arena_bytes(&a, 100000);
	arena_bytes(&a, 10);
	arena_reset(&a);
	CHECK(a.total <= 8192);
	memset(arena_bytes(&a, 1000), 1, 1000);
	arena_free(&a);
}

static void strings(void)
{
	struct arena a = {0};
	struct str s = S("a=b=c"), rest = s;
	CHECK_STR(str_cut(&rest, '='), S("a"));
	CHECK_STR(rest, S("b=c"));
	CHECK(str_eq_nocase(S("Content-Type"), S("content-type")));
	CHECK_STR(str_trim(S(" \tx y\r\n")), S("x y"));
	CHECK_STR(str_fmt(&a, "%d-%s", 5, "x"), S("5-x"));
	int64_t v = 0;
	CHECK(str_int(S("-9223372036854775808"), &v) && v == INT64_MIN);
	CHECK(!str_int(S("9223372036854775808"), &v));
	CHECK(!str_int(S("+1"), &v) && !str_int(S(""), &v) && !str_int(S("-"), &v));
	CHECK(str_match(S("o[0-9]*"), S("o3-mini")) && !str_match(S("gpt-*"), S("xgpt-4")));
	arena_free(&a);
}

static void buffers_are_bounded(void)
{
	struct buf b;
	buf_init(&b, 10);
	buf_add(&b, S("12345"));
	CHECK(!b.over);
	buf_add(&b, S("678901"));
	CHECK(b.over);
	CHECK_STR(buf_str(&b), S("12345"));
	buf_clear(&b);
	CHECK(!b.over && b.n == 0);
	buf_add(&b, S("abcdef"));
	buf_drop(&b, 2);
	CHECK_STR(buf_str(&b), S("cdef"));
	buf_release(&b);
}

static void map_against_a_plain_list(void)
{
	enum { N = 997 };
	static char keys[N][16];
	static int here[N];
	struct map m = {0};
	for (int round = 0; round < 30000; round++) {
		int i = (int)((unsigned)round * 2654435761u % N);
		struct str k = {keys[i], (size_t)snprintf(keys[i], sizeof keys[i], "key%d", i)};
		if (round % 3) {
			map_put(&m, k, &here[i]);
			here[i] = 1;
		} else {
			CHECK((map_del(&m, k) != NULL) == here[i]);
			here[i] = 0;
		}
	}
	size_t n = 0, at = 0;
	for (int i = 0; i < N; i++) {
		snprintf(keys[i], sizeof keys[i], "key%d", i);
		CHECK((map_get(&m, str_of(keys[i])) == &here[i]) == here[i]);
		n += (size_t)here[i];
	}
	CHECK(n == m.n);
	while (map_next(&m, &at))
		n--;
	CHECK(n == 0);
	map_release(&m);
}

static void ids_carry_their_key(void)
{
	static const uint8_t secret[16] = "0123456789abcde";
	id_setup(secret);
	char text[ID_MAX], other[ID_MAX];
	int64_t last = 0;
	for (int i = 0; i < 1000; i++) {
		struct id id = id_mint(), back = {0};
		CHECK(id.key > last);
		last = id.key;
		struct str s = id_text(text, "resp", &id);
		CHECK(s.n == 45 && id_parse(s, "resp", &back));
		CHECK(back.key == id.key && !memcmp(back.rnd, id.rnd, ID_RND));
		CHECK(!id_parse(s, "msg", &back) && id_parse_any(s, &back));
	}
	struct id id = id_mint();
	id_text(text, "resp", &id);
	id_text(other, "resp", &(struct id){id.key + 1, {0}});
	CHECK(memcmp(text + 5, other + 5, 8) != 0); /* neighbours don't look like neighbours */
	CHECK(id_made_at(&(struct id){(1700000000123456 << 11) + 5, {0}}) == 1700000000);
	struct id back;
	CHECK(id_parse(id_text(text, "file-", &id), "file-", &back) && text[5] != '_' && back.key == id.key);
	CHECK(!id_parse(S("file-12"), "file-", &back) && !id_parse(id_text(text, "file", &id), "file-", &back));
	CHECK(!id_parse(S("resp_12"), "resp", &back));
	CHECK(!id_parse(S("resp_zz00000000000000000000000000000000000000"), "resp", &back));
	id_floor(INT64_MAX / 2);
	CHECK(id_mint().key > INT64_MAX / 2);
}

static void first_failure_wins(void)
{
	struct err e = {0};
	CHECK(!fail(&e, ERR_NOT_FOUND, "id", "no %s", "x"));
	CHECK(!fail(&e, ERR_INTERNAL, NULL, "later"));
	CHECK(e.code == ERR_NOT_FOUND && !strcmp(e.msg, "no x") && !strcmp(e.param, "id"));
	CHECK(err_rows[e.code].status == 404);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"an arena holds what it gave and undoes in reverse", arena_holds_and_undoes},
		{"arenas join", arenas_join},
		{"an arena starts with room", arena_starts_with_room},
		{"a reset arena keeps one small block", arena_reset_keeps_one_block},
		{"strings", strings},
		{"buffers are bounded", buffers_are_bounded},
		{"the map agrees with a plain list", map_against_a_plain_list},
		{"ids carry their key", ids_carry_their_key},
		{"the first failure wins", first_failure_wins},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
