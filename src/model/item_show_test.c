/* item_show_test.c - items as clients see them. */
#include "base/test.h"
#include "model/item_show.h"

#define OURS ",\"antiphon\":{\"told\":\"[1] x\",\"sources\":[]}}"
#define CALL                                                                                                           \
	"{\"id\":\"ws_1\",\"type\":\"web_search_call\",\"status\":\"completed\",\"action\":{\"type\":\"search\","      \
	"\"query\":\"q\""
#define SOURCES ",\"sources\":[{\"type\":\"url\",\"url\":\"u\"}]"
#define RESULTS ",\"results\":[{\"url\":\"u\"}]"

static const struct {
	const char *kept;
	unsigned show;
	const char *shown;
} rows[] = {
    {CALL SOURCES "}" RESULTS OURS, 0, CALL "}}"},
    {CALL SOURCES "}" RESULTS OURS, SHOW_WEB_SOURCES, CALL SOURCES "}}"},
    {CALL SOURCES "}" RESULTS OURS, SHOW_WEB_RESULTS, CALL "}" RESULTS "}"},
    {CALL SOURCES "}" RESULTS OURS, SHOW_WEB_SOURCES | SHOW_WEB_RESULTS, CALL SOURCES "}" RESULTS "}"},
    /* what a client has sent is its own */
    {CALL SOURCES "}" RESULTS "}", 0, CALL SOURCES "}" RESULTS "}"},
    /* the word elsewhere */
    {"{\"type\":\"tool_search_call\",\"arguments\":{\"antiphon\":1}}", 0,
     "{\"type\":\"tool_search_call\",\"arguments\":{\"antiphon\":1}}"},
    {"{\"type\":\"message\",\"content\":\"\\\"antiphon\\\":1\"}", 0,
     "{\"type\":\"message\",\"content\":\"\\\"antiphon\\\":1\"}"},
};

static void hidden_members(void)
{
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str shown = item_shown(&a, str_of(rows[i].kept), rows[i].show);
		CHECK_STR(shown, str_of(rows[i].shown));
	}
	CHECK(item_show_bit(S("web_search_call.results")) == SHOW_WEB_RESULTS);
	CHECK(item_show_bit(S("message.output_text.logprobs")) == 0);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {{"hidden members", hidden_members}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
