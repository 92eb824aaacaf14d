/* chat_render.c - a prompt as the body of POST /v1/chat/completions.
 *
 * Nothing here depends on time, addresses or map order: the same history makes the same bytes, so that the
 * engine's prefix cache hits. */
#include <assert.h>
#include <string.h>

#include "engine/chat.h"
#include "engine/chat_calls.h"
#include "engine/forced.h"
#include "engine/giving.h"
#include "engine/prompt_tidy.h"
#include "wire/json.h"

struct render {
	struct arena *a;
	struct jout o;
	struct prompt p; /* a copy that is tidied */
	const struct chat_options *opt;
	struct forced_set forced; /* tools by schema; n 0: not so */
	const struct function_tool *written; /* its input alone is written, by `gbnf` (grammar.h); NULL: not so */
	struct str gbnf;
	bool as_text;             /* the template knows neither calls nor tool results */
	struct giving give;
};

static int trait(const struct render *r, enum trait t)
{
	return chat_trait(r->opt, t);
}

/* --- content -------------------------------------------------------------------------------------------- */

static bool all_text(const struct prompt_message *m)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind != PART_TEXT)
			return false;
	return true;
}

/* Engines join text parts each in their own way, so we do it: by line breaks. */
static void add_texts(struct buf *b, const struct prompt_message *m)
{
	for (size_t i = 0; i < m->n_parts; i++) {
		if (i)
			buf_byte(b, '\n');
		buf_add(b, m->parts[i].text);
	}
}

static struct str texts(struct arena *a, const struct prompt_message *m)
{
	size_t n = 0;
	if (m->n_parts == 1)
		return m->parts[0].text.p ? m->parts[0].text : S("");
	for (size_t i = 0; i < m->n_parts; i++)
		n += m->parts[i].text.n + 1;
	char *p = arena_bytes(a, n + 1), *at = p;
	for (size_t i = 0; i < m->n_parts; i++) {
		if (i)
			*at++ = '\n';
		if (m->parts[i].text.n)
			memcpy(at, m->parts[i].text.p, m->parts[i].text.n);
		at += m->parts[i].text.n;
	}
	return (struct str){p, (size_t)(at - p)};
}

static void chat_render_put_part(struct jout *o, const struct prompt_part *part)
{
	assert(part->from != FROM_FILE); /* attach/attach.h: it is in the prompt by now */
	jo_obj(o);
	switch (part->kind) {
	case PART_TEXT:
		jo_kstr(o, "type", S("text"));
		jo_kstr(o, "text", part->text);
		break;
	case PART_IMAGE:
		jo_kstr(o, "type", S("image_url"));
		jo_key(o, S("image_url"));
		jo_obj(o);
		jo_kstr(o, "url", part->text);
		if (part->detail.n)
			jo_kstr(o, "detail", part->detail);
		jo_obj_end(o);
		break;
	case PART_AUDIO:
		jo_kstr(o, "type", S("input_audio"));
		jo_key(o, S("input_audio"));
		jo_obj(o);
		jo_kstr(o, "data", part->text);
		jo_kstr(o, "format", part->detail.n ? part->detail : S("wav"));
		jo_obj_end(o);
		break;
	case PART_FILE:
		jo_kstr(o, "type", S("file"));
		jo_key(o, S("file"));
		jo_obj(o);
		if (part->detail.n)
			jo_kstr(o, "filename", part->detail);
		jo_kstr(o, "file_data", part->text);
		jo_obj_end(o);
		break;
	}
	jo_obj_end(o);
}

static void chat_render_put_content(struct render *r, const struct prompt_message *m)
{
	jo_key(&r->o, S("content"));
	if (all_text(m)) {
		jo_str(&r->o, texts(r->a, m));
		return;
	}
	jo_arr(&r->o);
	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].kind != PART_TEXT || m->parts[i].text.n) /* empty: only the joint of two messages */
			chat_render_put_part(&r->o, &m->parts[i]);
	jo_arr_end(&r->o);
}

/* --- messages ------------------------------------------------------------------------------------------- */

static void chat_render_put_calls(struct render *r, const struct prompt_message *m)
{
	char id[9];
	giving_ids(&r->give, m);
	jo_key(&r->o, S("tool_calls"));
	jo_arr(&r->o);
	for (size_t i = 0; i < m->n_calls; i++) {
		jo_obj(&r->o);
		jo_kstr(&r->o, "id", giving_id(&r->give, id, m->calls[i].call_id));
		jo_kstr(&r->o, "type", S("function"));
		jo_key(&r->o, S("function"));
		jo_obj(&r->o);
		jo_kstr(&r->o, "name", m->calls[i].name);
		jo_kstr(&r->o, "arguments", call_object(r->a, m->calls[i].arguments));
		giving_marks(&r->give, &r->o, &m->calls[i].origin, 1, MARK_FUNCTION);
		jo_obj_end(&r->o);
		giving_marks(&r->give, &r->o, &m->calls[i].origin, 1, MARK_CALL);
		jo_obj_end(&r->o);
	}
	jo_arr_end(&r->o);
}

static void chat_render_put_message(struct render *r, const struct prompt_message *m)
{
	static const struct str roles[] = {STR("system"), STR("user"), STR("assistant"), STR("tool")};
	char id[9];
	jo_obj(&r->o);
	jo_kstr(&r->o, "role", roles[m->role]);
	if (m->role == ROLE_TOOL)
		jo_kstr(&r->o, "tool_call_id", giving_id(&r->give, id, m->call_id));
	if (m->n_calls && !m->n_parts)
		jo_knull(&r->o, "content"); /* templates ask for this very form, "content is none" */
	else
		chat_render_put_content(r, m);
	struct str thoughts = giving_thoughts(&r->give, m);
	if (m->reasoning.n && thoughts.n) {
		jo_key(&r->o, thoughts);
		jo_str(&r->o, m->reasoning);
	}
	giving_marks(&r->give, &r->o, m->origins, m->n_origins, MARK_MESSAGE);
	if (m->n_calls)
		chat_render_put_calls(r, m);
	jo_obj_end(&r->o);
}

static void chat_render_put_text(struct render *r, struct str role, struct str text)
{
	jo_obj(&r->o);
	jo_kstr(&r->o, "role", role);
	jo_kstr(&r->o, "content", text);
	jo_obj_end(&r->o);
}

/* --- without templates for tools ------------------------------------------------------------------------ */

/* An assistant's calls become the JSON that forced_schema() would have had it write. */
static void calls_to_text(struct render *r, struct prompt_message *m)
{
	struct buf b;
	buf_init(&b, r->o.b->max);
	struct jout o = {.b = &b};
	if (m->n_calls > 1) {
		jo_obj(&o);
		jo_key(&o, S("calls"));
		jo_arr(&o);
	}
	for (size_t i = 0; i < m->n_calls; i++) {
		struct prompt_call call = m->calls[i];
		call.arguments = call_object(r->a, call.arguments);
		forced_call(&o, &call);
	}
	if (m->n_calls > 1) {
		jo_arr_end(&o);
		jo_obj_end(&o);
	}
	prompt_add_text(r->a, m, str_copy(r->a, buf_str(&b)));
	buf_release(&b);
	m->n_calls = 0;
}

/* Calls and their results as plain messages; the results are said by the user. */
static void history_to_text(struct render *r)
{
	struct str name = {0};
	const struct prompt_message *caller = NULL;
	struct prompt *p = &r->p;
	struct prompt_message *was = p->messages;
	size_t n = p->n;
	p->messages = NULL;
	p->n = p->cap = 0;
	for (size_t i = 0; i < n; i++) {
		struct prompt_message *m = prompt_add(r->a, p, was[i].role == ROLE_TOOL ? ROLE_USER : was[i].role);
		if (was[i].role != ROLE_TOOL) {
			*m = was[i];
			if (m->n_calls)
				calls_to_text(r, m);
			caller = &was[i];
			continue;
		}
		name = S("the function");
		for (size_t j = 0; caller && j < caller->n_calls; j++)
			if (str_eq(caller->calls[j].call_id, was[i].call_id))
				name = caller->calls[j].name;
		prompt_add_text(r->a, m, str_fmt(r->a, "Result of %.*s:", FMT(name)));
		for (size_t j = 0; j < was[i].n_parts; j++) {
			prompt_add_text(r->a, m, S(""));
			m->parts[m->n_parts - 1] = was[i].parts[j];
		}
	}
	prompt_tidy(r->a, p);
}

/* --- the whole list ------------------------------------------------------------------------------------- */

/* What leads: the prompt's own system message or the shim, then what tools and format need to be said. */
static struct str system_text(struct render *r, const struct prompt_message *m)
{
	const struct format *f = &r->p.format;
	struct buf b;
	buf_init(&b, r->o.b->max);
	if (m)
		add_texts(&b, m);
	else
		buf_add(&b, r->opt->system);
	if (r->written || r->forced.n) {
		if (b.n)
			buf_add(&b, S("\n\n"));
		if (r->written)
			grammar_describe(&b, r->written);
		else
			forced_describe(&b, &r->forced);
	} else if (f->kind != FORMAT_TEXT && !r->opt->caps->schema) {
		if (b.n)
			buf_add(&b, S("\n\n"));
		buf_add(&b, S("Answer with one JSON object and nothing else: no explanation, no code fence."));
		if (f->schema) {
			struct jout o = {.b = &b};
			buf_add(&b, S(" It must fit this JSON schema:\n"));
			jo_val(&o, f->schema);
		}
	}
	if (b.over)
		r->o.b->over = true;
	struct str text = str_copy(r->a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* The strictest templates (Gemma's, Mistral's) raise unless a user speaks first, and continue or repeat an
 * assistant message that stands last; some hosts refuse an empty message. So a missing first turn is filled
 * with "Begin.", a missing last one with "Continue."; and where the template is known to count turns (Mistral's
 * leave out calls and results), "Understood." stands between a result and the user's next words. */
static void put_messages(struct render *r)
{
	const struct prompt *p = &r->p;
	const struct prompt_message *m = p->messages, *end = m + p->n;
	bool own = p->n && m->role == ROLE_SYSTEM;
	struct str system = system_text(r, own ? m : NULL);
	if (own)
		m++;
	jo_key(&r->o, S("messages"));
	jo_arr(&r->o);
	if (system.n && r->opt->caps->system_role) {
		chat_render_put_text(r, S("system"), system);
		system = S("");
	}
	if (m == end || m->role != ROLE_USER) {
		chat_render_put_text(r, S("user"), system.n ? system : S("Begin."));
	} else if (system.n) {
		struct prompt_message first = {.role = ROLE_USER};
		prompt_add_text(r->a, &first, system);
		prompt_add_text(r->a, &first, S(""));
		for (size_t i = 0; i < m->n_parts; i++) {
			prompt_add_text(r->a, &first, S(""));
			first.parts[first.n_parts - 1] = m->parts[i];
		}
		chat_render_put_message(r, &first);
		m++;
	}
	for (; m < end; m++) {
		if (r->opt->caps->alternates && m->role == ROLE_USER && m > p->messages && m[-1].role == ROLE_TOOL)
			chat_render_put_text(r, S("assistant"), S("Understood."));
		chat_render_put_message(r, m);
	}
	if (p->n && end[-1].role == ROLE_ASSISTANT)
		chat_render_put_text(r, S("user"), S("Continue."));
	jo_arr_end(&r->o);
	giving_release(&r->give);
}

/* --- tools, format, sampling ---------------------------------------------------------------------------- */

static void put_tool(struct jout *o, const struct function_tool *t, bool strict)
{
	jo_obj(o);
	jo_kstr(o, "type", S("function"));
	jo_key(o, S("function"));
	jo_obj(o);
	jo_kstr(o, "name", t->name);
	if (t->description.n)
		jo_kstr(o, "description", t->description);
	jo_key(o, S("parameters"));
	if (yyjson_obj_size(t->parameters))
		jo_val(o, t->parameters);
	else
		jo_raw(o, S("{\"type\":\"object\",\"properties\":{}}"));
	if (strict)
		jo_kbool(o, "strict", t->strict);
	jo_obj_end(o);
	jo_obj_end(o);
}

/* What the client did not say is not said; and some engines refuse a list whose tools say different things. */
static bool strict_told(const struct render *r, const struct function_tool *t)
{
	const struct prompt *p = &r->p;
	int how = trait(r, TRAIT_STRICT);
	for (size_t i = 0; i < p->n_tools && how == STRICT_UNIFORM; i++)
		if (p->tools[i].strict_said != t->strict_said || p->tools[i].strict != t->strict)
			return false;
	return t->strict_said && how != STRICT_NO;
}

/* Do the messages tell of calls? Then some templates and hosts want the tools, too. */
static bool chat_render_has_calls(const struct prompt *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->messages[i].n_calls || p->messages[i].role == ROLE_TOOL)
			return true;
	return false;
}

/* llama.cpp understands tool_choice as a string only: a named function is that one alone, required. Some engines do not
 * know "none", so where no tool may be called none is shown. */
static void put_tools(struct render *r)
{
	static const struct str choices[] = {STR("auto"), STR("none"), STR("required"), STR("required")};
	const struct prompt *p = &r->p;
	if (!p->n_tools || !r->opt->caps->tools || r->written ||
	    (p->choice == CHOICE_NONE && !chat_render_has_calls(p)))
		return;
	jo_key(&r->o, S("tools"));
	jo_arr(&r->o);
	for (size_t i = 0; i < p->n_tools; i++)
		if (p->choice != CHOICE_NAMED || str_eq(p->tools[i].name, p->choice_name))
			put_tool(&r->o, &p->tools[i], strict_told(r, &p->tools[i]));
	jo_arr_end(&r->o);
	jo_kstr(&r->o, "tool_choice", choices[p->choice]);
	if (trait(r, TRAIT_PARALLEL) == 0)
		jo_kbool(&r->o, "parallel_tool_calls", p->parallel && r->opt->caps->parallel);
}

static void put_grammar(struct render *r)
{
	if (r->opt->caps->grammar == GRAMMAR_GBNF) {
		jo_kstr(&r->o, "grammar", r->gbnf);
		return;
	}
	jo_key(&r->o, S("structured_outputs"));
	jo_obj(&r->o);
	jo_kstr(&r->o, "grammar", r->gbnf);
	jo_obj_end(&r->o);
}

static void put_json_object(struct render *r)
{
	if (trait(r, TRAIT_JSON) == JSON_OBJECT) {
		jo_kstr(&r->o, "type", S("json_object"));
		return;
	}
	jo_kstr(&r->o, "type", S("json_schema"));
	jo_kraw(&r->o, "json_schema", S("{\"name\":\"json\",\"schema\":{\"type\":\"object\"}}"));
}

static void put_format(struct render *r)
{
	const struct format *f = &r->p.format;
	if (r->written) {
		put_grammar(r);
		return;
	}
	if (!r->opt->caps->schema || (!r->forced.n && f->kind == FORMAT_TEXT))
		return;
	jo_key(&r->o, S("response_format"));
	jo_obj(&r->o);
	if (!r->forced.n && f->kind == FORMAT_JSON_OBJECT) {
		put_json_object(r);
		jo_obj_end(&r->o);
		return;
	}
	jo_kstr(&r->o, "type", S("json_schema"));
	jo_key(&r->o, S("json_schema"));
	jo_obj(&r->o);
	jo_kstr(&r->o, "name", r->forced.n ? S("reply") : f->name);
	if (!r->forced.n && f->description.n)
		jo_kstr(&r->o, "description", f->description);
	jo_key(&r->o, S("schema"));
	if (r->forced.n)
		forced_schema(r->a, &r->o, &r->forced);
	else
		jo_val(&r->o, f->schema);
	jo_kbool(&r->o, "strict", r->forced.n || f->strict);
	jo_obj_end(&r->o);
	jo_obj_end(&r->o);
}

static bool effort_told(const struct render *r)
{
	return r->opt->traits && traits_effort(r->opt->traits, r->p.sampling.effort);
}

static void put_sampling(struct render *r)
{
	const struct sampling *s = &r->p.sampling;
	struct jout *o = &r->o;
	if (s->has_temperature || r->opt->temperature >= 0)
		jo_knum(o, "temperature", s->has_temperature ? s->temperature : r->opt->temperature);
	if (s->has_top_p)
		jo_knum(o, "top_p", s->top_p);
	if (s->has_frequency_penalty)
		jo_knum(o, "frequency_penalty", s->frequency_penalty);
	if (s->has_presence_penalty)
		jo_knum(o, "presence_penalty", s->presence_penalty);
	if (s->has_max_output_tokens || r->opt->max_tokens > 0) {
		jo_key(o, trait(r, TRAIT_LIMIT) == LIMIT_OLD ? S("max_tokens") : S("max_completion_tokens"));
		jo_int(o, s->has_max_output_tokens ? s->max_output_tokens : r->opt->max_tokens);
	}
	if (effort_told(r))
		jo_kstr(o, "reasoning_effort", s->effort);
	if (r->p.logprobs) {
		jo_kbool(o, "logprobs", true);
		if (s->has_top_logprobs && s->top_logprobs > 0)
			jo_kint(o, "top_logprobs", s->top_logprobs);
	}
}

/* The switch for thinking joins what the request itself gives to the template. */
static void put_template_kwargs(struct render *r, yyjson_val *given)
{
	size_t i, max;
	yyjson_val *key, *val;
	/* Thoughts would be held to the grammar, too. */
	bool off = (r->written || str_eq(r->p.sampling.effort, S("none"))) && r->opt->caps->thinking_switch;
	if (!off && !given)
		return;
	jo_key(&r->o, S("chat_template_kwargs"));
	if (given && !yyjson_is_obj(given)) {
		jo_val(&r->o, given);
		return;
	}
	jo_obj(&r->o);
	yyjson_obj_foreach(given, i, max, key, val)
	{
		off = off && !str_eq(json_str(key), S("enable_thinking"));
		jo_key(&r->o, json_str(key));
		jo_val(&r->o, val);
	}
	if (off)
		jo_kbool(&r->o, "enable_thinking", false);
	jo_obj_end(&r->o);
}

/* Keys that the request adds by the engine's `pass` list. None may say again what we have said. */
static bool put_passed(struct render *r, struct err *e)
{
	static const struct str ours[] = {STR("model"),          STR("messages"),    STR("stream"),
					  STR("stream_options"), STR("tools"),       STR("id_slot"),
					  STR("max_tokens"),     STR("tool_choice"), STR("temperature"),
					  STR("max_completion_tokens"),
					  STR("top_p"),          STR("logprobs"),    STR("response_format"),
					  STR("grammar"),        STR("structured_outputs")};
	yyjson_val *all = NULL, *key, *val, *kwargs = NULL;
	size_t i, max;
	struct str pass = r->p.sampling.pass;
	if (pass.n && !json_parse(r->a, str_fmt(r->a, "{%.*s}", FMT(pass)), &all, e))
		return false;
	yyjson_obj_foreach(all, i, max, key, val)
	{
		bool known = effort_told(r) && str_eq(json_str(key), S("reasoning_effort"));
		for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
			known |= str_eq(json_str(key), ours[k]);
		if (str_eq(json_str(key), S("chat_template_kwargs")))
			kwargs = val;
		else if (!known) {
			jo_key(&r->o, json_str(key));
			jo_val(&r->o, val);
		}
	}
	/* vLLM's name, which passes to every local engine; llama.cpp ignores it in silence and has its own. */
	val = json_get(all, S("repetition_penalty"));
	if (val && !json_get(all, S("repeat_penalty"))) {
		jo_key(&r->o, S("repeat_penalty"));
		jo_val(&r->o, val);
	}
	put_template_kwargs(r, kwargs);
	return true;
}

bool chat_render(struct arena *a, const struct prompt *p, const struct chat_options *o, struct buf *out, struct err *e)
{
	struct render r = {.a = a, .o = {.b = out}, .p = *p, .opt = o, .give = {a, o, {0}}};
	r.written = grammar_tool(a, o->caps->grammar, p, &r.gbnf);
	if (!r.written)
		r.forced = forced_choose(a, o, p);
	r.as_text = !o->caps->tools;
	r.p.messages = new_array(a, struct prompt_message, p->n + 1);
	if (p->n)
		memcpy(r.p.messages, p->messages, p->n * sizeof *p->messages);
	r.p.cap = p->n;
	for (size_t i = 0; i < p->n; i++) /* so that joining messages never writes into the caller's arrays */
		r.p.messages[i].cap_parts = r.p.messages[i].cap_calls = 0;
	prompt_tidy(a, &r.p);
	if (r.as_text)
		history_to_text(&r);
	jo_obj(&r.o);
	jo_kstr(&r.o, "model", o->model);
	put_messages(&r);
	put_tools(&r);
	put_format(&r);
	put_sampling(&r);
	if (!put_passed(&r, e))
		return false;
	jo_kbool(&r.o, "stream", true);
	if (o->usage && trait(&r, TRAIT_USAGE) == 0)
		jo_kraw(&r.o, "stream_options", S("{\"include_usage\":true}"));
	if (o->slot >= 0)
		jo_kint(&r.o, "id_slot", o->slot);
	jo_obj_end(&r.o);
	return out->over ? fail(e, ERR_TOO_LARGE, NULL, "The request is too large for the engine.") : true;
}
