/* turn_template.c - the step TEMPLATE: a request's prompt template is looked up and filled into its body.
 *
 * What the request says is checked in shape before; what it means with its template in it, after. From here on the
 * turn is one whose client had sent all of it: a background run keeps the body with the template inside, and so the
 * version that it was queued with. */
#include "prompts/prompts.h"
#include "turn/turn_start.h"

static bool turn_template_fill(struct turn *t, struct err *e)
{
	struct template_view view;
	struct str body;
	yyjson_val *v;
	if (e->code || !json_parse(&t->arena, t->key.body, &v, e) || !prompt_view(&t->arena, t->key.template, &view, e) ||
	    !template_fill(&t->arena, v, &view, (size_t)api_limits.prompt_filled_bytes, &body, e))
		return false;
	t->key.body = body;
	t->key.filled = true;
	t->key.template = NULL;
	return turn_read(t, t->reader.form == REPLY_WS);
}

static void look_up(struct turn *t)
{
	struct str id, version;
	struct err e = {0};
	yyjson_val *v;
	if (json_parse(&t->arena, t->key.body, &v, &e))
		template_wanted(v, &id, &version);
	t->op.done = turn_on_store;
	store_get_template(t->api->store, &t->op, t->project, id, version, &t->arena, t->key.template);
}

enum flow step_template(struct turn *t)
{
	if (turn_failed(t))
		return turn_goto(t, STEP_REFUSE);
	if (!t->key.template)
		return turn_goto(t, STEP_CLAIM);
	if (!t->op.done) {
		look_up(t);
		return WAIT;
	}
	t->op.done = NULL;
	if (!turn_template_fill(t, turn_error(t)))
		return turn_goto(t, STEP_REFUSE);
	turn_known(t);
	return turn_goto(t, STEP_CLAIM);
}
