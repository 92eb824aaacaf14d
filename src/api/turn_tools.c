/* turn_tools.c - tools that are ours to run, within the turn: the engine is called again with their results.
 *
 * Today that is the search of the web in the server's own cache, which is empty (decision J2): the item itself says
 * what the engine is to know. */
#include "api/turn_tools.h"

#include "api/turn.h"

static bool hosted(const struct out_item *it)
{
	return it->tool && call_rows[it->tool->kind].flags & CALL_HOSTED;
}

static struct out_item *first_of_round(const struct turn *t)
{
	return t->out.rounds.last ? t->out.rounds.last->next : t->out.first;
}

/* A forced choice is kept once it was made; at the limits the model has to answer (decision J1). */
static void choose(struct turn *t)
{
	bool over = t->out.rounds.n >= api_limits.tool_rounds ||
		    (t->req.max_tool_calls && t->out.rounds.calls >= t->req.max_tool_calls);
	if (over)
		t->prompt.choice = CHOICE_NONE;
	else if (t->prompt.choice != CHOICE_NONE)
		t->prompt.choice = CHOICE_AUTO;
}

/* The finished items from `from` up to `last` (NULL: all) go to the engine. */
static bool tell_engine(struct turn *t, struct out_item *from, const struct out_item *last, struct err *e)
{
	struct item *items = new_array(&t->arena, struct item, (size_t)t->out.n + 1);
	size_t n = 0;
	for (struct out_item *it = from; it; it = it == last ? NULL : it->next)
		n += it->json.n && item_view(&t->arena, it->json, &items[n]);
	return prompt_add_items(&t->arena, &t->prompt, items, n, "", e);
}

bool turn_tools_between(const struct turn *t)
{
	for (const struct out_item *it = t->out.first; it; it = it->next)
		if (!it->done)
			return false;
	return t->out.last && hosted(t->out.last);
}

bool turn_tools_rejoin(struct turn *t, struct err *e)
{
	struct out_item *last = NULL;
	for (struct out_item *it = t->out.first; it; it = it->next)
		if (hosted(it) && it->json.n) {
			last = it;
			t->out.rounds.n = ++t->out.rounds.calls;
		}
	t->out.rounds.last = t->out.last;
	if (!last)
		return true;
	choose(t);
	return tell_engine(t, t->out.first, last, e);
}

bool turn_tools_next(struct turn *t, struct err *e)
{
	int64_t ours = 0;
	for (struct out_item *it = first_of_round(t); it; it = it->next) {
		if (it->tool && !hosted(it))
			return false; /* the client's turn */
		ours += hosted(it);
	}
	if (!ours || t->prompt.choice == CHOICE_NONE)
		return false;
	turn_close_items(t, true, false);
	if (!tell_engine(t, first_of_round(t), NULL, e))
		return false;
	t->out.rounds.n++;
	t->out.rounds.calls += ours;
	t->out.rounds.last = t->out.last;
	choose(t);
	return true;
}
