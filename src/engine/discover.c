/* discover.c - what an engine tells of itself. */
#include "engine/discover.h"

#include <string.h>

#include "engine/facts.h"
#include "wire/json.h"

static int64_t int_of(yyjson_val *v)
{
	if (yyjson_is_uint(v) && yyjson_get_uint(v) > INT64_MAX)
		return 0;
	return yyjson_is_int(v) && yyjson_get_sint(v) > 0 ? yyjson_get_sint(v) : 0;
}

static bool bool_of(yyjson_val *obj, struct str key, bool otherwise)
{
	yyjson_val *v = json_get(obj, key);
	return yyjson_is_bool(v) ? yyjson_get_bool(v) : otherwise;
}

bool props_read(struct str body, const struct engine_config *c, struct engine_facts *f)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *root;
	bool ok = json_parse(&a, body, &root, &e) && json_get(root, S("default_generation_settings"));
	if (ok) {
		yyjson_val *can = json_get(root, S("chat_template_caps")), *modes = json_get(root, S("modalities"));
		struct str template = json_str(json_get(root, S("chat_template")));
		f->llamacpp = true;
		f->dialect = DIALECT_LLAMACPP;
		f->short_ids = template.n && memmem(template.p, template.n, "length 9", 8); /* Mistral's raise so */
		f->count_path = S("/v1/chat/completions/input_tokens");
		f->slots = int_of(json_get(root, S("total_slots")));
		f->context = int_of(json_get(json_get(root, S("default_generation_settings")), S("n_ctx")));
		/* A template may print calls and yet have no place for the list of tools. */
		f->caps.grammar = GRAMMAR_GBNF;
		f->caps.tools = bool_of(can, S("supports_tool_calls"), false) && bool_of(can, S("supports_tools"), true);
		f->caps.parallel = bool_of(can, S("supports_parallel_tool_calls"), false);
		f->caps.system_role = bool_of(can, S("supports_system_role"), true);
		f->caps.vision = bool_of(modes, S("vision"), false);
		f->caps.audio = bool_of(modes, S("audio"), false);
		f->caps.alternates = template.n && memmem(template.p, template.n, "must alternate", 14);
		f->caps.thinking_switch = template.n && memmem(template.p, template.n, "enable_thinking", 15);
		f->pass = c->pass ? c->pass : engine_pass_local;
	}
	arena_free(&a);
	return ok;
}

static bool takes_input(yyjson_val *model, const char *what, bool otherwise)
{
	yyjson_val *modes = json_get(json_get(model, S("architecture")), S("input_modalities")), *one;
	size_t i, n;
	if (!yyjson_is_arr(modes))
		return otherwise;
	yyjson_arr_foreach(modes, i, n, one)
		if (yyjson_equals_str(one, what))
			return true;
	return false;
}

/* Engines name the context each in their own way; llama.cpp's n_ctx_train is not what it serves. */
static int64_t discover_context_of(yyjson_val *model)
{
	static const struct str names[] = {STR("max_model_len"), STR("context_length"), STR("context_window"),
	                                   STR("max_context_length")};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int64_t n = int_of(json_get(model, names[i]));
		if (n)
			return n;
	}
	return int_of(json_get(json_get(model, S("meta")), S("n_ctx")));
}

bool models_read(struct str body, const struct engine_config *c, int64_t now_s, struct engine_facts *f)
{
	struct arena *a = xalloc(sizeof *a), work = {0};
	struct err e = {0};
	yyjson_val *root = NULL, *data, *one;
	size_t i, n;
	if (!json_parse(&work, body, &root, &e) || !yyjson_is_arr(data = json_get(root, S("data")))) {
		arena_free(&work);
		xfree(a);
		return false;
	}
	struct listing *list = new_array(a, struct listing, yyjson_arr_size(data) + 1);
	size_t count = 0;
	yyjson_arr_foreach(data, i, n, one)
	{
		struct str id = json_str(json_get(one, S("id"))), owner = json_str(json_get(one, S("owned_by")));
		if (!id.n)
			continue;
		if (f->dialect == DIALECT_GENERIC)
			f->dialect = dialect_of_owner(owner);
		bool served_local = str_eq(owner, S("vllm")) || str_eq(owner, S("sglang"));
		if (str_eq(owner, S("vllm"))) {
			f->count_path = S("/tokenize"); /* takes a completion's members, and further ones */
			f->caps.grammar = GRAMMAR_STRUCTURED;
		}
		f->caps.thinking_switch |= served_local; /* both hand chat_template_kwargs to the template */
		if (!f->llamacpp && !served_local && !c->pass)
			f->pass = engine_pass_plain;
		int64_t created = int_of(json_get(one, S("created")));
		list[count++] = (struct listing){
		    .name = str_copy(a, id),
		    .owned_by = owner.n ? str_copy(a, owner) : str_copy(a, c->name),
		    .created = created ? created : now_s,
		    .context = f->llamacpp && f->context ? f->context : discover_context_of(one),
		    .vision = takes_input(one, "image", f->caps.vision),
		    .audio = takes_input(one, "audio", f->caps.audio),
		};
	}
	arena_free(&work);
	f->a = a;
	f->models = list;
	f->n_models = count;
	return true;
}

void models_by_hand(const struct engine_config *c, int64_t now_s, struct engine_facts *f)
{
	size_t n = c->n_models ? c->n_models : c->default_model.n ? 1 : 0;
	facts_free(f);
	if (!n)
		return;
	f->a = xalloc(sizeof *f->a);
	f->models = new_array(f->a, struct listing, n);
	f->n_models = n;
	for (size_t i = 0; i < n; i++)
		f->models[i] = (struct listing){
			.name = c->n_models ? c->models[i] : c->default_model,
			.owned_by = c->name,
			.created = now_s,
			.vision = f->caps.vision,
			.audio = f->caps.audio,
		};
}
