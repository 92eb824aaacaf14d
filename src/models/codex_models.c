/* codex_models.c - the model catalog that Codex asks for. Seen in codex-cli 0.169.0: a model that is in no catalog makes
 * it warn and guess a context of its own. */
#include "models/codex_models.h"

/* What Codex tells the model first when its catalog says nothing better; its skills, tools and rules follow. */
static const struct str instructions =
	STR("You are a coding agent in the user's terminal. Read before you change anything. Keep changes small and in the "
	    "style of what is there. Use the tools: run commands to look and to check, patch files with apply_patch. When "
	    "the task is done and checked, say in a few words what you did.");

static void codex_models_write_one(struct jout *o, const struct engine_model *m, int priority)
{
	jo_obj(o);
	jo_kstr(o, "slug", m->name);
	jo_kstr(o, "display_name", m->name);
	jo_knull(o, "description");
	jo_kraw(o, "supported_reasoning_levels", S("[]"));
	jo_kstr(o, "shell_type", S("shell_command"));
	jo_kstr(o, "visibility", S("list"));
	jo_kbool(o, "supported_in_api", true);
	jo_kint(o, "priority", priority);
	jo_knull(o, "upgrade");
	jo_kstr(o, "base_instructions", instructions);
	jo_kbool(o, "supports_reasoning_summaries", false);
	jo_kbool(o, "support_verbosity", false);
	jo_knull(o, "default_verbosity");
	jo_kstr(o, "apply_patch_tool_type", S("freeform"));
	jo_kraw(o, "truncation_policy", S("{\"mode\":\"bytes\",\"limit\":10000}"));
	jo_kbool(o, "supports_parallel_tool_calls", true);
	if (m->context > 0)
		jo_kint(o, "context_window", m->context);
	jo_kraw(o, "experimental_supported_tools", S("[]"));
	jo_kraw(o, "input_modalities", m->vision ? S("[\"text\",\"image\"]") : S("[\"text\"]"));
	jo_obj_end(o);
}

void codex_models_write(struct jout *o, const struct engine_model *models, size_t n)
{
	jo_arr(o);
	for (size_t i = 0; i < n; i++)
		codex_models_write_one(o, &models[i], (int)i + 1);
	jo_arr_end(o);
}
