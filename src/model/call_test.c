/* call_test.c - tools as functions: names, the items that calls become, and what comes of a model's arguments. */
#include "base/test.h"
#include "model/call_index.h"
#include "model/call_input.h"
#include "model/call_kinds.h"

static yyjson_val *parsed(struct arena *a, const char *json)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(a, str_of(json), &v, &e));
	return v;
}

static struct function_tool tool_of(struct arena *a, const char *json)
{
	struct function_tool f = {0};
	yyjson_val *v = parsed(a, json);
	enum call_kind kind = call_kind_of(json_str(json_get(v, S("type"))));
	if (kind == CALL_FUNCTION) {
		f.given = v;
		f.own = json_str(json_get(v, S("name")));
	} else {
		call_describe(a, kind, v, &f);
	}
	return f;
}

/* Every kind has what calls.def promises. */
static void rows(void)
{
	struct arena a = {0};
	for (enum call_kind k = 0; k < CALL_OURS; k++) { /* ours say these things themselves: hosted.h */
		const struct call_row *row = &call_rows[k];
		struct function_tool f = {0};
		CHECK(call_kind_of(row->tool) == k);
		CHECK(row->name.n || row->flags & CALL_NAMED);
		CHECK(call_rows[call_kind_of_item(row->call)].call == row->call);
		if (k == CALL_FUNCTION)
			continue;
		call_describe(&a, k, parsed(&a, "{\"type\":\"x\",\"name\":\"n\"}"), &f);
		CHECK(f.kind == k && f.own.n && yyjson_is_obj(f.parameters) && !f.strict);
		CHECK(f.description.n || k == CALL_CUSTOM);
	}
	CHECK(call_kind_of(S("mcp")) == CALL_KINDS && call_kind_of(S("")) == CALL_KINDS);
	CHECK(call_kind_of_item(ITEM_MESSAGE) == CALL_KINDS && call_kind_of_item(ITEM_NONE) == CALL_KINDS);
	arena_free(&a);
}

static void names(void)
{
	static const struct {
		const char *space, *own, *want;
	} cases[] = {
	    {NULL, "f", "f"},
	    {"n", "f", "n__f"},
	    {"n", "f", "n__f_2"},
	    {"n", "f", "n__f_3"},
	    {"a b", "f-1", "a_b__f-1"},
	    {NULL, "f", "f_2"},
	    {"\xc3\xa9", "f", "____f"},
	    {"sixty-four-characters-are-the-most-that-some-engines-take-in-all", "function",
	     "sixty-four-characters-are-the-most-that-some-engines-ta_78f435ae"},
	};
	enum { N = sizeof cases / sizeof *cases };
	struct arena a = {0};
	struct function_tool tools[N];
	for (size_t i = 0; i < N; i++) {
		tools[i] = (struct function_tool){.own = str_of(cases[i].own)};
		tools[i].space = str_of(cases[i].space);
		call_name(&a, &tools[i], tools, i, NULL);
		CHECK_STR(tools[i].name, str_of(cases[i].want));
		CHECK(call_tool(tools, N, tools[i].name) == &tools[i]);
	}
	arena_free(&a);
}

/* Many tools: the index finds what looking through them all finds. */
static void names_by_index(void)
{
	enum { MANY = 100 };
	struct arena a = {0};
	struct function_tool plain[MANY], tools[MANY];
	struct call_index *ix = NULL;
	for (size_t i = 0; i < MANY; i++) { /* every tenth name is there ten times: in namespaces and as custom tools */
		struct str json = str_fmt(&a, "{\"type\":\"%s\",\"name\":\"f%zu\"}", i % 3 ? "function" : "custom", i % 10 ? i : 0);
		plain[i] = tools[i] = tool_of(&a, json.p);
		plain[i].space = tools[i].space = i % 20 ? (struct str){0} : str_fmt(&a, "n%zu", i);
		call_name(&a, &plain[i], plain, i, NULL);
		call_name(&a, &tools[i], tools, i, ix);
		ix = call_index_add(&a, ix, tools, i + 1);
		CHECK(call_tool(tools, i, tools[i].name) == NULL);
	}
	CHECK(ix != NULL);
	for (size_t i = 0; i < MANY; i++)
		for (int k = 0; k < 2; k++) {
			struct item it;
			struct str space = i % 20 ? S("") : str_fmt(&a, ",\"namespace\":\"n%zu\"", i);
			struct str json = str_fmt(&a, "{\"type\":\"%s\",\"name\":\"f%zu\"%.*s}", k ? "function_call" : "custom_tool_call",
			                          i % 10 ? i : 0, FMT(space));
			CHECK(item_view(&a, json, &it));
			CHECK_STR(call_item_name(&a, plain, MANY, ix, &it), call_item_name(&a, plain, MANY, NULL, &it));
		}
	arena_free(&a);
}

/* A call of the history finds the function that its tool is now; without the tool it has a name all the same. */
static void names_of_items(void)
{
	static const struct {
		const char *item, *want;
	} cases[] = {
	    {"{\"type\":\"function_call\",\"name\":\"f\"}", "f"},
	    {"{\"type\":\"function_call\",\"name\":\"f\",\"namespace\":\"n\"}", "n__f"},
	    {"{\"type\":\"function_call\",\"name\":\"f\",\"namespace\":\"f\"}", "f"},
	    {"{\"type\":\"function_call\",\"name\":\"f\",\"namespace\":\"gone\"}", "gone__f"},
	    {"{\"type\":\"custom_tool_call\",\"name\":\"f\"}", "f_2"},
	    {"{\"type\":\"custom_tool_call\",\"name\":\"gone\"}", "gone"},
	    {"{\"type\":\"shell_call\"}", "shell_2"},
	    {"{\"type\":\"local_shell_call\"}", "local_shell"},
	};
	static const char *const tools_json[] = {"{\"type\":\"function\",\"name\":\"f\"}",
						 "{\"type\":\"function\",\"name\":\"f\"}",
						 "{\"type\":\"custom\",\"name\":\"f\"}",
						 "{\"type\":\"function\",\"name\":\"shell\"}", "{\"type\":\"shell\"}"};
	struct arena a = {0};
	struct function_tool tools[5];
	for (size_t i = 0; i < 5; i++) {
		tools[i] = tool_of(&a, tools_json[i]);
		tools[i].space = i == 1 ? S("n") : (struct str){0};
		call_name(&a, &tools[i], tools, i, NULL);
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct item it;
		CHECK(item_view(&a, str_of(cases[i].item), &it));
		CHECK_STR(call_item_name(&a, tools, 5, NULL, &it), str_of(cases[i].want));
	}
	arena_free(&a);
}

/* tool, arguments, what stands in the item when it begins, and in the end; the arguments that come of that again */
static const struct {
	const char *tool, *args, *begun, *done, *again;
} shapes[] = {
    {"{\"type\":\"shell\"}", "{\"timeout_ms\":5,\"commands\":[\"ls\"]}",
     "{\"action\":{\"commands\":[],\"max_output_length\":null,\"timeout_ms\":null},\"call_id\":\"c\"}",
     "{\"action\":{\"commands\":[\"ls\"],\"max_output_length\":null,\"timeout_ms\":5},\"call_id\":\"c\"}",
     "{\"commands\":[\"ls\"],\"timeout_ms\":5}"},
    {"{\"type\":\"shell\",\"environment\":{\"type\":\"local\",\"skills\":[]}}", "{\"commands\":[]}",
     "{\"action\":{\"commands\":[],\"max_output_length\":null,\"timeout_ms\":null},\"call_id\":\"c\","
     "\"environment\":{\"type\":\"local\"}}",
     "{\"action\":{\"commands\":[],\"max_output_length\":null,\"timeout_ms\":null},\"call_id\":\"c\","
     "\"environment\":{\"type\":\"local\"}}",
     "{\"commands\":[]}"},
    {"{\"type\":\"local_shell\"}", "{\"command\":[\"ls\"],\"user\":\"u\",\"env\":{\"A\":\"1\"}}",
     "{\"action\":{\"type\":\"exec\",\"command\":[],\"env\":{}},\"call_id\":\"c\"}",
     "{\"action\":{\"type\":\"exec\",\"command\":[\"ls\"],\"env\":{\"A\":\"1\"},\"user\":\"u\"},\"call_id\":\"c\"}",
     "{\"command\":[\"ls\"],\"env\":{\"A\":\"1\"},\"user\":\"u\"}"},
    {"{\"type\":\"apply_patch\"}", "{\"type\":\"update_file\",\"path\":\"p\",\"diff\":\"+x\"}",
     "{\"call_id\":\"c\",\"operation\":{\"type\":\"update_file\",\"diff\":\"\",\"path\":\"p\"}}",
     "{\"call_id\":\"c\",\"operation\":{\"type\":\"update_file\",\"diff\":\"+x\",\"path\":\"p\"}}",
     "{\"type\":\"update_file\",\"diff\":\"+x\",\"path\":\"p\"}"},
    {"{\"type\":\"apply_patch\"}", "{\"type\":\"delete_file\",\"path\":\"p\",\"diff\":\"+x\"}",
     "{\"call_id\":\"c\",\"operation\":{\"type\":\"delete_file\",\"path\":\"p\"}}",
     "{\"call_id\":\"c\",\"operation\":{\"type\":\"delete_file\",\"path\":\"p\"}}",
     "{\"type\":\"delete_file\",\"path\":\"p\"}"},
    {"{\"type\":\"tool_search\",\"execution\":\"client\"}", "{\"queries\":[\"x\"]}",
     "{\"arguments\":{},\"call_id\":\"c\",\"execution\":\"client\"}",
     "{\"arguments\":{\"queries\":[\"x\"]},\"call_id\":\"c\",\"execution\":\"client\"}", "{\"queries\":[\"x\"]}"},
    {"{\"type\":\"computer\"}", "{\"actions\":[{\"type\":\"wait\"}]}",
     "{\"actions\":[],\"call_id\":\"c\",\"pending_safety_checks\":[]}",
     "{\"actions\":[{\"type\":\"wait\"}],\"call_id\":\"c\",\"pending_safety_checks\":[]}",
     "{\"actions\":[{\"type\":\"wait\"}]}"},
};

static struct str item_of(struct arena *a, const struct call *c)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	struct jout o = {.b = &b};
	jo_obj(&o);
	call_rows[c->tool->kind].write(&o, c);
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static void items(void)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct arena a = {0};
		struct err e = {0};
		struct function_tool f = tool_of(&a, shapes[i].tool);
		struct call c = {.tool = &f, .call_id = S("c"), .begun = true, .args = parsed(&a, shapes[i].args)};
		CHECK(call_fits(&f, c.args, &e));
		CHECK_STR(item_of(&a, &c), str_of(shapes[i].begun));
		c.begun = false;
		CHECK_STR(item_of(&a, &c), str_of(shapes[i].done));
		CHECK_STR(call_rows[f.kind].arguments(&a, parsed(&a, shapes[i].done)), str_of(shapes[i].again));
		arena_free(&a);
	}
}

static void misfits(void)
{
	static const struct {
		const char *tool, *args;
	} cases[] = {
	    {"{\"type\":\"shell\"}", "{}"},
	    {"{\"type\":\"shell\"}", "{\"commands\":\"ls\"}"},
	    {"{\"type\":\"shell\"}", "[]"},
	    {"{\"type\":\"local_shell\"}", "{\"command\":[1]}"},
	    {"{\"type\":\"apply_patch\"}", "{\"type\":\"move_file\",\"path\":\"p\"}"},
	    {"{\"type\":\"apply_patch\"}", "{\"type\":\"create_file\"}"},
	    {"{\"type\":\"computer\"}", "{\"actions\":[{\"type\":\"dance\"}]}"},
	    {"{\"type\":\"computer_use_preview\"}", "{}"},
	    {"{\"type\":\"tool_search\"}", "\"x\""},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		struct function_tool f = tool_of(&a, cases[i].tool);
		f.name = S("tool");
		CHECK(!call_fits(&f, parsed(&a, cases[i].args), &e));
		CHECK(e.code == ERR_ENGINE &&
		      str_starts(str_of(e.msg), S("The model's call of 'tool' cannot be understood: ")));
	}
	arena_free(&a);
}

/* A custom tool's input, whole and however it comes in pieces. */
static void inputs(void)
{
	static const struct {
		const char *arguments, *want, *told; /* told: what can be said before the end */
	} cases[] = {
	    {"{\"input\":\"a\"}", "a", "a"},
	    {" {\n\"input\" : \"a\\n\\\"b\\\" \\u00e9 \\ud83d\\ude00 c\" }", "a\n\"b\" \xc3\xa9 \xf0\x9f\x98\x80 c",
	     "a\n\"b\" \xc3\xa9 \xf0\x9f\x98\x80 c"},
	    {"{\"input\":\"\"}", "", ""},
	    {"{\"text\":\"a\"}", "a", ""},
	    {"\"a\"", "a", ""},
	    {"{\"input\":1}", "{\"input\":1}", ""},
	    {"{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"1\",\"b\":\"2\"}", ""},
	    {"a", "a", ""},
	    {"", "", ""},
	    {"{\"input\":\"a\\x", "{\"input\":\"a\\x", "a"},
	    {"{\"input\":\"a\\ud83dx\"}", "{\"input\":\"a\\ud83dx\"}", "a"},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct function_tool f = tool_of(&a, "{\"type\":\"custom\",\"name\":\"n\"}");
		struct str all = str_of(cases[i].arguments), input;
		struct err e = {0};
		CHECK(call_input(&a, &f, all, &input, &e));
		CHECK_STR(input, str_of(cases[i].want));
		for (size_t step = 1; step <= 3; step++) {
			struct buf b;
			size_t at = 0;
			buf_init(&b, 1 << 20);
			for (size_t n = 0; n <= all.n + step; n += step)
				call_text_more((struct str){all.p, n < all.n ? n : all.n}, S("input"), &at, &b);
			CHECK_STR(b.n ? buf_str(&b) : S(""), str_of(cases[i].told));
			buf_release(&b);
		}
	}
	arena_free(&a);
}

/* What the events of a list say, "[text][text" while one is open: whole, and however it comes in pieces. */
static void lists(void)
{
	static const struct {
		const char *arguments, *told;
	} cases[] = {
	    {"{\"commands\":[\"ls\",\"echo \\\"a\\\"\\n\"]}", "[ls][echo \"a\"\n]"},
	    {" { \"commands\" : [ \"a\" , \"\" , \"\\ud83d\\ude00\" ] , \"x\" : [\"b\"] }", "[a][][\xf0\x9f\x98\x80]"},
	    {"{\"commands\":[]}", ""},
	    {"{\"commands\":[1,\"a\"]}", ""},
	    {"{\"commands\":[\"a\",{}", "[a]"},
	    {"{\"commands\":[\"a\",\"b", "[a][b"},
	    {"{\"commands\":[\"a\\x\",\"b\"]}", "[a"},
	    {"{\"timeout_ms\":1,\"commands\":[\"a\"]}", ""},
	    {"{\"commands\":\"a\"}", ""},
	    {"", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 1; step <= 40; step += 13) {
			struct str all = str_of(cases[i].arguments);
			struct call_list l = {0};
			struct buf told, text;
			buf_init(&told, 1 << 20);
			buf_init(&text, 1 << 20);
			for (size_t n = 0; n <= all.n + step; n += step)
				for (enum call_list_news news = LIST_BEGINS; news != LIST_WAITS;) {
					buf_clear(&text);
					news = call_list_next((struct str){all.p, n < all.n ? n : all.n}, S("commands"), &l, &text);
					CHECK((text.n > 0) == (news == LIST_GOES_ON));
					buf_add(&told, news == LIST_BEGINS ? S("[") : news == LIST_ENDS ? S("]") : S(""));
					if (text.n)
						buf_add(&told, buf_str(&text));
				}
			CHECK_STR(told.n ? buf_str(&told) : S(""), str_of(cases[i].told));
			buf_release(&told);
			buf_release(&text);
		}
}

static void grammars(void)
{
	struct arena a = {0};
	struct err e = {0};
	struct str input;
	struct function_tool f =
	    tool_of(&a, "{\"type\":\"custom\",\"name\":\"sql\",\"description\":\"Queries.\",\"format\":"
			"{\"type\":\"grammar\",\"syntax\":\"regex\",\"definition\":\"SELECT .+|X\"}}");
	CHECK_STR(f.description, S("Queries.\n\n`input` is text that fits this regular expression:\nSELECT .+|X"));
	CHECK(call_input(&a, &f, S("{\"input\":\"SELECT 1\"}"), &input, &e));
	CHECK(call_input(&a, &f, S("{\"input\":\"X\"}"), &input, &e));
	CHECK(!call_input(&a, &f, S("{\"input\":\"XX\"}"), &input, &e));
	CHECK_STR(str_of(e.msg), S("The model's input for the tool 'sql' does not match its grammar."));
	f = tool_of(&a, "{\"type\":\"custom\",\"name\":\"n\",\"format\":{\"type\":\"grammar\",\"syntax\":\"lark\","
			"\"definition\":\"start: /a/\"}}");
	CHECK_STR(f.description, S("`input` is text that fits this Lark grammar:\nstart: /a/"));
	arena_free(&a);
}

int main(void)
{
	static const struct test_case t[] = {
	    {"every kind is whole", rows}, {"names are unique", names}, {"names of items", names_of_items}, {"names by an index", names_by_index},
	    {"items and back", items},     {"misfits", misfits},        {"inputs of custom tools", inputs},
	    {"lists of texts", lists},     {"grammars", grammars},
	};
	return test_main(t, sizeof t / sizeof *t);
}
