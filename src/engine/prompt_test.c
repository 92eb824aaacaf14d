/* prompt_test.c - items as messages, tidied, and dropped when the context is full. */
#include "engine/chat_test.h"
#include "engine/prompt_tidy.h"
#include "model/hosted.h"
#include "engine/truncate.h"

/* "S:text U:text A:text[name#id](reasoning) T#id:text", parts joined by '+', images as <url>. */
static struct str dump(struct arena *a, const struct prompt *p)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < p->n; i++) {
		const struct prompt_message *m = &p->messages[i];
		buf_fmt(&b, "%s%c", i ? " " : "", "SUAT"[m->role]);
		if (m->role == ROLE_TOOL)
			buf_fmt(&b, "#%.*s", FMT(m->call_id));
		buf_byte(&b, ':');
		for (size_t j = 0; j < m->n_parts; j++)
			buf_fmt(&b, m->parts[j].kind == PART_TEXT ? "%s%.*s" : "%s<%.*s>", j ? "+" : "",
				FMT(m->parts[j].text));
		for (size_t j = 0; j < m->n_calls; j++)
			buf_fmt(&b, "[%.*s#%.*s]", FMT(m->calls[j].name), FMT(m->calls[j].call_id));
		if (m->reasoning.n)
			buf_fmt(&b, "(%.*s)", FMT(m->reasoning));
	}
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

#define USER(t) "{\"role\":\"user\",\"content\":\"" t "\"}"
#define ASSISTANT(t) "{\"role\":\"assistant\",\"content\":\"" t "\"}"
#define SYSTEM(t) "{\"role\":\"system\",\"content\":\"" t "\"}"
#define DEVELOPER(t) "{\"role\":\"developer\",\"content\":\"" t "\"}"
#define CALL(id) "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"f\",\"arguments\":\"{}\"}"
#define OUTPUT(id, t) "{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":\"" t "\"}"
#define SEARCH(id, more)                                                                                               \
	"{\"type\":\"web_search_call\",\"id\":\"ws_" id "\",\"status\":\"completed\",\"action\":{\"type\":\"search\","          \
	"\"query\":\"q\"},\"antiphon\":{\"told\":\"r\"" more "}}"
#define REASONING(t)                                                                                                   \
	"{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"content\":[{\"type\":\"reasoning_text\",\"text\":"   \
	"\"" t "\"}]}"

static const struct {
	const char *items, *want;
} tidied[] = {
    {USER("a"), "U:a"},
    {USER("a") "," USER("b"), "U:a++b"},
    {SYSTEM("s") "," USER("a") "," DEVELOPER("d") "," USER("b"), "S:s++d U:a++b"},
    {USER("a") "," ASSISTANT("x") "," ASSISTANT("y"), "U:a A:x++y"},
    {USER("a") "," ASSISTANT("x") "," CALL("1") "," CALL("2") "," OUTPUT("1", "o") "," OUTPUT("2", "p"),
     "U:a A:x[f#1][f#2] T#1:o T#2:p"},
    /* Results go behind their own call, whatever order they come in. */
    {USER("a") "," CALL("1") "," USER("b") "," CALL("2") "," OUTPUT("2", "p") "," OUTPUT("1", "o"),
     "U:a A:[f#1] T#1:o U:b A:[f#2] T#2:p"},
    {CALL("1") "," OUTPUT("1", "o") "," CALL("2") "," OUTPUT("2", "p"), "A:[f#1] T#1:o A:[f#2] T#2:p"},
    {CALL("1") "," USER("a") "," OUTPUT("1", "o") "," USER("b"), "A:[f#1] T#1:o U:a++b"},
    /* What an answer says up to its results is one message, in whatever order; white space beside calls is nothing. */
    {USER("a") "," ASSISTANT("\\n\\n") "," CALL("1") "," ASSISTANT("\\n") "," OUTPUT("1", "o"), "U:a A:[f#1] T#1:o"},
    {USER("a") "," CALL("1") "," ASSISTANT("\\n") "," CALL("2") "," OUTPUT("1", "o") "," OUTPUT("2", "p"),
     "U:a A:[f#1][f#2] T#1:o T#2:p"},
    {USER("a") "," CALL("1") "," ASSISTANT("x") "," OUTPUT("1", "o"), "U:a A:x[f#1] T#1:o"},
    {USER("a") "," ASSISTANT(" ") "," CALL("1") "," ASSISTANT("x") "," CALL("2") "," ASSISTANT("\\t") "," OUTPUT(
	 "1", "o") "," OUTPUT("2", "p"),
     "U:a A:x[f#1][f#2] T#1:o T#2:p"},
    {USER("a") "," CALL("1") "," OUTPUT("1", "o") "," ASSISTANT("\\n") "," CALL("2") "," OUTPUT("2", "p"),
     "U:a A:[f#1] T#1:o A:[f#2] T#2:p"},
    {USER("a") "," CALL("1") "," OUTPUT("1", "o") "," ASSISTANT("\\n"), "U:a A:[f#1] T#1:o"},
    {USER("a") "," CALL("1") "," OUTPUT("1", "o") "," ASSISTANT("\\n") "," USER("b"), "U:a A:[f#1] T#1:o U:b"},
    {USER("a") "," ASSISTANT("\\n") "," USER("b"), "U:a A:\n U:b"},
    /* Calls of ours carry their results; those of one answer stay together. */
    {USER("a") "," SEARCH("1", ",\"more\":true") "," ASSISTANT("\\n") "," SEARCH("2", ""),
     "U:a A:[web_search#ws_1][web_search#ws_2] T#ws_1:r T#ws_2:r"},
    {USER("a") "," SEARCH("1", "") "," SEARCH("2", ""),
     "U:a A:[web_search#ws_1] T#ws_1:r A:[web_search#ws_2] T#ws_2:r"},
    {USER("a") "," SEARCH("1", ",\"more\":true") "," CALL("2") "," OUTPUT("2", "p"),
     "U:a A:[web_search#ws_1][f#2] T#ws_1:r T#2:p"},
    /* A call id used again means the latest call. */
    {CALL("1") "," OUTPUT("1", "o") "," USER("b") "," CALL("1") "," OUTPUT("1", "p"),
     "A:[f#1] T#1:o U:b A:[f#1] T#1:p"},
    /* Reasoning goes back within the tool loop that runs, not after it. */
    {USER("a") "," REASONING("r") "," CALL("1") "," OUTPUT("1", "o"), "U:a A:[f#1](r) T#1:o"},
    {USER("a") "," REASONING("r") "," CALL("1") "," OUTPUT("1", "o") "," ASSISTANT("x") "," USER("b"),
     "U:a A:[f#1] T#1:o A:x U:b"},
    {USER("a") "," REASONING("r") "," USER("b"), "U:a++b"},
    {USER("a") "," REASONING("r"), "U:a"},
    {USER("a") "," REASONING("r") "," ASSISTANT("x") "," REASONING("q") "," CALL("1") "," OUTPUT("1", "o"),
     "U:a A:x[f#1](r\n\nq) T#1:o"},
    {"{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},{\"type\":\"input_image\",\"image_url\":"
     "\"data:image/png;base64,eA==\"},{\"type\":\"input_text\",\"text\":\"b\"}]}",
     "U:a+<data:image/png;base64,eA==>+b"},
    {"{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"x\"},{\"type\":"
     "\"refusal\",\"refusal\":\"no\"}]}",
     "A:x+no"},
    {CALL("1") ",{\"type\":\"function_call_output\",\"call_id\":\"1\",\"output\":[{\"type\":\"input_text\",\"text\":"
	       "\"a\"},"
	       "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,eA==\"}]}",
     "A:[f#1] T#1:a+<data:image/png;base64,eA==>"},
};

static struct str asked(struct arena *a, yyjson_val *item)
{
	return S("{}");
}

/* A tool that we run: its items are call and result in one. */
static void know_search(void)
{
	static const struct field params[] = {FIELD_END};
	static const struct hosted search = {
	    .types = {STR("web_search")},
	    .item = ITEM_WEB_SEARCH_CALL,
	    .function = STR("web_search"),
	    .schema = STR("{}"),
	    .params = params,
	    .events = {EV_WEB_SEARCH_IN_PROGRESS, EV_WEB_SEARCH_SEARCHING, EV_WEB_SEARCH_COMPLETED},
	    .arguments = asked,
	};
	static const struct hosted *const table[] = {&search};
	hosted_set(table, 1);
}

static bool read_items(struct arena *a, const char *items, const char *path, struct prompt *p, struct err *e)
{
	yyjson_val *v = NULL, *val;
	size_t i, max;
	struct item list[32];
	*e = (struct err){0};
	*p = (struct prompt){0};
	if (!json_parse(a, str_fmt(a, "[%s]", items), &v, e))
		return false;
	yyjson_arr_foreach(v, i, max, val)
	{
		bool kept = json_get(val, ITEM_OURS) != NULL; /* a client cannot send it */
		if (kept ? !item_view(a, json_text(a, val), &list[i]) : !item_read(a, val, "input", &list[i], e))
			return false;
	}
	return prompt_add_items(a, p, list, yyjson_arr_size(v), path, e);
}

static void tidy(void)
{
	for (size_t i = 0; i < sizeof tidied / sizeof *tidied; i++) {
		struct arena a = {0};
		struct prompt p;
		struct err e;
		CHECK(read_items(&a, tidied[i].items, "input", &p, &e));
		CHECK_STR(str_of(e.msg), S(""));
		prompt_tidy(&a, &p);
		CHECK_STR(dump(&a, &p), str_of(tidied[i].want));
		prompt_tidy(&a, &p);
		CHECK_STR(dump(&a, &p), str_of(tidied[i].want));
		arena_free(&a);
	}
}

static void reasoning_of_all_turns(void)
{
	struct arena a = {0};
	struct prompt p;
	struct err e;
	CHECK(read_items(&a, USER("a") "," REASONING("r") "," ASSISTANT("x") "," USER("b"), "", &p, &e));
	p.reasoning_all = true;
	prompt_tidy(&a, &p);
	CHECK_STR(dump(&a, &p), S("U:a A:x(r) U:b"));
	arena_free(&a);
}

static void foreign_arrays(void)
{
	struct arena a = {0};
	struct prompt p = {0};
	struct prompt_part parts[1] = {{.kind = PART_TEXT, .text = S("a")}};
	struct prompt_message *m = prompt_add(&a, &p, ROLE_USER);
	m->parts = parts;
	m->n_parts = 1;
	prompt_add_text(&a, m, S("b"));
	prompt_add_text(&a, m, S("c"));
	CHECK_STR(dump(&a, &p), S("U:a+b+c"));
	arena_free(&a);
}

static void refused(void)
{
	static const struct {
		const char *items, *path, *param, *msg;
		enum err_code code;
	} rows[] = {
	    {"{\"type\":\"item_reference\",\"id\":\"msg_1\"}", "input", "input", "Item with id 'msg_1' not found.",
	     ERR_NOT_FOUND},
	    {USER("a") ",{\"role\":\"developer\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/"
		       "png;base64,eA==\"}]}",
	     "input", "input[1].content[0]",
	     "Invalid value: 'input_image'. Such a part may stand only in user messages and tool outputs.",
	     ERR_INVALID_VALUE},
	    {"{\"role\":\"developer\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/"
	     "png;base64,eA==\"}]}",
	     "", "", "Invalid value: 'input_image'. Such a part may stand only in user messages and tool outputs.",
	     ERR_INVALID_VALUE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct prompt p;
		struct err e;
		CHECK(!read_items(&a, rows[i].items, rows[i].path, &p, &e));
		CHECK_STR(str_of(e.msg), str_of(rows[i].msg));
		CHECK_STR(str_of(e.param), str_of(rows[i].param));
		CHECK(e.code == rows[i].code);
		arena_free(&a);
	}
}

/* Dropped one after the other; the last is what cannot get smaller. */
static void dropping(void)
{
	static const struct {
		const char *items, *want[6];
	} rows[] = {
	    {SYSTEM("s") "," USER("a") "," ASSISTANT("x") "," USER("b") "," ASSISTANT("y") "," USER("c"),
	     {"S:s U:b A:y U:c", "S:s U:c"}},
	    {USER("a") "," CALL("1") "," OUTPUT("1", "o") "," ASSISTANT("x") "," USER("b") "," CALL("2") "," OUTPUT(
		 "2", "p"),
	     {"U:b A:[f#2] T#2:p", "U:b"}},
	    {USER("b") "," CALL("1") "," OUTPUT("1", "o") "," CALL("2") "," OUTPUT("2", "p"),
	     {"U:b A:[f#2] T#2:p", "U:b"}},
	    {ASSISTANT("hello") "," USER("a"), {"U:a"}},
	    {USER("a"), {NULL}},
	    {SYSTEM("s"), {NULL}},
	    {SYSTEM("s") "," ASSISTANT("x"), {NULL}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct prompt p;
		struct err e;
		CHECK(read_items(&a, rows[i].items, "", &p, &e));
		prompt_tidy(&a, &p);
		for (size_t k = 0; rows[i].want[k]; k++) {
			CHECK(truncate_prompt(&p, 10, 10));
			CHECK_STR(dump(&a, &p), str_of(rows[i].want[k]));
		}
		CHECK(!truncate_prompt(&p, 10, 10));
		arena_free(&a);
	}
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"items become tidy messages", tidy},
	    {"reasoning of all turns where asked for", reasoning_of_all_turns},
	    {"arrays that others made can grow", foreign_arrays},
	    {"what no message can carry is refused by name", refused},
	    {"the oldest turns go first", dropping},
	};
	know_search();
	return test_main(tests, sizeof tests / sizeof *tests);
}
