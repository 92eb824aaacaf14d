/* choose_test.c - which member of a fleet answers a call. */
#include "base/test.h"
#include "fleet/choose.h"
#include "fleet/limits.h"

static struct arena a;

static struct prefix_marks prompt_of(const char *name, size_t n)
{
	struct prefix_maker m;
	prefix_begin(&m, S("model"));
	for (size_t i = 0; i < n; i++)
		prefix_add(&m, str_of(name));
	prefix_border(&m);
	return prefix_end(&m, &a);
}

static void the_least_loaded_in_turns(void)
{
	struct candidate list[] = {{true, 2, 1}, {true, 1, 2}, {true, 1, 3}, {false, 0, 4}};
	enum choice_reason why;
	int seen[4] = {0};
	for (unsigned i = 0; i < 100; i++)
		seen[fleet_choose(&(struct choosing){.turn = i}, list, 4, &why)]++;
	CHECK(why == CHOSEN_LOAD && !seen[0] && seen[1] && seen[2] && !seen[3]);
	for (int i = 0; i < 4; i++)
		list[i].able = false;
	CHECK(fleet_choose(&(struct choosing){0}, list, 4, &why) == -1);
}

static void who_has_read_it(void)
{
	struct prefixes *p = prefixes_new(1024);
	struct prefix_marks m = prompt_of("a text of one chain\n", 500); /* 10 KB */
	struct choosing c = {.prefixes = p, .marks = &m};
	struct candidate list[] = {{true, 0, 1}, {true, 0, 2}, {true, 0, 3}};
	enum choice_reason why;
	prefixes_touch(p, &m, 2);
	CHECK(fleet_choose(&c, list, 3, &why) == 2 && why == CHOSEN_PREFIX);
	list[2].load = 10000 / fleet_limits.call_bytes - 1; /* so many calls are still worth it */
	CHECK(fleet_choose(&c, list, 3, &why) == 2);
	list[2].load = 10000 / fleet_limits.call_bytes + 1;
	CHECK(fleet_choose(&c, list, 3, &why) != 2);
	list[2].load = 0;
	list[2].able = false;
	CHECK(fleet_choose(&c, list, 3, &why) != 2 && why == CHOSEN_LOAD);
	prefixes_free(p);
}

static void never_far_above_the_least_loaded(void)
{
	struct prefixes *p = prefixes_new(4096);
	struct prefix_marks m = prompt_of("a very long text of one chain ", 40000); /* 1.2 MB */
	struct choosing c = {.prefixes = p, .marks = &m, .key = 77};
	struct candidate list[] = {{true, 3, 1}, {true, 3 + fleet_limits.imbalance, 2}};
	enum choice_reason why;
	prefixes_touch(p, &m, 1);
	CHECK(fleet_choose(&c, list, 2, &why) == 1 && why == CHOSEN_PREFIX);
	list[1].load++;
	CHECK(fleet_choose(&c, list, 2, &why) == 0);
	prefixes_free(p);
}

static void a_key_has_its_member(void)
{
	struct candidate list[8];
	enum choice_reason why;
	int moved = 0, seen[8] = {0};
	for (size_t i = 0; i < 8; i++)
		list[i] = (struct candidate){true, 0, prefix_hash((struct str){(const char *)&i, sizeof i})};
	for (uint64_t key = 1; key <= 800; key++) {
		struct choosing c = {.key = key, .turn = (unsigned)key};
		for (size_t i = 0; i < 8; i++)
			list[i].able = true;
		int all = fleet_choose(&c, list, 8, &why);
		CHECK(why == CHOSEN_KEY);
		seen[all]++;
		list[3].able = false; /* one leaves: only its own keys move */
		int left = fleet_choose(&c, list, 8, &why);
		moved += left != all;
		CHECK(all == 3 || left == all);
	}
	CHECK(moved == seen[3]);
	for (int i = 0; i < 8; i++)
		CHECK(seen[i] > 50 && seen[i] < 160);
	for (size_t i = 0; i < 8; i++)
		list[i] = (struct candidate){true, i == 2 ? 0 : fleet_limits.imbalance + 1, i + 1};
	CHECK(fleet_choose(&(struct choosing){.key = 5}, list, 8, &why) == 2); /* all others are much more loaded */
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"the least loaded, in turns", the_least_loaded_in_turns},
	    {"who has read it", who_has_read_it},
	    {"never far above the least loaded", never_far_above_the_least_loaded},
	    {"a key has its member", a_key_has_its_member},
	};
	int bad = test_main(tests, sizeof tests / sizeof *tests);
	arena_free(&a);
	return bad;
}
