/* prices_test.c - prices of models. */
#include "base/test.h"
#include "quota/prices.h"

static void dollars(void)
{
	static const struct {
		const char *text;
		int64_t n; /* -1: it is none */
	} rows[] = {{"0", 0},
		    {"1", 1000000000},
		    {"12.5", 12500000000},
		    {"0.000000001", 1},
		    {"999999999", 999999999000000000},
		    {"", -1},
		    {".5", -1},
		    {"1.", -1},
		    {"1.0000000001", -1},
		    {"1e3", -1},
		    {"-1", -1},
		    {"1000000000", -1},
		    {"1.2.3", -1},
		    {" 1", -1}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t n = -1;
		bool ok = dollars_read(str_of(rows[i].text), &n);
		CHECK(ok == (rows[i].n >= 0) && (!ok || n == rows[i].n));
	}
}

static int64_t cost(const char *model, int64_t input, int64_t cached, int64_t output)
{
	struct usage_add u = {.model = str_of(model), .n = {.input = input, .cached = cached, .output = output}};
	prices_apply(&u);
	return u.n.input_cost + u.n.cached_cost + u.n.output_cost;
}

static void of_models(void)
{
	static const struct str rows[] = {STR("small=0.5/2"), STR("large=2/0.5/8"), STR("a=b=1/1"), STR("*=10/20")};
	struct err e = {0};
	CHECK(prices_set(rows, 4, &e) && prices_any());
	CHECK(cost("small", 1000000, 0, 0) == 500000000 && cost("small", 1000000, 1000000, 0) == 500000000);
	CHECK(cost("large", 1000000, 500000, 1000000) == 1000000000 + 250000000 + 8000000000);
	CHECK(cost("a=b", 1000000, 0, 0) == 1000000000);
	CHECK(cost("other", 1, 0, 1) == 10000 + 20000);
	CHECK(cost("large", INT64_C(4000000000000), 0, 0) == INT64_C(8000000000000000));
	CHECK(prices_set(rows, 1, &e) && cost("other", 1000, 0, 1000) == 0);
	CHECK(prices_set(NULL, 0, &e) && !prices_any());
}

static void wrong_rows(void)
{
	static const char *const rows[] = {"",     "model", "=1/2",      "m=",    "m=1",
					   "m=1/", "m=/1",  "m=1/2/3/4", "m=x/1", "m=1/-2"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		struct str row = str_of(rows[i]);
		CHECK(!prices_set(&row, 1, &e) && e.code == ERR_CONFIG);
	}
	prices_set(NULL, 0, &(struct err){0});
}

int main(void)
{
	static const struct test_case t[] = {
	    {"dollars", dollars}, {"prices of models", of_models}, {"wrong prices", wrong_rows}};
	return test_main(t, sizeof t / sizeof *t);
}
