/* script_main.c - antiphon-script: NOW STEPS MEMORY CALLS OUTPUT; a program and the answers of its calls on standard
 * input, what came of it on standard output (script.c).
 *
 * It runs in a box and believes that its program will overcome it: it holds nothing but that program's own matters.
 * Everything here is done through the engine's C interface, so that a program that changes its prototypes spoils
 * nothing but its own values. quickjs-libc, which has files, processes and modules, is not linked at all. */
#include <quickjs/quickjs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/arena.h"
#include "base/buf.h"

enum { STACK = 512 << 10, WHY_MOST = 2000 };

struct tool {
	struct str name;
	int text;
	struct str members; /* {0}: any */
};
struct answer {
	struct str name, args, value;
	int kind, maybe, used;
};
struct call { /* in the order in which they are made */
	const struct tool *tool;
	struct str args;
	JSValue settle[2]; /* resolve, reject */
	struct answer *answer;
	int settled;
};

static struct {
	int64_t now, steps, memory, calls_most, room; /* room: of what it puts out */
	int stopped; /* it took more steps than it may */
	struct tool *tools;
	struct answer *answers;
	struct call *calls;
	size_t n_tools, n_answers, n_calls;
	struct str code;
	struct buf text;
} w;

/* The engine asks here for the time and for its first random number. */
int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	tv->tv_sec = (time_t)w.now;
	tv->tv_usec = 0;
	return 0;
}

/* With a NUL behind, which the engine wants. Nothing is given back: a run is short. */
static struct str copied(struct str s)
{
	char *p = xalloc(s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

static int on_interrupt(JSRuntime *rt, void *none)
{
	return w.stopped |= --w.steps < 0;
}

/* --- what comes in ---------------------------------------------------------------------------------------------- */

static struct str take(struct str *in, int64_t n)
{
	struct str some = {in->p, (size_t)n};
	if (n < 0 || some.n > in->n)
		exit(2);
	in->p += n;
	in->n -= some.n;
	return some;
}

/* "K NUMBER NUMBER ...\n" */
static char read_head(struct str *in, int64_t *numbers, size_t most)
{
	struct str head = str_cut(in, '\n'), kind = str_cut(&head, ' ');
	for (size_t i = 0; i < most && head.n; i++)
		if (!str_int(str_cut(&head, ' '), &numbers[i]))
			exit(2);
	return kind.n ? *kind.p : 0;
}

static void read_all(struct str in)
{
	while (in.n) {
		int64_t head[5] = {0};
		char kind = read_head(&in, head, 5);
		if (kind == 'f') {
			w.tools = xrealloc(w.tools, (w.n_tools + 1) * sizeof *w.tools);
			struct tool *one = &w.tools[w.n_tools++];
			*one = (struct tool){.name = take(&in, head[1]), .text = head[0] != 0};
			one->members = take(&in, head[2]);
		} else if (kind == 'a') {
			w.answers = xrealloc(w.answers, (w.n_answers + 1) * sizeof *w.answers);
			struct answer *one = &w.answers[w.n_answers++];
			*one = (struct answer){.kind = (int)head[0], .maybe = head[1] != 0};
			one->name = take(&in, head[2]);
			one->args = take(&in, head[3]);
			one->value = take(&in, head[4]);
		} else {
			w.code = take(&in, head[0]);
		}
	}
}

/* --- what the program is given ---------------------------------------------------------------------------------- */

/* Nothing but a bound of all that it puts out. */
static int fits(JSContext *ctx, size_t n)
{
	if ((int64_t)n > w.room) {
		JS_ThrowRangeError(ctx, "the program puts out more than it may");
		return 0;
	}
	w.room -= (int64_t)n;
	return 1;
}

static int add_text(JSContext *ctx, const char *p, size_t n)
{
	if (!fits(ctx, n))
		return -1;
	buf_add(&w.text, (struct str){p, n});
	return 0;
}

/* A string is itself, all else is its JSON; what has none, as undefined, its name. */
static int add_value(JSContext *ctx, JSValueConst v)
{
	JSValue json = JS_IsString(v) ? JS_DupValue(ctx, v) : JS_JSONStringify(ctx, v, JS_UNDEFINED, JS_UNDEFINED);
	size_t n;
	if (JS_IsException(json))
		return -1;
	const char *p = JS_ToCStringLen(ctx, &n, JS_IsUndefined(json) ? v : json);
	int ret = p ? add_text(ctx, p, n) : -1;
	JS_FreeCString(ctx, p);
	JS_FreeValue(ctx, json);
	return ret;
}

static JSValue js_text(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	if (w.text.n && add_text(ctx, "\n", 1))
		return JS_EXCEPTION;
	for (int i = 0; i < argc; i++)
		if ((i && add_text(ctx, " ", 1)) || add_value(ctx, argv[i]))
			return JS_EXCEPTION;
	return JS_UNDEFINED;
}

static JSValue js_image(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
	return JS_ThrowTypeError(ctx, "image() is not served here: put out text()");
}

/* What a tool with members of its own takes of an object: its item says no others, nor in which order they came. */
static JSValue shaped(JSContext *ctx, const struct tool *tool, JSValueConst given)
{
	JSValue ret = JS_NewObject(ctx);
	JSPropertyEnum *names;
	uint32_t n, known = 0;
	for (struct str rest = tool->members; rest.n;) {
		struct str member = str_cut(&rest, ',');
		JSAtom name = JS_NewAtomLen(ctx, member.p, member.n);
		JSValue v = JS_GetProperty(ctx, given, name);
		known += !JS_IsUndefined(v);
		if (!JS_IsException(v) && !JS_IsUndefined(v) && !JS_IsNull(v))
			JS_DefinePropertyValue(ctx, ret, name, v, JS_PROP_C_W_E);
		JS_FreeAtom(ctx, name);
		if (JS_IsException(v))
			return v;
	}
	if (JS_GetOwnPropertyNames(ctx, &names, &n, given, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY))
		return JS_EXCEPTION;
	for (uint32_t i = 0; i < n; i++)
		JS_FreeAtom(ctx, names[i].atom);
	js_free(ctx, names);
	if (n <= known)
		return ret;
	JS_FreeValue(ctx, ret);
	return JS_ThrowTypeError(ctx, "tools.%.*s() takes one object with the members %.*s", (int)tool->name.n, tool->name.p,
				 (int)tool->members.n, tool->members.p);
}

static JSValue stringified(JSContext *ctx, const struct tool *tool, JSValueConst given)
{
	if (!tool->members.n || !JS_IsObject(given))
		return JS_JSONStringify(ctx, given, JS_UNDEFINED, JS_UNDEFINED);
	JSValue some = shaped(ctx, tool, given);
	JSValue json = JS_IsException(some) ? some : JS_JSONStringify(ctx, some, JS_UNDEFINED, JS_UNDEFINED);
	if (!JS_IsException(some))
		JS_FreeValue(ctx, some);
	return json;
}

/* The arguments as one text; an exception where they are of no use. */
static JSValue arguments(JSContext *ctx, const struct tool *tool, JSValueConst given)
{
	if (tool->text)
		return JS_IsString(given) ? JS_DupValue(ctx, given)
					  : JS_ThrowTypeError(ctx, "tools.%.*s() takes one string", (int)tool->name.n, tool->name.p);
	if (JS_IsUndefined(given))
		return JS_NewString(ctx, "{}");
	JSValue json = stringified(ctx, tool, given);
	if (JS_IsException(json))
		return json;
	const char *p = JS_IsString(json) ? JS_ToCString(ctx, json) : NULL;
	int object = p && *p == '{';
	JS_FreeCString(ctx, p);
	if (object)
		return json;
	JS_FreeValue(ctx, json);
	return JS_ThrowTypeError(ctx, "tools.%.*s() takes one object", (int)tool->name.n, tool->name.p);
}

static JSValue js_call(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv, int index, JSValue *none)
{
	const struct tool *tool = &w.tools[index];
	size_t n;
	if ((int64_t)w.n_calls >= w.calls_most)
		return JS_ThrowRangeError(ctx, "a program may make %lld calls", (long long)w.calls_most);
	JSValue text = arguments(ctx, tool, argc ? argv[0] : JS_UNDEFINED);
	if (JS_IsException(text))
		return text;
	const char *p = JS_ToCStringLen(ctx, &n, text);
	JS_FreeValue(ctx, text);
	if (!p || !fits(ctx, n)) {
		JS_FreeCString(ctx, p);
		return JS_EXCEPTION;
	}
	w.calls = xrealloc(w.calls, (w.n_calls + 1) * sizeof *w.calls);
	struct call *c = &w.calls[w.n_calls];
	*c = (struct call){.tool = tool};
	c->args = copied((struct str){p, n});
	JS_FreeCString(ctx, p);
	JSValue promise = JS_NewPromiseCapability(ctx, c->settle);
	w.n_calls += !JS_IsException(promise);
	return promise;
}

static JSValue parse(JSContext *ctx, struct str json)
{
	return JS_ParseJSON(ctx, copied(json).p, json.n, "answer");
}

static void define(JSContext *ctx, JSValueConst object, const char *name, JSValue v)
{
	JS_DefinePropertyValueStr(ctx, object, name, v, JS_PROP_ENUMERABLE);
}

static void give_world(JSContext *ctx)
{
	static const char *const not_here[] = {"Atomics", "SharedArrayBuffer"};
	JSValue global = JS_GetGlobalObject(ctx), tools = JS_NewObjectProto(ctx, JS_NULL);
	for (size_t i = 0; i < sizeof not_here / sizeof *not_here; i++) {
		JSAtom name = JS_NewAtom(ctx, not_here[i]);
		JS_DeleteProperty(ctx, global, name, 0);
		JS_FreeAtom(ctx, name);
	}
	for (size_t i = 0; i < w.n_tools; i++) {
		JSAtom name = JS_NewAtomLen(ctx, w.tools[i].name.p, w.tools[i].name.n);
		JS_DefinePropertyValue(ctx, tools, name, JS_NewCFunctionData(ctx, js_call, 1, (int)i, 0, NULL), JS_PROP_ENUMERABLE);
		JS_FreeAtom(ctx, name);
	}
	JS_PreventExtensions(ctx, tools);
	define(ctx, global, "tools", tools);
	define(ctx, global, "text", JS_NewCFunction(ctx, js_text, "text", 1));
	define(ctx, global, "image", JS_NewCFunction(ctx, js_image, "image", 1));
	JS_FreeValue(ctx, global);
}

static JSContext *engine_new(size_t memory)
{
	JSRuntime *rt = JS_NewRuntime();
	JS_SetMemoryLimit(rt, memory);
	JS_SetMaxStackSize(rt, STACK);
	JS_SetInterruptHandler(rt, on_interrupt, NULL);
	JSContext *ctx = JS_NewContextRaw(rt);
	JS_AddIntrinsicBaseObjects(ctx);
	JS_AddIntrinsicDate(ctx);
	JS_AddIntrinsicEval(ctx);
	JS_AddIntrinsicStringNormalize(ctx);
	JS_AddIntrinsicRegExp(ctx);
	JS_AddIntrinsicJSON(ctx);
	JS_AddIntrinsicProxy(ctx);
	JS_AddIntrinsicMapSet(ctx);
	JS_AddIntrinsicTypedArrays(ctx);
	JS_AddIntrinsicPromise(ctx); /* and no WeakRef, which tells when memory is collected */
	give_world(ctx);
	return ctx;
}

/* The arguments of answers as the engine itself would write them: they may have been written anew. Before the program has
 * changed anything. */
static void write_alike(JSContext *ctx, struct answer *an)
{
	size_t n;
	static const struct tool none;
	const struct tool *tool = &none;
	for (size_t i = 0; i < w.n_tools; i++)
		if (str_eq(w.tools[i].name, an->name))
			tool = &w.tools[i];
	if (tool->text)
		return;
	JSValue v = parse(ctx, an->args);
	JSValue json = JS_IsException(v) ? v : stringified(ctx, tool, v);
	const char *p = JS_IsString(json) ? JS_ToCStringLen(ctx, &n, json) : NULL;
	if (p)
		an->args = copied((struct str){p, n});
	JS_FreeCString(ctx, p);
	JS_FreeValue(ctx, JS_GetException(ctx));
}

/* --- its course -------------------------------------------------------------------------------------------------- */

static struct answer *answer_of(const struct call *c)
{
	for (size_t i = 0; i < w.n_answers; i++)
		if (!w.answers[i].used && str_eq(w.answers[i].name, c->tool->name) && str_eq(w.answers[i].args, c->args))
			return &w.answers[i];
	return NULL;
}

static void settle(JSContext *ctx, struct call *c)
{
	const struct answer *an = c->answer;
	JSValue v;
	if (an->kind == 'e') {
		v = JS_NewError(ctx);
		JS_DefinePropertyValueStr(ctx, v, "message", JS_NewStringLen(ctx, an->value.p, an->value.n),
					  JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE);
	} else if (an->kind == 'j') {
		v = parse(ctx, an->value);
	} else {
		v = JS_NewStringLen(ctx, an->value.p, an->value.n);
	}
	int wrong = JS_IsException(v);
	if (wrong)
		v = JS_GetException(ctx);
	JS_FreeValue(ctx, JS_Call(ctx, c->settle[wrong || an->kind == 'e'], JS_UNDEFINED, 1, &v));
	JS_FreeValue(ctx, v);
	c->settled = 1;
}

/* The calls that wait, a round: all get their answers, or none. How many have none? */
static size_t answer_round(JSContext *ctx, int *any)
{
	size_t open = 0;
	*any = 0;
	for (size_t i = 0; i < w.n_calls; i++) {
		struct call *c = &w.calls[i];
		if (!c->settled && !c->answer && (c->answer = answer_of(c)))
			c->answer->used = 1;
		open += !c->answer;
		*any |= !c->settled;
	}
	for (size_t i = 0; i < w.n_calls && !open && !w.stopped; i++)
		if (!w.calls[i].settled)
			settle(ctx, &w.calls[i]);
	return open;
}

static void run_jobs(JSContext *ctx)
{
	enum { JOBS_A_STEP = 1000 };
	JSContext *of;
	for (long long n = 1; !w.stopped && JS_ExecutePendingJob(JS_GetRuntime(ctx), &of); n++) /* what one throws is its promise's */
		if (n % JOBS_A_STEP == 0)
			on_interrupt(NULL, NULL);
}

static const char *left_answers(void)
{
	for (size_t i = 0; i < w.n_answers; i++)
		if (!w.answers[i].used && !w.answers[i].maybe)
			return "The program does not make the calls that were answered: it cannot be gone on with.";
	return NULL;
}

static void say(const char *end, const char *why, size_t open)
{
	size_t n = strnlen(why, WHY_MOST);
	while (n && ((unsigned char)why[n] & 0xc0) == 0x80) /* no half a character */
		n--;
	printf("%s %zu %zu %zu\n", end, w.text.n, n, open);
	fwrite(w.text.n ? w.text.p : "", 1, w.text.n, stdout);
	fwrite(why, 1, n, stdout);
	for (size_t i = 0; open && i < w.n_calls; i++) {
		const struct call *c = &w.calls[i];
		if (c->answer)
			continue;
		printf("%zu %zu\n", c->tool->name.n, c->args.n);
		fwrite(c->tool->name.p, 1, c->tool->name.n, stdout);
		fwrite(c->args.p, 1, c->args.n, stdout);
	}
	exit(fflush(stdout) != 0);
}

static void say_stopped(void)
{
	say("failed", "The program took more steps than it may.", 0);
}

/* An error with the place where it was thrown. */
static void say_error(JSContext *ctx, JSValue error)
{
	char text[2 * WHY_MOST];
	if (w.stopped)
		say_stopped();
	const char *what = JS_ToCString(ctx, error);
	if (!what)
		JS_FreeValue(ctx, JS_GetException(ctx));
	JSValue stack = JS_IsError(ctx, error) ? JS_GetPropertyStr(ctx, error, "stack") : JS_UNDEFINED;
	const char *where = JS_IsString(stack) ? JS_ToCString(ctx, stack) : NULL;
	snprintf(text, sizeof text, "%.*s%s%.*s", WHY_MOST / 2, !what ? "an error that cannot be told" : JS_IsNull(error) ? "null, or no memory was left" : what, where && *where ? "\n" : "",
		 WHY_MOST / 2, where ? where : "");
	say("failed", w.stopped ? "The program took more steps than it may." : text, 0);
}

static void say_done(JSContext *ctx, JSValueConst main)
{
	JSValue value = JS_PromiseResult(ctx, main);
	if (JS_PromiseState(ctx, main) == JS_PROMISE_REJECTED)
		say_error(ctx, value);
	if (!JS_IsUndefined(value) && JS_IsException(js_text(ctx, JS_UNDEFINED, 1, &value)))
		say_error(ctx, JS_GetException(ctx));
	const char *wrong = left_answers();
	say(wrong ? "failed" : "done", wrong ? wrong : "", 0);
}

static void course(JSContext *ctx, JSValueConst main)
{
	for (;;) {
		int any;
		run_jobs(ctx);
		if (w.stopped)
			say_stopped();
		if (JS_PromiseState(ctx, main) == JS_PROMISE_REJECTED)
			say_done(ctx, main);
		size_t open = answer_round(ctx, &any);
		if (open) {
			const char *wrong = left_answers();
			say(wrong ? "failed" : "calls", wrong ? wrong : "", wrong ? 0 : open);
		}
		if (!any && JS_PromiseState(ctx, main) == JS_PROMISE_FULFILLED)
			say_done(ctx, main);
		if (!any)
			say("failed", "The program waits for something that never comes.", 0);
	}
}

/* As the body of a function that may wait and return. Its first line stays the first. */
static JSValue start(JSContext *ctx)
{
	struct buf whole;
	buf_init(&whole, SIZE_MAX / 2);
	buf_add(&whole, S("(async () => {"));
	buf_add(&whole, w.code);
	buf_add(&whole, S("\n})()"));
	return JS_Eval(ctx, copied(buf_str(&whole)).p, whole.n, "program", JS_EVAL_TYPE_GLOBAL);
}

static bool read_numbers(char **argv)
{
	int64_t *const to[] = {&w.now, &w.steps, &w.memory, &w.calls_most, &w.room};
	for (size_t i = 0; i < sizeof to / sizeof *to; i++)
		if (!str_int(str_of(argv[i + 1]), to[i]))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	struct stat st;
	if (argc != 6 || !read_numbers(argv) || fstat(0, &st))
		return 2;
	void *in = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, 0, 0);
	if (in == MAP_FAILED)
		return 2;
	buf_init(&w.text, (size_t)w.room);
	read_all((struct str){in, (size_t)st.st_size});
	JSContext *ctx = engine_new((size_t)w.memory);
	for (size_t i = 0; i < w.n_answers; i++)
		write_alike(ctx, &w.answers[i]);
	JSValue main = start(ctx);
	if (JS_IsException(main))
		say_error(ctx, JS_GetException(ctx));
	if ((int)JS_PromiseState(ctx, main) < 0) /* its text closed the function by itself */
		say("failed", "The program is no body of a function.", 0);
	course(ctx, main);
}
