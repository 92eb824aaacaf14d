/* turn_found.c - our own search of deferred tools (tool_search), as the client sees it.
 *
 * The model sees deferred tools from the start while they are few: a search would cost it a further call, and small
 * models one mistake more. A client may not know a tool before a search has found it, so the first call of one is told
 * with its search: tool_search_call, tool_search_output, then the call. Of many (api.shown_tools) the model sees a
 * function that searches them; what that finds is told the same way, and shown from then on. The engine is never shown
 * either item (engine/prompt.c). */
#include "turn/turn_found.h"

#include "model/request_tools.h"
#include "model/tools_echo.h"
#include "tools/tool_search.h"
#include "turn/hosted_call.h"
#include "turn/turn_machine.h"
#include "turn/turn_output_parts.h"

/* What one search has found. */
struct found {
	const struct function_tool **tools;
	size_t n;
	struct str paths; /* their namespaces, servers and own names: a JSON array */
};

static struct str search_json(struct turn *t, const struct out_item *it, const struct found *f, bool done)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "id", it->at.id);
	jo_kstr(&o, "type", str_of(item_rows[it->type].wire));
	jo_kstr(&o, "status", done ? S("completed") : S("in_progress"));
	if (it->type == ITEM_TOOL_SEARCH_CALL) {
		jo_key(&o, S("arguments"));
		jo_obj(&o);
		if (done) {
			jo_key(&o, S("paths"));
			jo_raw(&o, f->paths);
		}
		jo_obj_end(&o);
	}
	jo_key(&o, S("call_id"));
	jo_null(&o);
	jo_kstr(&o, "execution", S("server"));
	if (it->type == ITEM_TOOL_SEARCH_OUTPUT) {
		jo_key(&o, S("tools"));
		create_found(&o, &t->arena, &t->req, f->tools, f->n);
	}
	jo_obj_end(&o);
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return json;
}

static void turn_found_tell(struct turn *t, enum item_type type, const struct found *f)
{
	struct out_item *it = item_open(t, type);
	if (!it)
		return;
	it->found = f->paths;
	tell_raw(&t->out.teller, &it->at, EV_ITEM_ADDED, turn_tells(t) ? search_json(t, it, f, false) : S(""));
	it->done = it->whole = true;
	it->json = it->shown = search_json(t, it, f, true);
	tell_raw(&t->out.teller, &it->at, EV_ITEM_DONE, it->json);
}

static struct str found_path(const struct function_tool *f)
{
	return f->space.n ? f->space : f->own;
}

static struct str found_paths(struct turn *t, const struct found *f)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	jo_arr(&o);
	for (size_t i = 0; i < f->n; i++) {
		size_t first = 0;
		while (!str_eq(found_path(f->tools[first]), found_path(f->tools[i])))
			first++;
		if (first == i)
			jo_str(&o, found_path(f->tools[i]));
	}
	jo_arr_end(&o);
	struct str paths = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return paths;
}

/* Found with it: what waited below the same namespace, or at the same server. */
static bool found_with(const struct function_tool *f, const struct function_tool *one)
{
	return f->searched && (one->group ? f->group == one->group
					  : f->definition && one->definition && str_eq(f->server, one->server));
}

void tool_found(struct turn *t, const struct function_tool *tool)
{
	struct found f = {0};
	if (!tool->unfound)
		return;
	f.tools = new_array(&t->arena, const struct function_tool *, t->req.n_tools + 1);
	for (size_t i = 0; i < t->req.n_tools; i++)
		if (found_with(&t->req.tools[i], tool))
			f.tools[f.n++] = &t->req.tools[i];
	if (!f.n)
		f.tools[f.n++] = tool;
	f.paths = found_paths(t, &f);
	for (const struct out_item *it = t->out.first; it; it = it->next)
		if (it->type == ITEM_TOOL_SEARCH_OUTPUT && str_eq(it->found, f.paths))
			return;
	turn_found_tell(t, ITEM_TOOL_SEARCH_CALL, &f);
	turn_found_tell(t, ITEM_TOOL_SEARCH_OUTPUT, &f);
}

/* --- many of them --- */

struct found_search {
	struct tool_search ranking;
	struct turn *turn;
	struct function_tool **waiting;
	struct str refusal; /* why nothing was asked; {0}: it was */
};

static void found_on_ranked(struct tool_search *s)
{
	turn_run(OWNER(s, struct found_search, ranking)->turn);
}

static struct str found_question(struct turn *t, struct hosted_call *c)
{
	struct err bad = {0};
	yyjson_val *v = NULL;
	json_parse(&t->arena, str_copy(&t->arena, buf_str(&c->text)), &v, &bad);
	return json_str(json_get(v, S("query")));
}

static void found_start(struct turn *t, struct hosted_call *c)
{
	struct found_search *fs = c->search = new (&t->arena, struct found_search);
	struct tool_search_ask ask = {.question = found_question(t, c), .most = (size_t)api_limits.found_tools};
	struct few_text *texts = new_array(&t->arena, struct few_text, t->req.n_tools + 1);
	*fs = (struct found_search){.turn = t, .ranking.done = found_on_ranked};
	fs->waiting = new_array(&t->arena, struct function_tool *, t->req.n_tools + 1);
	for (size_t i = 0; i < t->req.n_tools; i++) {
		struct function_tool *one = &t->req.tools[i];
		if (!create_unfound(&t->req, one))
			continue;
		texts[ask.n] = (struct few_text){str_fmt(&t->arena, "%.*s %.*s", FMT(one->space), FMT(one->own)),
						 one->description};
		fs->waiting[ask.n++] = one;
	}
	ask.texts = texts;
	if (!ask.question.n)
		fs->refusal = S("This search has no query. Call it again with a \"query\" of a few words.");
	else if (!tool_search_start(t->api->tools, &fs->ranking, &t->arena, &ask))
		fs->refusal = S("Too many calls of tools are waiting. Try again later.");
}

bool turn_found_waits(struct turn *t, struct hosted_call *c)
{
	if (!c->tool || !c->tool->searches || c->caller.n)
		return false;
	if (!c->search)
		found_start(t, c);
	return c->search->ranking.run;
}

void turn_found_cancel(struct hosted_call *c)
{
	if (c->search)
		tool_search_cancel(&c->search->ranking);
}

/* What is found waits no longer. */
static struct found found_settle(struct turn *t, const struct found_search *fs)
{
	struct found f = {.n = fs->ranking.n};
	f.tools = new_array(&t->arena, const struct function_tool *, f.n + 1);
	for (size_t i = 0; i < f.n; i++) {
		f.tools[i] = fs->waiting[fs->ranking.best[i]];
		fs->waiting[fs->ranking.best[i]]->unfound = false;
	}
	f.paths = found_paths(t, &f);
	return f;
}

struct str turn_found_search(struct turn *t, struct hosted_call *c)
{
	struct buf b;
	if (c->search->refusal.n)
		return c->search->refusal;
	struct found f = found_settle(t, c->search);
	turn_found_tell(t, ITEM_TOOL_SEARCH_CALL, &f);
	turn_found_tell(t, ITEM_TOOL_SEARCH_OUTPUT, &f);
	if (!f.n)
		return S("No tool has any of these words in its name or description. Try others, or answer without.");
	buf_init(&b, SIZE_MAX / 2);
	buf_add(&b, S("These tools were found, and can be called now:"));
	for (size_t i = 0; i < f.n; i++)
		buf_fmt(&b, "%s %.*s", i ? "," : "", FMT(f.tools[i]->name));
	struct str said = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	t->prompt.tools = create_offer(&t->arena, &t->req, (size_t)api_limits.shown_tools, &t->prompt.n_tools);
	return said;
}
