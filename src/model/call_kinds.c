/* call_kinds.c - each kind of tool as a function: its description, its parameters, its calls as items and back.
 *
 * Members of items are written by name, as the live API does. */
#include "model/call_kinds.h"

#include <string.h>

#include "model/call.h"
#include "model/skill_words.h"

enum { ARGUMENTS_MAX = 512 << 20 }; /* bytes; bodies are bounded far below */

/* --- shared ---------------------------------------------------------------------------------------------- */

/* An object's members but for nulls, what is empty, and `not`. */
static struct str members_text(struct arena *a, yyjson_val *from, struct str not )
{
	struct buf b;
	size_t i, max;
	yyjson_val *key, *val;
	buf_init(&b, ARGUMENTS_MAX);
	struct jout o = {.b = &b};
	jo_obj(&o);
	yyjson_obj_foreach(from, i, max, key,
			   val) if (!str_eq(json_str(key), not ) && (!yyjson_is_obj(val) || yyjson_obj_size(val)))
	    jo_member(&o, from, json_str(key));
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static void write_async(struct jout *o, const struct call *c)
{
	if (yyjson_is_true(json_get(c->tool->given, S("async"))))
		jo_kbool(o, "async", true);
}

void call_caller(struct jout *o, struct str program)
{
	if (!program.n)
		return;
	jo_key(o, S("caller"));
	jo_obj(o);
	jo_kstr(o, "type", S("program"));
	jo_kstr(o, "caller_id", program);
	jo_obj_end(o);
}

static void write_space(struct jout *o, const struct call *c)
{
	if (c->tool->space.n || c->tool->searched)
		jo_kstr(o, "namespace", c->tool->space.n ? c->tool->space : c->tool->own);
}

static struct str own(const struct function_tool *t)
{
	return t->own.p ? t->own : t->name;
}

/* --- functions, custom tools -------------------------------------------------------------------------------- */

static void write_function(struct jout *o, const struct call *c)
{
	jo_kstr(o, "arguments", c->begun ? S("") : c->text);
	write_async(o, c);
	jo_kstr(o, "call_id", c->call_id);
	call_caller(o, c->caller);
	jo_kstr(o, "name", own(c->tool));
	write_space(o, c);
}

static struct str arguments_function(struct arena *a, yyjson_val *item)
{
	return json_str(json_get(item, S("arguments")));
}

static void write_custom(struct jout *o, const struct call *c)
{
	write_async(o, c);
	jo_kstr(o, "call_id", c->call_id);
	call_caller(o, c->caller);
	jo_kstr(o, "input", c->begun ? S("") : c->text);
	jo_kstr(o, "name", own(c->tool));
	write_space(o, c);
}

static struct str arguments_custom(struct arena *a, yyjson_val *item)
{
	struct buf b;
	buf_init(&b, ARGUMENTS_MAX);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "input", json_str(json_get(item, S("input"))));
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* --- the client's search for tools --------------------------------------------------------------------------- */

static void write_search(struct jout *o, const struct call *c)
{
	jo_key(o, S("arguments"));
	if (c->begun)
		jo_raw(o, S("{}"));
	else
		jo_val(o, c->args);
	jo_kstr(o, "call_id", c->call_id);
	jo_kstr(o, "execution", S("client"));
}

static struct str arguments_search(struct arena *a, yyjson_val *item)
{
	yyjson_val *v = json_get(item, S("arguments"));
	return yyjson_is_str(v) ? json_str(v) : json_text(a, v);
}

/* --- shells ----------------------------------------------------------------------------------------------------- */

void call_environment(struct jout *o, struct str container)
{
	jo_key(o, S("environment"));
	jo_obj(o);
	jo_kstr(o, "type", S("container_reference"));
	jo_kstr(o, "container_id", container);
	jo_obj_end(o);
}

static void write_shell(struct jout *o, const struct call *c)
{
	yyjson_val *environment = json_get(c->tool->given, S("environment"));
	yyjson_val *settled = c->tool->settled ? c->tool->settled : environment;
	struct str container = json_str(json_get(settled, S("container_id")));
	jo_key(o, S("action"));
	jo_obj(o);
	jo_key(o, S("commands"));
	if (c->begun || !c->args) /* cut off, it may have none */
		jo_raw(o, S("[]"));
	else
		jo_val(o, json_get(c->args, S("commands")));
	jo_member_or_null(o, c->begun ? NULL : c->args, S("max_output_length"));
	jo_member_or_null(o, c->begun ? NULL : c->args, S("timeout_ms"));
	jo_obj_end(o);
	jo_kstr(o, "call_id", c->call_id);
	call_caller(o, c->caller);
	if (c->tool->hosted || container.n)
		call_environment(o, container.n ? container : S(""));
	else if (yyjson_is_obj(environment))
		jo_kraw(o, "environment", S("{\"type\":\"local\"}"));
}

static struct str arguments_shell(struct arena *a, yyjson_val *item)
{
	return members_text(a, json_get(item, S("action")), (struct str){0});
}

static void write_local_shell(struct jout *o, const struct call *c)
{
	yyjson_val *args = c->begun ? NULL : c->args, *env = json_get(args, S("env"));
	jo_key(o, S("action"));
	jo_obj(o);
	jo_kstr(o, "type", S("exec"));
	jo_key(o, S("command"));
	if (args)
		jo_val(o, json_get(args, S("command")));
	else
		jo_raw(o, S("[]"));
	jo_key(o, S("env"));
	if (yyjson_is_obj(env))
		jo_val(o, env);
	else
		jo_raw(o, S("{}"));
	jo_member(o, args, S("timeout_ms"));
	jo_member(o, args, S("user"));
	jo_member(o, args, S("working_directory"));
	jo_obj_end(o);
	jo_kstr(o, "call_id", c->call_id);
}

static struct str arguments_local_shell(struct arena *a, yyjson_val *item)
{
	return members_text(a, json_get(item, S("action")), S("type"));
}

/* --- patches ------------------------------------------------------------------------------------------------------ */

static void write_patch(struct jout *o, const struct call *c)
{
	bool delete = str_eq(json_str(json_get(c->args, S("type"))), S("delete_file"));
	yyjson_val *diff = json_get(c->args, S("diff"));
	jo_kstr(o, "call_id", c->call_id);
	call_caller(o, c->caller);
	jo_key(o, S("operation"));
	jo_obj(o);
	jo_kstr(o, "type", json_str(json_get(c->args, S("type"))));
	if (!delete)
		jo_kstr(o, "diff", diff && !c->begun ? json_str(diff) : S(""));
	jo_kstr(o, "path", json_str(json_get(c->args, S("path"))));
	jo_obj_end(o);
}

static struct str arguments_patch(struct arena *a, yyjson_val *item)
{
	return members_text(a, json_get(item, S("operation")), (struct str){0});
}

/* --- computers
 * -------------------------------------------------------------------------------------------------------- */

static void write_computer(struct jout *o, const struct call *c)
{
	jo_key(o, S("actions"));
	if (c->begun)
		jo_raw(o, S("[]"));
	else
		jo_val(o, json_get(c->args, S("actions")));
	jo_kstr(o, "call_id", c->call_id);
	jo_kraw(o, "pending_safety_checks", S("[]"));
}

static void write_preview(struct jout *o, const struct call *c)
{
	if (!c->begun)
		jo_member(o, c->args, S("action"));
	jo_kstr(o, "call_id", c->call_id);
	jo_kraw(o, "pending_safety_checks", S("[]"));
}

static struct str one_member(struct arena *a, yyjson_val *item, struct str key)
{
	yyjson_val *v = json_get(item, key);
	struct str text = v ? json_text(a, v) : S("null");
	return str_fmt(a, "{\"%.*s\":%.*s}", FMT(key), FMT(text));
}

/* Both tools make computer_call items; an item says itself which it was. */
static struct str arguments_computer(struct arena *a, yyjson_val *item)
{
	return one_member(a, item, yyjson_is_arr(json_get(item, S("actions"))) ? S("actions") : S("action"));
}
#define arguments_preview arguments_computer

/* --- tools that we run ------------------------------------------------------------------------------------- */

/* Who runs the call says what its item has. */
static void write_ours(struct jout *o, const struct call *c)
{
}

static struct str arguments_ours(struct arena *a, yyjson_val *item)
{
	struct str text = hosted_of_item(item_type_of(item))->arguments(a, item);
	return text.p ? text : S("{}");
}

/* --- as functions
 * ---------------------------------------------------------------------------------------------------------- */

#define COMPUTER_ACTION                                                                                                \
	"{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"click\",\"double_click\","     \
	"\"drag\",\"keypress\",\"move\",\"screenshot\",\"scroll\",\"type\",\"wait\"]},"                                \
	"\"button\":{\"type\":\"string\",\"enum\":[\"left\",\"right\",\"wheel\",\"back\",\"forward\"]},"               \
	"\"x\":{\"type\":\"integer\"},\"y\":{\"type\":\"integer\"},"                                                   \
	"\"path\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"},"    \
	"\"y\":{\"type\":\"integer\"}},\"required\":[\"x\",\"y\"]}},"                                                  \
	"\"keys\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"                                               \
	"\"scroll_x\":{\"type\":\"integer\"},\"scroll_y\":{\"type\":\"integer\"},\"text\":{\"type\":\"string\"}},"     \
	"\"required\":[\"type\"]}"

static const struct {
	struct str text, schema;
} told[CALL_KINDS] = {
    [CALL_CUSTOM] = {{0},
		     STR("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
			 "\"required\":[\"input\"]}")},
    [CALL_TOOL_SEARCH] = {STR("Searches for further tools, which can be called once they are found."),
			  STR("{\"type\":\"object\",\"properties\":{\"queries\":{\"type\":\"array\",\"items\":"
			      "{\"type\":\"string\"}}},\"required\":[\"queries\"]}")},
    [CALL_SHELL] = {STR("Runs shell commands on the user's machine, each on its own, and returns what they print."),
		    STR("{\"type\":\"object\",\"properties\":{\"commands\":{\"type\":\"array\",\"items\":"
			"{\"type\":\"string\"}},\"timeout_ms\":{\"type\":\"integer\"},\"max_output_length\":"
			"{\"type\":\"integer\",\"description\":\"Characters of output to return.\"}},"
			"\"required\":[\"commands\"]}")},
    [CALL_LOCAL_SHELL] = {STR("Runs a program on the user's machine and returns what it prints."),
			  STR("{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"array\",\"items\":"
			      "{\"type\":\"string\"},\"description\":\"The program and its arguments.\"},"
			      "\"env\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
			      "\"timeout_ms\":{\"type\":\"integer\"},\"user\":{\"type\":\"string\"},"
			      "\"working_directory\":{\"type\":\"string\"}},\"required\":[\"command\"]}")},
    [CALL_APPLY_PATCH] = {STR("Creates, changes or deletes one file. `diff` is in the V4A format: every line of a "
			      "new file begins with '+'; a change is one or more sections, each an '@@' line with "
			      "an optional anchor and lines that begin with ' ', '-' or '+'. No diff for a "
			      "deletion."),
			  STR("{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":"
			      "[\"create_file\",\"update_file\",\"delete_file\"]},\"path\":{\"type\":\"string\"},"
			      "\"diff\":{\"type\":\"string\"}},\"required\":[\"type\",\"path\"]}")},
    [CALL_COMPUTER] = {STR("Acts on the user's screen, then returns a screenshot."),
		       STR("{\"type\":\"object\",\"properties\":{\"actions\":{\"type\":\"array\","
			   "\"items\":" COMPUTER_ACTION "}},\"required\":[\"actions\"]}")},
    [CALL_COMPUTER_PREVIEW] = {STR("Acts on the user's screen, then returns a screenshot."),
			       STR("{\"type\":\"object\",\"properties\":{\"action\":" COMPUTER_ACTION
				   "},\"required\":[\"action\"]}")},
};

/* A screen's measures are part of what the model must know. */
static struct str describe_screen(struct arena *a, struct str text, yyjson_val *tool)
{
	yyjson_val *width = json_get(tool, S("display_width"));
	if (!width)
		return text;
	return str_fmt(a, "%.*s The screen is %lld pixels wide and %lld high (%.*s).", FMT(text),
		       (long long)yyjson_get_sint(width),
		       (long long)yyjson_get_sint(json_get(tool, S("display_height"))),
		       FMT(json_str(json_get(tool, S("environment")))));
}

/* No engine takes a grammar beside tools; so the model is shown it. */
static struct str describe_grammar(struct arena *a, struct str text, yyjson_val *tool)
{
	yyjson_val *format = json_get(tool, S("format"));
	struct str syntax = json_str(json_get(format, S("syntax"))),
		   grammar = json_str(json_get(format, S("definition")));
	if (!grammar.p)
		return text;
	return str_fmt(a, "%.*s%s`input` is text that fits this %s:\n%.*s", FMT(text.p ? text : S("")),
		       text.n ? "\n\n" : "", str_eq(syntax, S("regex")) ? "regular expression" : "Lark grammar",
		       FMT(grammar));
}

/* Skills that a shell of the client's has: the model reads them there, with that shell. */
static struct str describe_skills(struct arena *a, struct str text, yyjson_val *tool)
{
	yyjson_val *skills = json_get(json_get(tool, S("environment")), S("skills"));
	struct buf b;
	if (!yyjson_arr_size(skills))
		return text;
	buf_init(&b, SIZE_MAX / 2);
	buf_add(&b, text);
	skill_words(&b, skills);
	struct str all = str_copy(a, buf_str(&b));
	buf_release(&b);
	return all;
}

void call_describe(struct arena *a, enum call_kind kind, yyjson_val *tool, struct function_tool *f)
{
	struct err none = {0};
	struct str text = json_str(json_get(tool, S("description")));
	yyjson_val *parameters = json_get(tool, S("parameters"));
	f->kind = kind;
	f->given = tool;
	f->hosted = hosted_of_tool(tool);
	f->own = call_function(f).n ? call_function(f) : json_str(json_get(tool, S("name")));
	text = describe_screen(a, text.n ? text : told[kind].text, tool);
	text = describe_grammar(a, text, tool);
	f->description = f->hosted ? text : describe_skills(a, text, tool);
	f->strict = false;
	if (yyjson_is_obj(parameters))
		f->parameters = parameters;
	else if (told[kind].schema.n)
		json_parse(a, told[kind].schema, &f->parameters, &none);
}

const struct call_row call_rows[CALL_KINDS] = {
#define CALL(NAME, tool, call, output, function, flags, fn)                                                            \
	[CALL_##NAME] = {STR(tool), STR(function), ITEM_##call, ITEM_##output, flags, write_##fn, arguments_##fn},
#include "model/calls.def"
#undef CALL
};
