/* few_test.c - few texts ranked by words. */
#include "index/few.h"

#include "base/test.h"

static const struct few_text tools[] = {
    {STR("crm.find_customer"), STR("Finds a customer by name or number.")},
    {STR("crm.deleteCustomer"), STR("Removes one for good.")},
    {STR("mail.send"), STR("Sends an e-mail. The customer sees the sender.")},
    {STR("weather"), STR("Tells the weather of a city.")},
    {STR("calendar.list_events"), STR("")},
    {STR("kensaku"), STR("\xe6\x96\x87\xe6\x9b\xb8\xe3\x82\x92\xe6\xa4\x9c\xe7\xb4\xa2\xe3\x81\x99\xe3\x82\x8b")},
};
enum { N = sizeof tools / sizeof *tools };

static void ranked(void)
{
	static const struct {
		const char *question;
		size_t n, best;
	} rows[] = {
	    {"find the customer", 3, 0},        {"delete a customer", 3, 1}, {"DELETE", 1, 1},
	    {"which events are there", 1, 4},   {"sending mails", 1, 2},     {"weather in Rome", 1, 3},
	    {"\xe6\xa4\x9c\xe7\xb4\xa2", 1, 5}, /* a script without blanks */
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t got[N], n = few_rank(tools, N, str_of(rows[i].question), got, N);
		if (n < rows[i].n || got[0] != rows[i].best)
			printf("# %s: %zu, %zu\n", rows[i].question, n, n ? got[0] : 99);
		CHECK(n >= rows[i].n && got[0] == rows[i].best);
	}
}

static void nothing(void)
{
	size_t got[N];
	CHECK(few_rank(tools, N, S(""), got, N) == 0);
	CHECK(few_rank(tools, N, S("the of and"), got, N) == 0);
	CHECK(few_rank(tools, N, S("zebra"), got, N) == 0);
	CHECK(few_rank(tools, 0, S("weather"), got, N) == 0);
	CHECK(few_rank(tools, N, S("\" AND nosuch:* NEAR( -x ^"), got, N) == 0); /* a question is no expression */
	CHECK(few_rank(tools, N, S("customer"), got, 1) == 1);
}

int main(void)
{
	static const struct test_case tests[] = {{"ranked", ranked}, {"nothing", nothing}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
