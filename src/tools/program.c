/* program.c - the hosted tool programmatic_tool_calling: a program that the model writes calls other tools.
 *
 * A run here goes from the program's start to its next calls, or to its end; turn/turn_program.c makes the calls and runs it
 * again. What it is given: {"code", "now", "answers": [[kind, name, arguments, value, maybe], ...], "tools": [[name, takes text, members], ...]}. */
#include "model/program.h"
#include "script/limits.h"
#include "script/script.h"
#include "session/session.h"
#include "session/talk.h"
#include "tools/foreign.h"
#include "tools/internal.h"
#include "tools/toolrun.h"

static const struct field params[] = {FIELD_CHECKED("code", F_STR, .required = true), FIELD_END};

/* --- a run --------------------------------------------------------------------------------------------------------- */

static void take_tools(struct toolrun *run, struct script *s)
{
	yyjson_val *list = json_get(run->args, S("tools")), *one;
	struct script_tool *tools = new_array(&run->arena, struct script_tool, yyjson_arr_size(list) + 1);
	size_t i, max;
	yyjson_arr_foreach(list, i, max, one)
		tools[s->n_tools++] = (struct script_tool){json_str(yyjson_arr_get(one, 0)), yyjson_is_true(yyjson_arr_get(one, 1)),
							   json_str(yyjson_arr_get(one, 2))};
	s->tools = tools;
}

static void take_answers(struct toolrun *run, struct script *s)
{
	yyjson_val *list = json_get(run->args, S("answers")), *one;
	struct script_answer *answers = new_array(&run->arena, struct script_answer, yyjson_arr_size(list) + 1);
	size_t i, max;
	yyjson_arr_foreach(list, i, max, one)
	{
		struct str kind = json_str(yyjson_arr_get(one, 0));
		answers[s->n_answers++] = (struct script_answer){.kind = kind.n ? (enum script_answer_kind)kind.p[0] : SCRIPT_TEXT,
								 .name = json_str(yyjson_arr_get(one, 1)),
								 .args = json_str(yyjson_arr_get(one, 2)),
								 .value = json_str(yyjson_arr_get(one, 3)),
								 .maybe = yyjson_is_true(yyjson_arr_get(one, 4))};
	}
	s->answers = answers;
}

static struct str calls_text(struct toolrun *run, const struct script_result *r)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_arr(&o);
	for (size_t i = 0; i < r->n_calls; i++) {
		jo_arr(&o);
		jo_str(&o, r->calls[i].name);
		jo_str(&o, r->calls[i].args);
		jo_arr_end(&o);
	}
	jo_arr_end(&o);
	struct str text = str_copy(&run->arena, buf_str(&b));
	buf_release(&b);
	return text;
}

/* What it says is shown to people, as what code prints is: text, without what steers their terminals. */
static struct str program_said(struct toolrun *run, const struct script_result *r)
{
	struct buf b;
	struct str said = r->why.n ? str_fmt(&run->arena, "%.*s%s%.*s", FMT(r->text), r->text.n ? "\n" : "", FMT(r->why)) : r->text;
	buf_init(&b, SIZE_MAX / 2);
	session_mend(said, &b);
	said = str_copy(&run->arena, buf_str(&b));
	buf_release(&b);
	return said;
}

static void program_run(struct toolrun *run)
{
	struct script s = {.code = json_str(json_get(run->args, S("code"))),
			   .now = yyjson_get_sint(json_get(run->args, S("now"))),
			   .cancelled = toolrun_flag(run)};
	struct script_result r;
	struct err e = {0};
	take_tools(run, &s);
	take_answers(run, &s);
	if (!script_run(&run->arena, &s, &r, &e)) {
		toolrun_fail(run, "%s", e.msg);
		return;
	}
	run->result.failed = r.end == SCRIPT_FAILED;
	run->result.said = program_said(run, &r);
	if (r.end == SCRIPT_CALLS)
		run->result.calls = calls_text(run, &r);
}

/* --- the tool ------------------------------------------------------------------------------------------------------- */

static bool program_serves(const struct tools_options *o, yyjson_val *given, const char *path, struct err *e)
{
	struct err why = {0};
	return script_there(&why) || fail(e, ERR_UNSUPPORTED_VALUE, path, "Programs cannot run here: %s.", why.msg);
}

static bool program_checks(const struct tools *t, int64_t project, yyjson_val *given, const char *path, struct err *e)
{
	struct err why = {0};
	return script_refuse(&why) || fail(e, ERR_UNSUPPORTED_VALUE, path, "Programs cannot run here: %s", why.msg);
}

static bool program_fits(yyjson_val *args, struct err *e)
{
	size_t n = json_str(json_get(args, S("code"))).n;
	return n <= (size_t)script_limits.code_bytes ||
	       fail(e, ERR_INVALID_VALUE, NULL, "A program may have at most %lld bytes.", (long long)script_limits.code_bytes);
}

/* Where no schema says it. */
static struct str program_returns(enum call_kind kind)
{
	if (kind == CALL_SHELL)
		return S("an array, {\"stdout\", \"stderr\", \"outcome\"} of each command");
	return kind == CALL_APPLY_PATCH ? S("{\"status\", \"output\"}") : S("a string");
}

static void tell_tool(struct buf *b, const struct function_tool *f)
{
	struct arena tmp = {0};
	yyjson_val *returns = json_get(f->given, S("output_schema"));
	buf_fmt(b, "\n- tools.%.*s(", FMT(f->name));
	if (f->kind == CALL_CUSTOM)
		buf_add(b, S("text"));
	else if (f->parameters)
		buf_add(b, json_text(&tmp, f->parameters));
	buf_add(b, S("): "));
	if (f->kind == CALL_FUNCTION && yyjson_is_obj(returns))
		buf_add(b, json_text(&tmp, returns));
	else
		buf_add(b, program_returns(f->kind));
	if (f->description.n)
		buf_fmt(b, ". %.*s", FMT(f->description));
	arena_free(&tmp);
}

static void program_others(struct buf *b, const struct create *c)
{
	for (size_t i = 0; i < c->n_tools; i++)
		if (tool_for_programs(&c->tools[i]))
			tell_tool(b, &c->tools[i]);
}

static struct str program_arguments(struct arena *a, yyjson_val *item)
{
	struct str code = json_str(json_get(item, S("code")));
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "code", code.p ? code : S(""));
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* What it read from others may stand in it. */
static struct str program_found(struct arena *a, yyjson_val *item)
{
	bool whole = !str_eq(json_str(json_get(item, S("status"))), S("incomplete"));
	struct buf b;
	buf_init(&b, (size_t)tools_limits.told_bytes * 2);
	if (!whole)
		buf_add(&b, S("The program did not come to its end. "));
	foreign_add_values(&b, json_str(json_get(item, S("result"))), (size_t)tools_limits.told_bytes);
	struct str told = b.n ? str_copy(a, buf_str(&b)) : S("The program ended and put out nothing.");
	buf_release(&b);
	return told;
}

const struct tool tool_program = {
    .face = {.types = {STR("programmatic_tool_calling")},
	     .item = ITEM_PROGRAM,
	     .ends_in = ITEM_PROGRAM_OUTPUT,
	     .also = {{.type = ITEM_PROGRAM_OUTPUT, .fresh = {STR("result"), STR("\"\"")}}},
	     .function = STR("program"),
	     .description =
		 STR("Runs a program in JavaScript that calls tools and puts together what they return, in one step instead of many. "
		     "It is the body of an async function: use await. There are no modules, files, network, timers or console. Call "
		     "a tool as await tools.name({...}) with an object that fits its parameters; to make calls side by side, await "
		     "Promise.all([...]). What the program gives to text(...) or returns is the result. Its tools, with the JSON "
		     "schemas of their parameters and of what they return:"),
	     .schema = STR("{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"string\",\"description\":\"JavaScript "
			   "source.\"}},\"required\":[\"code\"]}"),
	     .params = params,
	     .text = {.member = STR("code"), .raw = true},
	     .fresh = {{STR("code"), STR("\"\"")}},
	     .arguments = program_arguments,
	     .found = program_found},
    .again = true, /* a run itself changes nothing: what it calls is answered only once */
    .serves = program_serves,
    .checks = program_checks,
    .others = program_others,
    .fits = program_fits,
    .run = program_run,
};
