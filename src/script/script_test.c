/* script_test.c - programs and their attacks, each with what stopped it. Where a box is not permitted, that is what is
 * tested. */
#include "script/script.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "script/limits.h"

static struct arena arena;
static const struct script_tool tools[] = {
    {STR("get"), false, {0}}, {STR("say-it"), true, {0}}, {STR("put"), false, {0}}, {STR("sh"), false, STR("commands,timeout_ms")}};

static struct script_result go(const char *code, const struct script_answer *answers, size_t n)
{
	struct script s = {.code = str_of(code), .now = 1700000000, .tools = tools, .n_tools = 4, .answers = answers, .n_answers = n};
	struct script_result r = {0};
	struct err e = {0};
	CHECK(script_run(&arena, &s, &r, &e));
	if (e.code)
		printf("# %s\n", e.msg);
	return r;
}

/* What it put out; its end has to be the one that is meant. */
static struct str done(const char *code)
{
	struct script_result r = go(code, NULL, 0);
	CHECK(r.end == SCRIPT_DONE);
	if (r.end != SCRIPT_DONE)
		printf("# %.*s\n", FMT(r.why));
	return r.text;
}

/* Why it failed has to say this. */
static void fails(const char *code, const char *why)
{
	struct script_result r = go(code, NULL, 0);
	CHECK(r.end == SCRIPT_FAILED);
	bool said = r.why.p && strstr(str_copy(&arena, r.why).p, why);
	CHECK(said);
	if (!said)
		printf("# %s: %.*s\n", code, FMT(r.why));
}

static void puts_out(void)
{
	CHECK_STR(done("text('a'); text({b: [1, 'é']}); text(1, undefined)"), S("a\n{\"b\":[1,\"é\"]}\n1 undefined"));
	CHECK_STR(done("return {sum: [1, 2, 3].reduce((a, b) => a + b)}"), S("{\"sum\":6}"));
	CHECK_STR(done("const x = await Promise.all([1, 2]); text(x) // a comment"), S("[1,2]"));
	CHECK_STR(done(""), S(""));
	fails("text('so far'); throw new Error('no')", "Error: no");
	fails("let a = 1;\nb.c = a", "program:2");
	fails("let = ;", "SyntaxError");
	fails("await new Promise(() => {})", "never comes");
	fails("}); 5; (() => {", "no body of a function");
	fails("image('x')", "not served");
}

/* Of a tool whose items have members of their own. */
static void members(void)
{
	struct script_answer an[] = {{S("sh"), S("{\"timeout_ms\":5,\"commands\":[\"ls\"]}"), S("[1]"), SCRIPT_JSON, false}};
	struct script_result r = go("text(await tools.sh({timeout_ms: 5, commands: ['ls']}))", NULL, 0);
	CHECK(r.end == SCRIPT_CALLS && r.n_calls == 1);
	CHECK_STR(r.calls[0].args, S("{\"commands\":[\"ls\"],\"timeout_ms\":5}"));
	r = go("text(await tools.sh({timeout_ms: 5, commands: ['ls']}))", an, 1);
	CHECK(r.end == SCRIPT_DONE);
	CHECK_STR(r.text, S("[1]"));
	r = go("await tools.sh({commands: [], timeout_ms: null})", NULL, 0);
	CHECK_STR(r.calls[0].args, S("{\"commands\":[]}"));
	r = go("await tools.sh({commands: [], cwd: '/'})", NULL, 0);
	CHECK(r.end == SCRIPT_FAILED && memmem(r.why.p, r.why.n, "with the members commands,timeout_ms", 36));
	r = go("try { await tools.sh({get commands() { throw new Error('mine') }}) } catch (e) { text(e.message) }", NULL, 0);
	CHECK_STR(r.text, S("mine"));
}

static void calls(void)
{
	static const char code[] = "const [a, b] = await Promise.all([tools.get({n: 1}), tools['say-it']('hi')]);\n"
				   "const c = await tools.get({n: a.next});\ntext([b, c])";
	struct script_answer an[] = {{S("get"), S("{\"n\":1}"), S("{\"next\":7}"), SCRIPT_JSON, false},
				     {S("say-it"), S("hi"), S("{said}"), SCRIPT_TEXT, false},
				     {S("get"), S("{\"n\":7}"), S("[8]"), SCRIPT_TEXT, false}};
	struct script_result r = go(code, NULL, 0);
	CHECK(r.end == SCRIPT_CALLS && r.n_calls == 2);
	CHECK_STR(r.calls[0].name, S("get"));
	CHECK_STR(r.calls[0].args, S("{\"n\":1}"));
	CHECK_STR(r.calls[1].name, S("say-it"));
	CHECK_STR(r.calls[1].args, S("hi"));
	r = go(code, an, 1); /* a round is answered as a whole */
	CHECK(r.end == SCRIPT_CALLS && r.n_calls == 1);
	CHECK_STR(r.calls[0].name, S("say-it"));
	r = go(code, an, 2);
	CHECK(r.end == SCRIPT_CALLS && r.n_calls == 1);
	CHECK_STR(r.calls[0].args, S("{\"n\":7}"));
	r = go(code, an, 3);
	CHECK(r.end == SCRIPT_DONE);
	CHECK_STR(r.text, S("[\"{said}\",\"[8]\"]"));
	an[0].kind = SCRIPT_ERROR;
	an[0].value = S("it broke");
	r = go("try { await tools.get({n: 1}) } catch (e) { text(e instanceof Error, e.message) }", an, 1);
	CHECK_STR(r.text, S("true it broke"));
	an[1].args = S("other");
	r = go(code, an, 2);
	CHECK(r.end == SCRIPT_FAILED); /* these are not the calls that it makes */
	r = go("tools.put({})", NULL, 0);
	CHECK(r.end == SCRIPT_CALLS); /* nobody waits for it, and it is made */
}

/* Whoever is answered first, what follows comes in the order of the calls. */
static void rounds(void)
{
	static const char code[] = "const one = async n => { const r = await tools.get({n}); await tools.put({r}); };\n"
				   "await Promise.all([1, 2].map(one)); text('end')";
	struct script_answer an[] = {{S("get"), S("{\"n\":2}"), S("b"), SCRIPT_TEXT, false}, {S("get"), S("{\"n\":1}"), S("a"), SCRIPT_TEXT, false}};
	struct script_result r = go(code, an, 2);
	CHECK(r.end == SCRIPT_CALLS && r.n_calls == 2);
	CHECK_STR(r.calls[0].args, S("{\"r\":\"a\"}"));
	CHECK_STR(r.calls[1].args, S("{\"r\":\"b\"}"));
}

/* Nothing that it can see changes from run to run. */
static void stands_still(void)
{
	static const char code[] = "text(Date.now(), new Date().toISOString(), Math.random(), Math.random(), new Date().getTimezoneOffset());\n"
				   "for (let i = 0, s = 0; i < 1e6; i++) s += i;\ntext(Date.now(), Object.getOwnPropertyNames(globalThis).length)";
	struct str first = done(code);
	CHECK(str_starts(first, S("1700000000000 2023-11-14T22:13:20.000Z 0.")));
	CHECK_STR(done(code), first);
}

static void reaches_nothing(void)
{
	static const char *const names[] = {"std", "os", "require", "process", "Deno", "fetch", "XMLHttpRequest", "print", "console",
					    "scriptArgs", "setTimeout", "Worker", "WebAssembly", "Atomics", "SharedArrayBuffer", "WeakRef",
					    "FinalizationRegistry", "performance"};
	char code[200];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(code, sizeof code, "text(typeof %s, Function('return typeof %s')(), '%s' in globalThis)", names[i], names[i], names[i]);
		CHECK_STR(done(code), S("undefined undefined false"));
	}
	fails("import std from 'std'", "SyntaxError");
	CHECK_STR(done("try { await import('os'); text('there') } catch (e) { text('none') }"), S("none"));
	CHECK_STR(done("try { await eval('import(\"/etc/passwd\")'); text('there') } catch (e) { text('none') }"), S("none"));
	CHECK_STR(done("tools.other = 1; try { 'use strict'; tools.get = () => 1 } catch (e) {} text(Object.keys(tools))"),
		  S("[\"get\",\"say-it\",\"put\",\"sh\"]"));
	fails("await tools.nothing({})", "not a function");
}

static void is_bounded(void)
{
	script_limits.steps = 500;
	script_limits.seconds = 60; /* what ends them is not the clock, on however busy a machine */
	script_limits.calls = 5;
	script_limits.output_bytes = 4096;
	fails("for (;;);", "more steps");
	fails("for (;;) { try { for (;;); } catch (e) {} }", "more steps");
	fails("const f = async () => { for (;;) await 0 }; await f()", "more steps");
	fails("const f = () => f(); f()", "stack overflow");
	fails("let a = []; for (;;) a.push('x'.repeat(1e6) + a.length)", "out of memory");
	fails("new ArrayBuffer(1e9)", "Error"); /* out of memory, or no such length */
	fails("let s = 'x'; for (;;) s += s", "Error");
	fails("text('x'.repeat(5000))", "puts out more");
	fails("for (let i = 0; i < 6; i++) tools.get({i})", "may make 5 calls");
	fails("tools.get({x: 'y'.repeat(5000)})", "puts out more");
	fails("tools.get(1)", "takes one object");
	fails("tools.get([1])", "takes one object");
	fails("tools['say-it']({})", "takes one string");
	fails("const a = {}; a.a = a; tools.get(a)", "circular");
	script_limits.steps = 100000000;
	script_limits.seconds = 1;
	fails("for (;;);", "longer than 1 seconds");
	/* Some bound ends these, which one is the machine's affair. */
	fails("const f = () => Promise.resolve().then(f); await f()", "");
	fails("/^(a+)+$/.test('a'.repeat(60) + 'b'); text('passed')", "");
	fails("for (;;) try { text('x'.repeat(5000)) } catch (e) {}", "");
}

/* A program that spoils its own world spoils nothing of ours. */
static void plays_games(void)
{
	struct script_answer an[] = {{S("get"), S("{\"n\":1}"), S("{\"v\":2}"), SCRIPT_JSON, false}};
	static const char *const games[] = {"Promise.prototype.then = () => 5;", "globalThis.Promise = null;", "Array.prototype.push = null;",
					    "JSON.stringify = () => 'no'; JSON.parse = null;", "globalThis.JSON = undefined;",
					    "Object.freeze(Object.prototype);", "globalThis.text = text; delete globalThis.Object;",
					    "Object.defineProperty(Object.prototype, 'name', {get() { throw 1 }});"};
	for (size_t i = 0; i < sizeof games / sizeof *games; i++) {
		char code[400];
		snprintf(code, sizeof code, "%s const r = await tools.get({n: 1}); text(r.v)", games[i]);
		struct script_result r = go(code, an, 1);
		CHECK(r.end == SCRIPT_DONE);
		CHECK_STR(r.text, S("2"));
	}
	struct script_result r = go("Object.prototype.toJSON = () => ({n: 'other'}); tools.get({n: 1})", NULL, 0);
	CHECK(r.end == SCRIPT_CALLS);
	CHECK_STR(r.calls[0].args, S("{\"n\":\"other\"}")); /* its own doing, and it is what is asked */
	fails("throw {toString() { for (;;); }}", "more steps");
	fails("throw {toString() { throw 1 }}", "cannot be told");
}

static void believes_nothing(void)
{
	static const char *const said[] = {"", "done", "done 1 0 0\n", "done 0 0 1\n0 0\n", "calls 0 0 0\n", "calls 0 0 1\n", "calls 0 0 1\n5 5\nab",
					   "done -1 0 0\n", "done 0 0 0\nmore", "calls 0 0 999999999\n", "other 0 0 0\n"};
	struct script_result r;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		CHECK(!script_read(&arena, str_of(said[i]), &r));
	CHECK(script_read(&arena, S("calls 2 0 1\nab3 2\nget{}"), &r) && r.n_calls == 1);
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"what a program puts out, and its errors", puts_out}, {"calls are answered from the start again", calls}, {"what a tool with members of its own takes", members},
	    {"rounds", rounds},                                    {"its clock stands", stands_still},
	    {"nothing can be reached", reaches_nothing},           {"games with prototypes", plays_games},
	    {"bounds", is_bounded},                                {"what a box says is not believed", believes_nothing},
	};
	struct err why = {0};
	if (!script_refuse(&why)) {
		printf("# no programs here: %s\n", why.msg);
		return test_main(cases + 7, 1);
	}
	int ret = test_main(cases, sizeof cases / sizeof *cases);
	arena_free(&arena);
	return ret;
}
