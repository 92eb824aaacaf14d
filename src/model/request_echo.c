/* request_echo.c - what a response repeats of its request, and what of it was not applied. */
#include "model/request_parts.h"

/* A string member as JSON; {0} (null) when absent. */
static struct str echo_str(struct reader *r, yyjson_val *v)
{
	if (!yyjson_is_str(v))
		return (struct str){0};
	struct jout o = {.b = &r->out};
	jo_val(&o, v);
	return take(r);
}

static void echo_reasoning(struct reader *r)
{
	yyjson_val *reasoning = json_get(r->body, S("reasoning"));
	struct str context = json_str(json_get(reasoning, S("context")));
	struct str mode = json_str(json_get(reasoning, S("mode")));
	struct jout o = {.b = &r->out};
	if (yyjson_obj_size(reasoning) == 0) {
		r->c->echo.reasoning =
			S("{\"context\":\"current_turn\",\"effort\":null,\"mode\":\"standard\",\"summary\":null}");
		return;
	}
	jo_obj(&o);
	jo_kstr(&o, "context", context.p && !str_eq(context, S("auto")) ? context : S("current_turn"));
	jo_kstr(&o, "effort", r->c->sampling.effort);
	jo_kstr(&o, "mode", mode.p ? mode : S("standard"));
	jo_kstr(&o, "summary", r->c->summary);
	jo_obj_end(&o);
	r->c->echo.reasoning = take(r);
}

/* prompt_cache_options with the defaults filled in, as the live API repeats them. */
static void echo_cache_options(struct reader *r)
{
	yyjson_val *options = json_get(r->body, S("prompt_cache_options"));
	struct str mode = json_str(json_get(options, S("mode"))), ttl = json_str(json_get(options, S("ttl")));
	struct jout o = {.b = &r->out};
	if (!yyjson_is_obj(options))
		return;
	jo_obj(&o);
	jo_kstr(&o, "mode", mode.p ? mode : S("implicit"));
	jo_kstr(&o, "ttl", ttl.p ? ttl : S("30m"));
	r->c->echo.comparison = json_str(json_get(options, S("comparison_response_id")));
	if (r->c->echo.comparison.n)
		jo_kstr(&o, "comparison_response_id", r->c->echo.comparison);
	jo_obj_end(&o);
	r->c->echo.prompt_cache_options = take(r);
}

/* The template that was used, as asked; its messages, which no list of items has, as instructions. */
static void echo_prompt(struct reader *r)
{
	yyjson_val *prompt = json_get(r->body, S("prompt"));
	struct create *c = r->c;
	struct jout o = {.b = &r->out};
	if (!r->filled)
		return;
	jo_obj(&o);
	jo_kstr(&o, "id", json_str(json_get(prompt, S("id"))));
	jo_key(&o, S("variables"));
	if (yyjson_is_obj(json_get(prompt, S("variables"))))
		jo_val(&o, json_get(prompt, S("variables")));
	else
		jo_raw(&o, S("{}"));
	jo_kstr(&o, "version", json_str(json_get(prompt, S("version"))));
	jo_obj_end(&o);
	c->echo.prompt = take(r);
	if (!c->n_template)
		return;
	o = (struct jout){.b = &r->out};
	jo_arr(&o);
	if (c->instructions.n) {
		jo_obj(&o);
		jo_kstr(&o, "type", S("message"));
		jo_kstr(&o, "role", S("developer"));
		jo_kstr(&o, "content", c->instructions);
		jo_obj_end(&o);
	}
	for (size_t i = 0; i < c->n_template; i++)
		jo_val(&o, c->template[i].val);
	jo_arr_end(&o);
	c->echo.instructions = take(r);
}

static yyjson_val *at_path(yyjson_val *v, struct str path)
{
	while (v && path.n)
		v = json_get(v, str_cut(&path, '.'));
	return v;
}

static void not_applied(struct reader *r, struct str name)
{
	if (r->out.n)
		buf_add(&r->out, S(", "));
	buf_add(&r->out, name);
}

/* The tool that has to be called and nothing else: its grammar can be enforced, if the engine takes it. */
static bool forced(const struct create *c, yyjson_val *tool, const struct function_tool **ret)
{
	for (size_t i = 0; i < c->n_tools; i++) {
		const struct function_tool *t = &c->tools[i];
		*ret = t;
		if (t->given == tool)
			return c->choice == CHOICE_NAMED ? str_eq(t->name, c->choice_name)
							 : c->choice == CHOICE_REQUIRED && c->n_tools == 1;
	}
	return false;
}

static bool searches(const struct create *c)
{
	for (size_t i = 0; i < c->n_tools; i++)
		if (c->tools[i].searches)
			return true;
	return false;
}

/* A Lark grammar is shown to the model. Beside a search of the client's our own has nothing to do; else that depends on
 * what waits for it (create_search_idle()). */
static void list_tools_not_applied(struct reader *r)
{
	size_t i, max;
	yyjson_val *tool;
	yyjson_arr_foreach(json_get(r->body, S("tools")), i, max, tool)
	{
		struct str type = json_str(json_get(tool, S("type")));
		const struct function_tool *t;
		bool lark = str_eq(json_str(json_get(json_get(tool, S("format")), S("syntax"))), S("lark"));
		struct str path = str_fmt(r->a, "tools[%zu].format", i);
		if (lark && forced(r->c, tool, &t)) {
			r->c->grammar_tool = t;
			r->c->grammar_path = path.p;
		} else if (lark) {
			not_applied(r, path);
		}
		if (str_eq(type, S("tool_search")) && !searches(r->c) && !str_eq(json_str(json_get(tool, S("execution"))), S("client")))
			not_applied(r, type);
	}
}

/* The queue of background responses goes by the tier. */
static bool tier_holds(const struct reader *r, struct str path, yyjson_val *v)
{
	return r->c->background && str_eq(path, S("service_tier")) && (str_eq(json_str(v), S("flex")) || str_eq(json_str(v), S("priority")));
}

static void list_not_applied(struct reader *r)
{
	static const struct {
		struct str path;
		const char *neutral[2]; /* values that ask for nothing special */
	} rows[] = {
#define ADVISORY(path, neutral, also) {STR(path), {neutral, also}},
#include "model/advisory.def"
#undef ADVISORY
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		yyjson_val *v = at_path(r->body, rows[i].path);
		bool neutral = !v || yyjson_is_null(v) || tier_holds(r, rows[i].path, v);
		for (int k = 0; k < 2 && !neutral; k++)
			neutral = rows[i].neutral[k] && str_eq(json_str(v), str_of(rows[i].neutral[k]));
		if (neutral)
			continue;
		not_applied(r, rows[i].path);
	}
	list_tools_not_applied(r);
	if (r->out.n)
		r->c->not_applied = take(r).p;
}

/* Never null: what the client leaves open is what engines do. */
static struct str echo_retention(struct reader *r)
{
	struct str asked = json_str(json_get(r->body, S("prompt_cache_retention")));
	return str_eq(asked, S("24h")) ? S("\"24h\"") : S("\"in_memory\"");
}

void echo_take(struct reader *r)
{
	struct create *c = r->c;
	yyjson_val *metadata = json_get(r->body, S("metadata"));
	c->echo.instructions = echo_str(r, json_get(r->body, S("instructions")));
	c->echo.safety_identifier = echo_str(r, json_get(r->body, S("safety_identifier")));
	c->echo.user = echo_str(r, json_get(r->body, S("user")));
	if (yyjson_is_obj(json_get(r->body, S("moderation"))))
		c->echo.moderation = json_text(r->a, json_get(r->body, S("moderation")));
	c->echo.prompt_cache_key = echo_str(r, json_get(r->body, S("prompt_cache_key")));
	c->echo.prompt_cache_retention = echo_retention(r);
	c->echo.service_tier = echo_str(r, json_get(r->body, S("service_tier")));
	c->echo.truncation = c->truncation_auto ? S("\"auto\"") : S("\"disabled\"");
	c->echo.metadata = yyjson_obj_size(metadata) ? json_text(r->a, metadata) : S("{}");
	if (c->conversation.p) {
		struct jout o = {.b = &r->out};
		jo_obj(&o);
		jo_kstr(&o, "id", c->conversation);
		jo_obj_end(&o);
		c->echo.conversation = take(r);
	}
	echo_prompt(r);
	echo_reasoning(r);
	echo_cache_options(r);
	list_not_applied(r);
}
