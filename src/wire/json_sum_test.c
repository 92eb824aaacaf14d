/* json_sum_test.c - values in pieces, each list summed at once and in two steps at every cut. */
#include "wire/json_sum.h"

#include "base/test.h"

static const struct row {
	const char *pieces[5], *want;
} rows[] = {
    {{"{\"google\":{\"thought_signature\":\"a+/=\"}}"}, "{\"google\":{\"thought_signature\":\"a+/=\"}}"},
    {{"{\"d\":[{\"type\":\"t\",\"text\":\"ha\",\"index\":0,\"format\":\"f\"}]}",
      "{\"d\":[{\"type\":\"t\",\"text\":\"ha\",\"index\":0,\"format\":\"f\"}]}",
      "{\"d\":[{\"type\":\"t\",\"signature\":\"S==\",\"index\":0}]}", "{\"d\":[{\"type\":\"e\",\"data\":\"x\",\"index\":1}]}"},
     "{\"d\":[{\"type\":\"t\",\"text\":\"haha\",\"index\":0,\"format\":\"f\",\"signature\":\"S==\"},"
     "{\"type\":\"e\",\"data\":\"x\",\"index\":1}]}"},
    {{"{\"d\":[{\"a\":1}]}", "{\"d\":[{\"a\":1}]}", "{\"d\":[2,2]}"}, "{\"d\":[{\"a\":1},{\"a\":1},2,2]}"},
    {{"{\"s\":\"ab\"}", "{\"s\":\"ab\"}", "{\"s\":null,\"n\":1}", "{\"s\":\"c\",\"n\":2,\"b\":false}"},
     "{\"s\":\"abc\",\"n\":2,\"b\":false}"},
    {{"{\"d\":[{\"index\":1,\"t\":\"a\"},{\"index\":0,\"t\":\"b\"}]}", "{\"d\":[{\"index\":0,\"t\":\"c\"}]}"},
     "{\"d\":[{\"index\":1,\"t\":\"a\"},{\"index\":0,\"t\":\"bc\"}]}"},
    {{"{\"x\":\"s\"}", "{\"x\":{\"y\":1}}", "{\"x\":{\"z\":null}}"}, "{\"x\":{\"y\":1,\"z\":null}}"},
    {{"{\"d\":[{\"index\":0,\"id\":null,\"text\":\"\"}]}", "{\"d\":[{\"index\":0,\"id\":\"r1\",\"text\":\"w\"}]}"},
     "{\"d\":[{\"index\":0,\"id\":\"r1\",\"text\":\"w\"}]}"},
    {{"{\"big\":12345678901234567890,\"f\":0.5}"}, "{\"big\":12345678901234567890,\"f\":0.5}"},
    {{"{}", "{}"}, "{}"},
};

static void add(struct buf *b, const char *const *pieces, size_t from, size_t to)
{
	struct buf list;
	buf_init(&list, 1 << 16);
	for (size_t i = from; i < to; i++)
		json_piece(&list, str_of(pieces[i]));
	struct buf one;
	buf_init(&one, 1 << 16);
	CHECK(json_sum(&(struct jout){.b = &one}, buf_str(&list)));
	if (one.n)
		json_piece(b, buf_str(&one));
	buf_release(&one);
	buf_release(&list);
}

static void sums(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t n = 0;
		while (n < 5 && rows[i].pieces[n])
			n++;
		for (size_t cut = 0; cut <= n; cut++) {
			struct buf b, out;
			buf_init(&b, 1 << 16);
			buf_init(&out, 1 << 16);
			add(&b, rows[i].pieces, 0, cut);
			add(&b, rows[i].pieces, cut, n);
			CHECK(json_sum(&(struct jout){.b = &out}, buf_str(&b)));
			CHECK_STR(buf_str(&out), str_of(rows[i].want));
			buf_release(&b);
			buf_release(&out);
		}
	}
}

static void nonsense(void)
{
	struct buf out;
	buf_init(&out, 64);
	CHECK(!json_sum(&(struct jout){.b = &out}, S("{")));
	CHECK(json_sum(&(struct jout){.b = &out}, S("")));
	CHECK(!out.n);
	buf_release(&out);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"pieces add up, in one step or in two", sums},
	    {"what is no JSON is refused", nonsense},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
