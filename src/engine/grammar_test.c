/* grammar_test.c - grammars of custom tools as GBNF: what is converted into what, and what is left alone. */
#include "engine/chat_test.h"
#include "engine/grammar.h"

static void regexes(void)
{
	static const struct {
		const char *regex, *gbnf; /* NULL: not converted */
	} rows[] = {
		{"abc", "root ::= [a] [b] [c]\n"},
		{"^a|b$", "root ::= ([a] | [b])\n"},
		{"[a-c-]+", "root ::= ([a-c\\x2D])+\n"},
		{"[^\"\\\\\\n]", "root ::= [^\\x22\\x5C\\x0A]\n"},
		{"\\d{2,3}\\.x{2}y{1,}z{0}", "root ::= ([0-9]){2,3} [\\x2E] ([x]){2} ([y])+ \"\"\n"},
		{"(?:ab?)*", "root ::= ([a] ([b])?)*\n"},
		{"(?<n>a)(?P<m>b)??", "root ::= [a] ([b])?\n"},
		{".", "root ::= [^\\x0A\\x0D\\u2028-\\u2029]\n"},
		{"\\S", "root ::= [\\x01-\\x08\\x0E-\\x1F\\x21-\\u009F\\u00A1-\\U0010FFFF]\n"},
		{"(a*)*", "root ::= ([a])*\n"},
		{"((a?)+)?", "root ::= (([a])*)?\n"},
		{"a{", "root ::= [a] [\\x7B]\n"},
		{"\xc3\xa9|\xf0\x9f\x98\x80", "root ::= ([\\u00E9] | [\\U0001F600])\n"},
		{"a|", "root ::= ([a] | \"\")\n"},
		{"\\x41\\u0042\\/\\-", "root ::= [A] [B] [\\x2F] [\\x2D]\n"},
		{"", "root ::= \"\"\n"},
		{"a^b", NULL}, {"(?=a)", NULL}, {"(?<=a)", NULL}, {"(a)\\1", NULL}, {"\\bx", NULL}, {"\\p{L}", NULL},
		{"(", NULL}, {")", NULL}, {"[a", NULL}, {"[]", NULL}, {"[b-a]", NULL}, {"*a", NULL}, {"a**", NULL},
		{"a{1001}", NULL}, {"(a{500}){500}", NULL}, {"(a|b?)*", NULL}, {"a\\", NULL}, {"\\x4", NULL},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str got = {0};
		struct err why = {0};
		bool ok = grammar_convert(&a, S("regex"), str_of(rows[i].regex), &got, &why);
		CHECK(ok == (rows[i].gbnf != NULL));
		CHECK(ok || why.msg[0]);
		if (ok && rows[i].gbnf)
			CHECK_STR(got, str_of(rows[i].gbnf));
	}
	arena_free(&a);
}

static void larks(void)
{
	static const struct {
		const char *lark, *gbnf;
	} rows[] = {
		{"start: \"a.\" NAME\nNAME: /[a-z]+/i\n", "root ::= r1\nr1 ::= [a] [\\x2E] r2\nr2 ::= ([a-zA-Z])+\n"},
		{"// what it is\n?start: x -> y\n     | \"b\"~2..3  # or this\n!x.2: [\"c\"] (\"d\"\n  | \"e\")\n",
		 "root ::= r1\nr1 ::= (r2 | ([b]){2,3})\nr2 ::= ([c])? ([d] | [e])\n"},
		{"%import common.LF\n%import common.INT -> N\nstart: N LF?", "root ::= r3\nr1 ::= [\\x0A]\nr2 ::= ([0-9])+\nr3 ::= r2 (r1)?\n"},
		{"start: (\"a\"..\"f\")+\n", "root ::= r1\nr1 ::= ([a-f])+\n"},
		{"start: WORD \"=\" WORD\n%import common (WORD, WS)\n%ignore WS\n",
		 "root ::= r1 r2\nr1 ::= (r4)*\nr2 ::= r3 r1 [\\x3D] r1 r3 r1\nr3 ::= ([A-Za-z])+\nr4 ::= ([\\x20\\x09\\x0C\\x0D\\x0A])+\n"},
		{"start: \"\\n\\\"\\\\\" \"(x)\"", "root ::= r1\nr1 ::= [\\x0A] [\\x22] [\\x5C] [\\x28] [x] [\\x29]\n"},
		{"start: a\na: \"x\" a |", "root ::= r1\nr1 ::= r2\nr2 ::= ([x] r2 | \"\")\n"},
		{"start: a\na: a \"x\" | \"y\"", NULL},          /* left recursion */
		{"start: a b\na: \"x\"?\nb: a start", NULL},     /* ... behind what may be nothing */
		{"start: x", NULL}, {"x: \"a\"", NULL}, {"start: \"a\"\nstart: \"b\"", NULL}, {"start: (\"a\"", NULL},
		{"start: \"a", NULL}, {"start: \"a\"\n!/b", NULL}, {"%declare X\nstart: X", NULL}, {"%import python.NAME\nstart: NAME", NULL},
		{"start: f{x}\nf{y}: y", NULL}, {"start: /a(?=b)/", NULL}, {"start: /a/x", NULL}, {"A: b\nb: \"x\"\nstart: A", NULL},
		{"start: \"\"", NULL}, {"start", NULL}, {"", NULL}, {"start: \"a\"~2000", NULL}, {"start: \"ab\"..\"c\"", NULL},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str got = {0};
		struct err why = {0};
		bool ok = grammar_convert(&a, S("lark"), str_of(rows[i].lark), &got, &why);
		CHECK(ok == (rows[i].gbnf != NULL));
		if (ok != (rows[i].gbnf != NULL))
			printf("# %s: %s\n", rows[i].lark, ok ? got.p : why.msg);
		if (ok && rows[i].gbnf)
			CHECK_STR(got, str_of(rows[i].gbnf));
	}
	arena_free(&a);
}

/* The grammar that Codex sends for its patches. */
static void patches(void)
{
	static const char patch[] =
		"start: begin_patch hunk+ end_patch\nbegin_patch: \"*** Begin Patch\" LF\nend_patch: \"*** End Patch\" LF?\n\n"
		"hunk: add_hunk | delete_hunk | update_hunk\nadd_hunk: \"*** Add File: \" filename LF add_line+\n"
		"delete_hunk: \"*** Delete File: \" filename LF\nupdate_hunk: \"*** Update File: \" filename LF change_move? change?\n\n"
		"filename: /(.+)/\nadd_line: \"+\" /(.*)/ LF -> line\n\nchange_move: \"*** Move to: \" filename LF\n"
		"change: (change_context | change_line)+ eof_line?\nchange_context: (\"@@\" | \"@@ \" /(.+)/) LF\n"
		"change_line: (\"+\" | \"-\" | \" \") /(.*)/ LF\neof_line: \"*** End of File\" LF\n\n%import common.LF\n";
	struct arena a = {0};
	struct str got;
	struct err why = {0};
	CHECK(grammar_convert(&a, S("lark"), str_of(patch), &got, &why));
	CHECK_STR(str_of(why.msg), S(""));
	arena_free(&a);
}

#define TOOL(more)                                                                                                     \
	"\"input\":\"q\",\"tools\":[{\"type\":\"custom\",\"name\":\"code\",\"description\":\"A code\",\"format\":{\"type\":" \
	"\"grammar\",\"syntax\":\"regex\",\"definition\":\"[a-c]{2}\"}}" more "]"
#define OTHER ",{\"type\":\"custom\",\"name\":\"free\"}"
#define FORCED ",\"tool_choice\":{\"type\":\"custom\",\"name\":\"code\"}"

static void asked(void)
{
	static const struct {
		const char *caps, *members;
		bool constrained;
	} rows[] = {
		{"tsrg", TOOL("") FORCED, true},
		{"srg", TOOL("") FORCED, true},
		{"tsrG", TOOL(OTHER) FORCED, true},
		{"tsrg", TOOL("") ",\"tool_choice\":\"required\"", true},
		{"tsrg", TOOL(OTHER) ",\"tool_choice\":\"required\"", false},
		{"tsrg", TOOL(""), false},
		{"tsr", TOOL("") FORCED, false},
		{"tsrg", TOOL(OTHER) ",\"tool_choice\":{\"type\":\"custom\",\"name\":\"free\"}", false},
	};
	struct arena a = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct engine_caps caps = test_caps(rows[i].caps);
		struct chat_options o = {.caps = &caps, .model = S("m"), .temperature = -1, .slot = -1};
		struct prompt p;
		struct err e;
		yyjson_val *v;
		CHECK(test_prompt(&a, rows[i].members, &p, &e));
		struct str body = test_render(&a, &p, &o);
		CHECK(json_parse(&a, body, &v, &e));
		yyjson_val *holder = caps.grammar == GRAMMAR_STRUCTURED ? json_get(v, S("structured_outputs")) : v;
		struct str gbnf = json_str(json_get(holder, S("grammar")));
		CHECK((gbnf.p != NULL) == rows[i].constrained);
		if (!rows[i].constrained)
			continue;
		CHECK_STR(gbnf, S("root ::= ([a-c]){2}\n"));
		CHECK(!json_get(v, S("tools")) && !json_get(v, S("tool_choice")) && !json_get(v, S("response_format")));
		CHECK(strstr(body.p, "Use the tool code now: A code"));
	}
	arena_free(&a);
}

static void reply(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"data: {\"choices\":[{\"delta\":{\"content\":\"a\\\"\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n"
		 "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		 "|C0:code()|A0:{\"input\":\"a\\\"b\"}|calls 0/0/2/0"},
		{"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
		 "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
		 "|C0:code()|A0:{\"input\":\"a|length 0/0/1/0"},
		{"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n"
		 "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
		 "|R:hm|C0:code()|A0:{\"input\":\"\"}|calls 0/0/1/1"},
	};
	struct arena a = {0};
	struct engine_caps caps = test_caps("tsrg");
	struct chat_options o = {.caps = &caps, .model = S("m"), .temperature = -1, .slot = -1};
	struct prompt p;
	struct err e;
	CHECK(test_prompt(&a, TOOL("") FORCED, &p, &e));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t cut = 0; cut < strlen(rows[i].in); cut++)
			CHECK_STR(test_stream(&a, &p, &o, str_of(rows[i].in), cut, false), str_of(rows[i].out));
	arena_free(&a);
}

static void large(void)
{
	struct arena a = {0};
	struct str got;
	struct buf b;
	buf_init(&b, 1 << 22);
	for (int i = 0; i < 600; i++)
		buf_fmt(&b, "r%d: \"x\"\n", i);
	struct err why = {0};
	CHECK(!grammar_convert(&a, S("lark"), buf_str(&b), &got, &why));
	buf_clear(&b);
	for (int i = 0; i < 30000; i++)
		buf_byte(&b, 'x');
	why = (struct err){0};
	CHECK(!grammar_convert(&a, S("regex"), buf_str(&b), &got, &why));
	buf_clear(&b);
	for (int i = 0; i < 2000; i++)
		buf_byte(&b, '(');
	why = (struct err){0};
	CHECK(!grammar_convert(&a, S("regex"), buf_str(&b), &got, &why));
	buf_clear(&b);
	buf_add(&b, S("start: "));
	for (int i = 0; i < 2000; i++)
		buf_byte(&b, '(');
	why = (struct err){0};
	CHECK(!grammar_convert(&a, S("lark"), buf_str(&b), &got, &why));
	buf_release(&b);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case t[] = {
		{"regular expressions", regexes},
		{"Lark grammars", larks},
		{"Codex's grammar of patches", patches},
		{"what the engine is asked", asked},
		{"its text is the input", reply},
		{"bounds", large},
	};
	return test_main(t, sizeof t / sizeof *t);
}
