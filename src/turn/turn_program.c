/* turn_program.c - programs within the turn: TOOLS runs one, makes the calls that it waits for, and runs it again. */
#include "turn/turn_program.h"

#include <sodium.h>
#include <stdio.h>

#include "base/clock.h"
#include "model/hosted_server.h"
#include "model/program.h"
#include "store/seal.h"
#include "turn/call_judge.h"
#include "turn/turn_ask.h"
#include "turn/turn_ask_id.h"
#include "turn/turn_calls.h"
#include "turn/turn_output_parts.h"

enum { CLIENTS_INDEX = -2 /* of no engine's call */ };

/* --- the whole context, as one list -------------------------------------------------------------------------------- */

struct program_context {
	struct item *items;
	size_t n, input, made; /* where the input begins, and what this turn made */
};

/* Few contexts have a program; the others are not copied. */
static bool program_none(const struct turn *t)
{
	for (size_t i = 0; i < t->context.n_history; i++)
		if (t->context.history[i].type == ITEM_PROGRAM)
			return false;
	for (size_t i = 0; i < t->context.n_input; i++)
		if (t->context.input[i].type == ITEM_PROGRAM)
			return false;
	for (const struct out_item *it = t->out.first; it; it = it->next)
		if (it->type == ITEM_PROGRAM)
			return false;
	return true;
}

static struct program_context context_of(struct turn *t)
{
	size_t most = t->context.n_history + t->context.n_input + (size_t)t->out.n;
	struct program_context ctx = {.items = new_array(&t->arena, struct item, most + 1)};
	for (size_t i = 0; i < t->context.n_history; i++)
		ctx.items[ctx.n++] = t->context.history[i];
	ctx.input = ctx.n;
	for (size_t i = 0; i < t->context.n_input; i++)
		ctx.items[ctx.n++] = t->context.input[i];
	ctx.made = ctx.n;
	for (const struct out_item *it = t->out.first; it; it = it->next)
		ctx.n += it->json.n && item_view(&t->arena, it->json, &ctx.items[ctx.n]);
	return ctx;
}

static bool program_open(const struct program_context *ctx, size_t at)
{
	if (ctx->items[at].type != ITEM_PROGRAM)
		return false;
	for (size_t i = 0; i < ctx->n; i++)
		if (program_ended_by(&ctx->items[i], ctx->items[at].call_id))
			return false;
	return true;
}

static const struct function_tool *program_tool(const struct turn *t)
{
	for (size_t i = 0; i < t->req.n_tools; i++)
		if (t->req.tools[i].hosted && t->req.tools[i].hosted->ends_in == ITEM_PROGRAM_OUTPUT)
			return &t->req.tools[i];
	return NULL;
}

/* --- the fingerprint ------------------------------------------------------------------------------------------------ */

/* "NOW HASH", sealed: a program that goes on is one that a model wrote here, and its clock still says the same. */
static struct str fingerprint_text(struct turn *t, int64_t now, struct str code)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof hash + 1];
	crypto_hash_sha256(hash, (const unsigned char *)(code.p ? code.p : ""), code.n);
	sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
	return str_fmt(&t->arena, "%lld %s", (long long)now, hex);
}

static bool fingerprint_open(struct turn *t, const struct item *it, int64_t *now)
{
	struct str sealed = json_str(json_get(it->val, S("fingerprint"))), code = json_str(json_get(it->val, S("code"))), plain, rest;
	struct err why = {0};
	if (!seal_open(t->api->api->options.store, t->project, str_of(item_rows[ITEM_PROGRAM].wire), sealed, &t->arena, &plain, &why))
		return false;
	rest = plain;
	return str_int(str_cut(&rest, ' '), now) && str_eq(plain, fingerprint_text(t, *now, code));
}

/* --- its items ------------------------------------------------------------------------------------------------------ */

static struct str program_members(struct turn *t, const struct turn_program *p, struct str code, struct str fingerprint)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_kstr(&o, "call_id", p->call_id);
	jo_kstr(&o, "code", code);
	jo_kstr(&o, "fingerprint", fingerprint);
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

/* With what its engine wants back of the call. */
static struct str program_kept(struct turn *t, struct out_origin *origin, struct str members)
{
	origin_settle(t, origin);
	if (!origin->json.n)
		return members;
	return str_fmt(&t->arena, "%.*s,\"" ITEM_OURS_NAME "\":{%.*s}", FMT(members), FMT(origin->json));
}

void turn_program_open(struct turn *t, struct hosted_call *c)
{
	struct turn_program *p = c->program = new (&t->arena, struct turn_program);
	struct str code = json_str(json_get(c->args, c->tool->hosted->text.member));
	*p = (struct turn_program){.call_id = origin_call_id(t), .code = code, .now = clock_wall_s()};
	struct str print = seal_text(t->api->api->options.store, t->project, str_of(item_rows[ITEM_PROGRAM].wire),
				     fingerprint_text(t, p->now, code), &t->arena);
	struct out_item *it = item_open(t, ITEM_PROGRAM);
	if (!it)
		return;
	it->tool = c->tool;
	it->call_index = -1;
	it->hosted.members = program_members(t, p, S(""), print);
	item_added(t, it);
	it->origin = c->origin;
	c->origin = (struct out_origin){0};
	it->hosted.members = program_kept(t, &it->origin, program_members(t, p, code, print));
	t->out.bytes += it->hosted.members.n;
	item_finish(t, it, true);
}

static struct str output_members(struct turn *t, const struct turn_program *p, struct str result)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_kstr(&o, "call_id", p->call_id);
	jo_kstr(&o, "result", result);
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

static struct out_item *program_end(struct turn *t, const struct function_tool *tool, struct turn_program *p, struct str result,
				    bool whole)
{
	struct out_item *it = item_open(t, ITEM_PROGRAM_OUTPUT);
	p->told = true;
	if (!it)
		return NULL;
	it->tool = tool;
	it->call_index = -1;
	it->whole = whole;
	it->hosted.members = output_members(t, p, S(""));
	item_added(t, it);
	it->hosted.members = output_members(t, p, result);
	t->out.bytes += result.n;
	item_finish(t, it, whole);
	return it;
}

void turn_program_tell(struct turn *t, struct hosted_call *c)
{
	struct turn_program *p = c->program;
	if (p->result.p && !p->told)
		c->item = program_end(t, c->tool, p, p->result, !p->failed);
}

/* --- what a run is given --------------------------------------------------------------------------------------------- */

struct program_answer {
	const char *kind; /* as script.h has them: "t", "j", "e" */
	struct str name, args, value;
	bool maybe; /* it may as well be the answer of a call of the model's own */
};

static void write_answer(struct jout *o, const struct program_answer *one)
{
	jo_arr(o);
	jo_str(o, str_of(one->kind));
	jo_str(o, one->name);
	jo_str(o, one->args.p ? one->args : S("{}"));
	jo_str(o, one->value);
	jo_bool(o, one->maybe);
	jo_arr_end(o);
}

static const struct item *output_of(const struct program_context *ctx, const struct item *call)
{
	for (size_t i = 0; i < ctx->n; i++)
		if (item_rows[ctx->items[i].type].flags & ITEM_CALL_OUTPUT && str_eq(ctx->items[i].call_id, call->call_id))
			return &ctx->items[i];
	return NULL;
}

/* What a patch came to, as an object; of all others the output. */
static struct str program_output_text(struct turn *t, const struct item *out, bool *json)
{
	yyjson_val *v = json_get(out->val, S("output"));
	struct buf b;
	if (out->type != ITEM_APPLY_PATCH_CALL_OUTPUT) {
		*json |= !yyjson_is_str(v);
		return !v ? (struct str){0} : yyjson_is_str(v) ? json_str(v) : json_text(&t->arena, v);
	}
	*json = true;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_member(&o, out->val, S("status"));
	jo_member(&o, out->val, S("output"));
	jo_obj_end(&o);
	struct str text = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return text;
}

/* A client's answer: JSON where the tool says what its output is, or where it has parts; else text. */
static void write_clients(struct turn *t, struct jout *o, const struct program_context *ctx, const struct item *call)
{
	const struct item *out = output_of(ctx, call);
	struct str name = call_item_name(&t->arena, t->req.tools, t->req.n_tools, t->req.index, call);
	const struct function_tool *f = call_tool(t->req.tools, t->req.n_tools, name);
	bool custom = call->type == ITEM_CUSTOM_TOOL_CALL;
	bool json = !custom && f && yyjson_is_obj(json_get(f->given, S("output_schema")));
	struct str value = out ? program_output_text(t, out, &json) : (struct str){0};
	if (!value.p)
		return;
	write_answer(o, &(struct program_answer){
			    .kind = json ? "j" : "t",
			    .name = name,
			    .args = custom ? json_str(json_get(call->val, S("input")))
					   : call_rows[call_kind_of_item(call->type)].arguments(&t->arena, call->val),
			    .value = value});
}

/* A call that the user refused: there is no item of it. */
static void write_refused(struct turn *t, struct jout *o, const struct item *asked)
{
	struct str refused = turn_ask_refused(t, asked);
	if (refused.p)
		write_answer(o, &(struct program_answer){
				    .kind = "e",
				    .name = call_item_name(&t->arena, t->req.tools, t->req.n_tools, t->req.index, asked),
				    .args = json_str(json_get(asked->val, S("arguments"))),
				    .value = refused});
}

/* One of ours. `maybe`: what we keep of it, which says whose it is, is not there. */
static void write_hosted(struct turn *t, struct jout *o, const struct item *it, bool maybe)
{
	const struct hosted *h = hosted_of_item(it->type);
	yyjson_val *ours = json_get(it->val, ITEM_OURS), *error = json_get(it->val, S("error"));
	struct str args = json_str(json_get(ours, S("asked"))), value = json_str(json_get(it->val, S("output")));
	bool failed = str_eq(json_str(json_get(it->val, S("status"))), S("failed")) || (error && !yyjson_is_null(error));
	if (!args.p)
		args = h->arguments(&t->arena, it->val);
	if (failed || !value.p)
		value = hosted_told(&t->arena, it);
	write_answer(o, &(struct program_answer){.kind = failed ? "e" : "t",
						 .name = call_item_name(&t->arena, t->req.tools, t->req.n_tools, t->req.index, it),
						 .args = args,
						 .value = value,
						 .maybe = maybe});
}

static void write_answers(struct turn *t, struct jout *o, const struct turn_program *p)
{
	struct program_context ctx = context_of(t);
	bool behind = false; /* the program itself */
	jo_arr(o);
	for (size_t i = 0; i < ctx.n; i++) {
		const struct item *it = &ctx.items[i];
		const struct hosted *h = hosted_of_item(it->type);
		bool own = str_eq(it->caller, p->call_id), whose = i < ctx.made && !it->ours && h && it->type == h->item;
		behind |= it->type == ITEM_PROGRAM && str_eq(it->call_id, p->call_id);
		if (own && ask_is(it))
			write_refused(t, o, it);
		else if (own && h)
			write_hosted(t, o, it, false);
		else if (own && item_rows[it->type].flags & ITEM_CALL)
			write_clients(t, o, &ctx, it);
		else if (behind && whose && !h->ends_in)
			write_hosted(t, o, it, true);
	}
	jo_arr_end(o);
}

/* Of tools whose items have members for the arguments: which. */
static struct str program_tool_members(struct turn *t, const struct function_tool *f)
{
	struct buf b;
	size_t i, max;
	yyjson_val *key, *val;
	if ((f->hosted && !f->hosted->result.type) || f->kind == CALL_FUNCTION || f->kind == CALL_CUSTOM)
		return S("");
	buf_init(&b, SIZE_MAX / 2);
	yyjson_obj_foreach(json_get(f->parameters, S("properties")), i, max, key, val)
	{
		buf_fmt(&b, "%s%.*s", i ? "," : "", FMT(json_str(key)));
	}
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

static void write_tools(struct turn *t, struct jout *o)
{
	jo_arr(o);
	for (size_t i = 0; i < t->req.n_tools; i++) {
		const struct function_tool *f = &t->req.tools[i];
		if (!tool_for_programs(f))
			continue;
		jo_arr(o);
		jo_str(o, f->name);
		jo_bool(o, f->kind == CALL_CUSTOM);
		jo_str(o, program_tool_members(t, f));
		jo_arr_end(o);
	}
	jo_arr_end(o);
}

void turn_program_ask(struct turn *t, struct hosted_call *c, struct tool_ask *ask)
{
	struct err none = {0};
	yyjson_val *args = NULL;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "code", c->program->code);
	jo_kint(&o, "now", c->program->now);
	jo_key(&o, S("tools"));
	write_tools(t, &o);
	jo_key(&o, S("answers"));
	write_answers(t, &o, c->program);
	jo_obj_end(&o);
	json_parse(&t->arena, str_copy(&t->arena, buf_str(&b)), &args, &none);
	buf_release(&b);
	ask->args = args;
}

/* --- what comes of a run --------------------------------------------------------------------------------------------- */

/* A custom tool's input, as an engine would give it. */
static struct str as_input(struct turn *t, struct str text)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "input", text);
	jo_obj_end(&o);
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return json;
}

/* In the place of what an engine wants back of a call: who made it, and with which arguments, to find the answer by. */
static struct str asked_by(struct turn *t, struct str caller, struct str asked)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_kstr(&o, "caller", caller);
	jo_kstr(&o, "asked", asked);
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

/* false: there is no such tool for programs; a box that was overcome may say anything. */
static bool call_add(struct turn *t, const struct turn_program *p, yyjson_val *call, bool *waits)
{
	struct str name = json_str(yyjson_arr_get(call, 0)), text = json_str(yyjson_arr_get(call, 1));
	const struct function_tool *f = call_tool(t->req.tools, t->req.n_tools, name);
	if (!f || !tool_for_programs(f) || !text.p)
		return false;
	text = str_copy(&t->arena, text);
	struct hosted_call *c = turn_tools_add(t, f, f->name, f->kind == CALL_CUSTOM ? as_input(t, text) : text);
	c->caller = p->call_id;
	c->clients = !f->hosted;
	if (f->hosted) {
		if (!f->hosted->result.type) /* its items say it themselves */
			c->origin.json = asked_by(t, c->caller, text);
		call_judge(t, c);
		c->judged = true;
	}
	*waits |= c->clients || c->asked;
	return true;
}

bool turn_program_approved(struct turn *t, const struct function_tool *f, const struct turn_answer *one)
{
	if (!f || !tool_for_programs(f) || !ask_defined(t, f, &one->id))
		return false;
	struct hosted_call *c = turn_tools_add(t, f, f->name, one->call.arguments);
	c->caller = one->call.caller;
	c->approval = one->id_text;
	c->origin.json = asked_by(t, c->caller, one->call.arguments);
	return true;
}

/* Why a call of these cannot become an item with such members; {0}: all can. A shell's call without commands cannot. */
static struct str calls_misfit(struct turn *t, yyjson_val *calls)
{
	size_t i, max;
	yyjson_val *one, *args;
	yyjson_arr_foreach(calls, i, max, one)
	{
		struct err e = {0};
		const struct function_tool *f = call_tool(t->req.tools, t->req.n_tools, json_str(yyjson_arr_get(one, 0)));
		if (!f || (f->hosted && !f->hosted->result.type) || f->kind == CALL_FUNCTION || f->kind == CALL_CUSTOM)
			continue;
		if (!json_parse(&t->arena, str_copy(&t->arena, json_str(yyjson_arr_get(one, 1))), &args, &e) ||
		    !(f->hosted ? tool_fits(f->hosted, args, &e) : call_fits(f, args, &e)))
			return str_fmt(&t->arena, "%s", e.msg);
	}
	return (struct str){0};
}

static void run_add(struct turn *t, const struct function_tool *tool, struct turn_program *p)
{
	struct hosted_call *c = turn_tools_add(t, tool, tool->name, S(""));
	c->program = p;
	c->judged = true;
}

void turn_program_done(struct turn *t, struct hosted_call *c, const struct tool_result *r)
{
	struct err none = {0};
	yyjson_val *calls = NULL, *one;
	size_t i, max;
	bool waits = false, known = true;
	c->done = true;
	if (r->calls.n)
		json_parse(&t->arena, str_copy(&t->arena, r->calls), &calls, &none);
	if (!yyjson_arr_size(calls)) {
		c->program->failed = r->failed;
		c->program->result = str_copy(&t->arena, r->said.p ? r->said : S(""));
		return;
	}
	c->program->result = calls_misfit(t, calls);
	c->program->failed = c->program->result.n;
	if (c->program->failed)
		return;
	yyjson_arr_foreach(calls, i, max, one)
		known = known && call_add(t, c->program, one, &waits);
	if (!known) {
		c->program->failed = true;
		c->program->result = S("The program broke its engine.");
	} else if (!waits) {
		run_add(t, c->tool, c->program);
	}
	t->out.tools.begun = false; /* the calls stand, and are in the log, before they run */
}

void turn_program_tell_call(struct turn *t, struct hosted_call *c)
{
	struct out_item *it = item_open(t, call_item(c->tool));
	if (!it)
		return;
	it->tool = c->tool;
	it->call_index = CLIENTS_INDEX;
	it->call_id = origin_call_id(t);
	it->caller = c->caller;
	item_added(t, it);
	call_more(t, &(struct model_event){.kind = ME_CALL_ARGS, .index = CLIENTS_INDEX, .text = buf_str(&c->text)});
	if (!t->out.too_big)
		call_close(t, it, true);
}

/* --- from turn to turn ------------------------------------------------------------------------------------------------ */

bool turn_programs_read(struct turn *t, struct err *e)
{
	if (program_none(t))
		return true;
	struct program_context ctx = context_of(t);
	for (size_t i = 0; i < ctx.made; i++) {
		char path[128] = "", place[128];
		int64_t now;
		if (!program_open(&ctx, i))
			continue;
		if (t->req.compact_now || t->kind)
			return fail(e, ERR_BAD_REQUEST, "input",
				    "The program '%.*s' has not ended: answer its calls first, and compact then.", FMT(ctx.items[i].call_id));
		if (!program_tool(t))
			return fail(e, ERR_BAD_REQUEST, "tools",
				    "The program '%.*s' has not ended: 'tools' needs 'programmatic_tool_calling', and the tools that it calls.",
				    FMT(ctx.items[i].call_id));
		if (i >= ctx.input)
			field_index(path, "input", i - ctx.input);
		field_path(place, path, "fingerprint");
		if (!fingerprint_open(t, &ctx.items[i], &now))
			return fail(e, ERR_INVALID_VALUE, i >= ctx.input ? place : "input",
				    "Invalid fingerprint: the program '%.*s' is not one that was written here, or it was changed.",
				    FMT(ctx.items[i].call_id));
	}
	return true;
}

static struct turn_program *program_read(struct turn *t, const struct item *it)
{
	struct turn_program *p = new (&t->arena, struct turn_program);
	*p = (struct turn_program){.call_id = it->call_id, .code = json_str(json_get(it->val, S("code")))};
	if (!fingerprint_open(t, it, &p->now))
		p->now = 0; /* it was looked at when the request came */
	return p;
}

bool turn_programs_open(struct turn *t)
{
	if (program_none(t))
		return false;
	struct program_context ctx = context_of(t);
	for (size_t i = 0; i < ctx.n; i++)
		if (program_open(&ctx, i))
			return true;
	return false;
}

bool turn_programs_wait(struct turn *t)
{
	if (program_none(t))
		return false;
	struct program_context ctx = context_of(t);
	for (size_t i = ctx.made; i < ctx.n; i++)
		if (ctx.items[i].caller.n && item_rows[ctx.items[i].type].flags & ITEM_CALL &&
		    call_kind_of_item(ctx.items[i].type) != CALL_OURS && !output_of(&ctx, &ctx.items[i]))
			return true;
	return false;
}

bool turn_programs_run(struct turn *t)
{
	if (program_none(t))
		return false;
	struct program_context ctx = context_of(t);
	const struct function_tool *tool = program_tool(t);
	bool any = false;
	for (size_t i = 0; tool && i < ctx.n; i++) {
		if (!program_open(&ctx, i))
			continue;
		run_add(t, tool, program_read(t, &ctx.items[i]));
		any = true;
	}
	return any;
}

void turn_programs_cut(struct turn *t)
{
	if (program_none(t))
		return;
	struct program_context ctx = context_of(t);
	const struct function_tool *tool = program_tool(t);
	for (size_t i = 0; tool && i < ctx.n; i++)
		if (program_open(&ctx, i))
			program_end(t, tool, program_read(t, &ctx.items[i]), S("It was cut off."), false);
}
