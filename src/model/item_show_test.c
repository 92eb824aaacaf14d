/* item_show_test.c - items as clients see them. */
#include "base/test.h"
#include "model/hosted.h"
#include "model/item_show.h"

#define OURS ",\"antiphon\":{\"told\":\"[1] x\",\"sources\":[]}}"
#define CALL                                                                                                           \
	"{\"id\":\"ws_1\",\"type\":\"web_search_call\",\"status\":\"completed\",\"action\":{\"type\":\"search\","      \
	"\"query\":\"q\""
#define SOURCES ",\"sources\":[{\"type\":\"url\",\"url\":\"u\"}]"
#define RESULTS ",\"results\":[{\"url\":\"u\"}]"

/* Only what hides is asked of the tool here. */
static const struct field no_params[] = {FIELD_END};
static struct str no_arguments(struct arena *a, yyjson_val *item)
{
	return (struct str){0};
}
static const struct hosted search = {
    .types = {STR("web_search")},
    .item = ITEM_WEB_SEARCH_CALL,
    .function = STR("web_search"),
    .schema = STR("{}"),
    .params = no_params,
    .events = {EV_WEB_SEARCH_IN_PROGRESS, EV_WEB_SEARCH_SEARCHING, EV_WEB_SEARCH_COMPLETED},
    .hidden = {{STR("web_search_call.action.sources"), STR("action"), STR("sources")},
	       {STR("web_search_call.results"), {0}, STR("results")}},
    .arguments = no_arguments,
};
/* What is hidden of it is still a member. */
static const struct hosted files = {
    .types = {STR("file_search")},
    .item = ITEM_FILE_SEARCH_CALL,
    .function = STR("file_search"),
    .schema = STR("{}"),
    .params = no_params,
    .events = {EV_FILE_SEARCH_IN_PROGRESS, EV_FILE_SEARCH_SEARCHING, EV_FILE_SEARCH_COMPLETED},
    .hidden = {{STR("file_search_call.results"), {0}, STR("results"), STR("null")}},
    .arguments = no_arguments,
};
static const struct hosted *const table[] = {&search, &files};
enum { SHOW_SOURCES = 1, SHOW_RESULTS = 2, SHOW_FILES = 4, SHOW_PICTURES = 8, SHOW_SCREENS = 16 };
/* In the order of those bits. */
static const char *const includes[] = {"web_search_call.action.sources", "web_search_call.results", "file_search_call.results",
				       "message.input_image.image_url", "computer_call_output.output.image_url"};
static unsigned show_of(unsigned bits)
{
	unsigned show = 0;
	for (unsigned i = 0; i < sizeof includes / sizeof *includes; i++)
		show |= bits & 1u << i ? item_show_bit(str_of(includes[i])) : 0;
	return show;
}

#define FILES "{\"id\":\"fs_1\",\"type\":\"file_search_call\",\"queries\":[\"q\"],\"results\":"

#define USER "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"user\",\"content\":["
#define PICTURE(url) "{\"type\":\"input_image\",\"detail\":\"auto\",\"image_url\":" url ",\"file_id\":null}"
#define SCREEN(url) "{\"type\":\"computer_screenshot\",\"image_url\":" url "}"
#define GAVE(type, output) "{\"id\":\"o_1\",\"type\":\"" type "\",\"call_id\":\"c\",\"output\":" output "}"

static const struct {
	const char *kept;
	unsigned show;
	const char *shown;
} rows[] = {
    {CALL SOURCES "}" RESULTS OURS, 0, CALL "}}"},
    {CALL SOURCES "}" RESULTS OURS, SHOW_SOURCES, CALL SOURCES "}}"},
    {CALL SOURCES "}" RESULTS OURS, SHOW_RESULTS, CALL "}" RESULTS "}"},
    {CALL SOURCES "}" RESULTS OURS, SHOW_SOURCES | SHOW_RESULTS, CALL SOURCES "}" RESULTS "}"},
    {FILES "[{\"text\":\"t\"}]" OURS, SHOW_FILES, FILES "[{\"text\":\"t\"}]}"},
    {FILES "[{\"text\":\"t\"}]" OURS, SHOW_RESULTS, FILES "null}"},
    {FILES "null" OURS, 0, FILES "null}"},
    /* what a client has sent is its own */
    {CALL SOURCES "}" RESULTS "}", 0, CALL SOURCES "}" RESULTS "}"},
    /* pictures and files that were sent whole */
    {USER PICTURE("\"data:image/png;base64,AA==\"") "]}", 0, USER PICTURE("null") "]}"},
    {USER PICTURE("\"data:image/png;base64,AA==\"") "]}", SHOW_PICTURES, USER PICTURE("\"data:image/png;base64,AA==\"") "]}"},
    {USER "{\"type\":\"input_image\",\"image_url\":\"https://h/p\"}]}", 0,
     USER "{\"type\":\"input_image\",\"image_url\":null,\"file_id\":null}]}"},
    {USER "{\"type\":\"input_image\",\"file_id\":\"file-1\"}]}", 0,
     USER "{\"type\":\"input_image\",\"file_id\":\"file-1\",\"image_url\":null}]}"},
    {USER "{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,AA==\"}]}", SHOW_PICTURES,
     USER "{\"type\":\"input_file\",\"filename\":\"a.pdf\"}]}"},
    {USER "{\"type\":\"input_text\",\"text\":\"\\\"input_image\\\"\"}]}", 0,
     USER "{\"type\":\"input_text\",\"text\":\"\\\"input_image\\\"\"}]}"},
    {GAVE("function_call_output", "[" PICTURE("\"data:image/png;base64,AA==\"") "]"), 0,
     GAVE("function_call_output", "[" PICTURE("null") "]")},
    {GAVE("computer_call_output", SCREEN("\"data:image/png;base64,AA==\"")), 0, GAVE("computer_call_output", "{\"type\":\"computer_screenshot\"}")},
    {GAVE("computer_call_output", SCREEN("\"https://h/p\"")), SHOW_SCREENS, GAVE("computer_call_output", SCREEN("\"https://h/p\""))},
    /* the word elsewhere */
    {"{\"type\":\"tool_search_call\",\"arguments\":{\"antiphon\":1}}", 0,
     "{\"type\":\"tool_search_call\",\"arguments\":{\"antiphon\":1}}"},
    {"{\"type\":\"message\",\"content\":\"\\\"antiphon\\\":1\"}", 0,
     "{\"type\":\"message\",\"content\":\"\\\"antiphon\\\":1\"}"},
};

static void hidden_members(void)
{
	struct arena a = {0};
	hosted_set(table, 2);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str shown = item_shown(&a, str_of(rows[i].kept), show_of(rows[i].show));
		CHECK_STR(shown, str_of(rows[i].shown));
	}
	CHECK(item_show_bit(S("web_search_call.results")) == SHOW_RESULTS);
	CHECK(item_show_bit(S("message.output_text.logprobs")) == 0);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case tests[] = {{"hidden members", hidden_members}};
	return test_main(tests, sizeof tests / sizeof *tests);
}
