/* prefix_test.c - marks of prompts, and the table of who has read them. */
#include <string.h>

#include "base/test.h"
#include "fleet/prefix.h"

static struct arena a;

static struct str filled(size_t n, char c)
{
	char *p = arena_bytes(&a, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(c + (char)(i % 23));
	return (struct str){p, n};
}

static struct prefix_marks marks_of(const struct str *messages, size_t n)
{
	struct prefix_maker m;
	prefix_begin(&m, S("model"));
	for (size_t i = 0; i < n; i++) {
		prefix_add(&m, messages[i]);
		prefix_border(&m);
	}
	return prefix_end(&m, &a);
}

static size_t marks_shared(const struct prefix_marks *x, const struct prefix_marks *y)
{
	size_t i = 0;
	while (i < x->n && i < y->n && x->marks[i].hash == y->marks[i].hash && x->marks[i].at == y->marks[i].at)
		i++;
	return i;
}

static void equal_fronts_have_equal_marks(void)
{
	struct str first[] = {filled(5000, 'a'), filled(300, 'b')};
	struct str longer[] = {first[0], first[1], filled(700, 'c'), filled(900, 'd')};
	struct str other[] = {first[0], filled(300, 'e')};
	struct prefix_marks x = marks_of(first, 2), y = marks_of(longer, 4), z = marks_of(other, 2);
	CHECK(x.n >= 5 && marks_shared(&x, &y) == x.n && y.n > x.n);
	CHECK(x.marks[x.n - 1].at == 5300 && x.bytes == 5300);
	CHECK(marks_shared(&x, &z) == x.n - 1); /* all of the first message, nothing of the second */
}

static void texts_that_differ_late_share_their_blocks(void)
{
	char *p = arena_bytes(&a, 10000);
	struct str one = filled(10000, 'a'), two = {p, 10000};
	memcpy(p, one.p, one.n);
	p[7000] ^= 1;
	struct prefix_marks x = marks_of(&one, 1), y = marks_of(&two, 1);
	size_t n = marks_shared(&x, &y);
	CHECK(n == 6 && x.marks[n - 1].at == 6144);
}

static void a_border_is_no_text(void)
{
	struct str text = filled(600, 'a'), rest = {text.p + 100, 500};
	struct str one[] = {{text.p, 200}, {text.p + 200, 400}}, other[] = {{text.p, 100}, rest}; /* no mark but at the end */
	struct prefix_marks x = marks_of(one, 2), y = marks_of(other, 2);
	CHECK(x.n == 1 && y.n == 1 && x.marks[0].at == 600 && y.marks[0].at == 600);
	CHECK(marks_shared(&x, &y) == 0);
}

static void marks_are_bounded(void)
{
	struct prefix_maker m;
	struct str piece = filled(1 << 20, 'a');
	prefix_begin(&m, S(""));
	for (int i = 0; i < 512; i++) {
		prefix_add(&m, piece);
		prefix_border(&m);
	}
	CHECK(m.n <= PREFIX_MARKS && m.at == (uint64_t)512 << 20);
	prefix_begin(&m, S(""));
	for (int i = 0; i < 100000; i++) {
		prefix_add(&m, (struct str){piece.p, 260});
		prefix_border(&m);
		CHECK(m.n <= PREFIX_MARKS);
	}
	CHECK(m.n > 400);
}

static void the_longest_front_is_found(void)
{
	struct prefixes *p = prefixes_new(1024);
	uint64_t read[PREFIX_MEMBERS];
	struct str chain[] = {filled(3000, 's'), filled(400, 'a'), filled(400, 'b')};
	struct prefix_marks system = marks_of(chain, 1), first = marks_of(chain, 2), second = marks_of(chain, 3);
	prefixes_touch(p, &system, 0);
	prefixes_touch(p, &first, 5);
	prefixes_match(p, &second, 0x21, read);
	CHECK(read[0] == 3000 && read[5] == 3400 && read[1] == 0);
	prefixes_match(p, &second, 0x1, read);
	CHECK(read[0] == 3000 && read[5] == 0); /* it was not asked for */
	prefixes_forget(p, 5);
	prefixes_match(p, &second, 0x21, read);
	CHECK(read[0] == 3000 && read[5] == 0);
	prefixes_free(p);
}

static void the_table_is_bounded_and_keeps_what_is_used(void)
{
	struct prefixes *p = prefixes_new(256);
	uint64_t read[PREFIX_MEMBERS];
	struct str kept = filled(400, 'k');
	struct prefix_marks mine = marks_of(&kept, 1);
	for (int i = 0; i < 5000; i++) {
		struct str other = str_fmt(&a, "%0400d", i);
		struct prefix_marks m = marks_of(&other, 1);
		prefixes_touch(p, &m, 1);
		prefixes_touch(p, &mine, 2);
	}
	prefixes_match(p, &mine, 0x4, read);
	CHECK(read[2] == 400);
	for (int i = 4940; i < 5000; i++) { /* the last ones are all there */
		struct str late = str_fmt(&a, "%0400d", i);
		struct prefix_marks m = marks_of(&late, 1);
		prefixes_match(p, &m, 0x2, read);
		CHECK(read[1] == 400);
	}
	struct str old = str_fmt(&a, "%0400d", 0);
	struct prefix_marks m = marks_of(&old, 1);
	prefixes_match(p, &m, 0x2, read);
	CHECK(read[1] == 0);
	prefixes_free(p);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"equal fronts have equal marks", equal_fronts_have_equal_marks},
	    {"texts that differ late share their blocks", texts_that_differ_late_share_their_blocks},
	    {"a border is no text", a_border_is_no_text},
	    {"marks are bounded", marks_are_bounded},
	    {"the longest front is found", the_longest_front_is_found},
	    {"the table is bounded and keeps what is used", the_table_is_bounded_and_keeps_what_is_used},
	};
	int bad = test_main(tests, sizeof tests / sizeof *tests);
	arena_free(&a);
	return bad;
}
