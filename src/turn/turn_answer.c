/* turn_answer.c - answers to what was asked before: found, looked up, and used. */
#include "turn/turn_answer.h"

#include <stdio.h>
#include <string.h>

#include "model/request_tools.h"
#include "turn/turn_ask_id.h"

#include "base/clock.h"
#include "base/map.h"
#include "store/approval.h"
#include "turn/turn_machine.h"
#include "turn/turn_program_ask.h"

enum { TRIES_MOST = 3 /* other turns use what this one has looked at */ };

/* What was asked and this request does not answer; what is known of it, and of what it answers. */
struct turn_asked {
	const struct item **open;
	size_t n_open, n; /* n: with the answers, which come first */
	struct id *ids;
	struct approval_state *states;
	int tries;
};

/* --- what this request says --------------------------------------------------------------------------------------
 */

static const struct item *ask_find_referred(struct turn *t, struct str id)
{
	size_t r = 0;
	for (size_t i = 0; i < t->req.n_items; i++) {
		struct item *it;
		if (t->req.items[i].type != ITEM_REFERENCE)
			continue;
		it = new (&t->arena, struct item);
		if (item_view(&t->arena, t->context.referred[r++].json, it) && ask_is(it) &&
		    str_eq(t->req.items[i].id, id))
			return it;
	}
	return NULL;
}

static const struct item *ask_find(struct turn *t, struct str id)
{
	const struct item *it = ask_find_in(t->context.history, t->context.n_history, id);
	if (!it)
		it = ask_find_in(t->req.items, t->req.n_items, id);
	return it ? it : ask_find_referred(t, id);
}

/* Can this request answer it? */
static bool answer_fits(struct turn *t, const struct item *asked, const char *place, struct turn_answer *ret,
			struct err *e)
{
	struct str text = ret->id_text;
	struct id bound;
	if (!asked || !id_parse(text, item_rows[asked->type].prefix, &ret->id))
		return fail(e, ERR_BAD_REQUEST, place, "Approval request with id '%.*s' not found.", FMT(text));
	ret->call.server = create_server(&t->req, asked);
	ret->call.name = asked->name;
	ret->call.arguments = json_str(json_get(asked->val, S("arguments")));
	ret->call.label = json_str(json_get(asked->val, ask_face(asked)->label));
	if (!ret->call.server)
		return fail(e, ERR_BAD_REQUEST, place,
			    "Approval request '%.*s' is for the server '%.*s', which is not among 'tools'.", FMT(text),
			    FMT(ret->call.label));
	bound = ret->id;
	ret->call.caller = asked->caller;
	ask_bind(t, &ret->call, &bound);
	if (!ask_bound_equal(&bound, &ret->id))
		return fail(e, ERR_BAD_REQUEST, place,
			    "Approval request '%.*s' was made for another call: its project, server, tool and "
			    "arguments have to "
			    "be those that were asked for.",
			    FMT(text));
	return id_made_at(&ret->id) + api_limits.approval_days * 86400 >= clock_wall_s() ||
	       fail(e, ERR_BAD_REQUEST, place, "Approval request '%.*s' is too old to be answered.", FMT(text));
}

/* What a model made in answer to all before it: those answers were used. */
static size_t ask_new_from(const struct turn *t)
{
	size_t from = 0;
	for (size_t i = 0; i < t->req.n_items; i++) {
		const struct item *it = &t->req.items[i];
		bool said = it->type == ITEM_MESSAGE ? str_eq(it->role, S("assistant"))
						     : item_rows[it->type].flags & ITEM_OUT && !ask_is(it);
		if (said)
			from = i + 1;
	}
	return from;
}

static bool answer_one(struct turn *t, const struct item *it, size_t at, struct turn_answer *ret, struct err *e)
{
	char path[128];
	field_index(path, "input", at);
	field_path(ret->place, path, "approval_request_id");
	ret->id_text = json_str(json_get(it->val, S("approval_request_id")));
	ret->reason = json_str(json_get(it->val, S("reason")));
	ret->approved = yyjson_is_true(json_get(it->val, S("approve")));
	if (!answer_fits(t, ask_find(t, ret->id_text), ret->place, ret, e))
		return false;
	for (const struct turn_answer *other = t->out.tools.answers; other; other = other->next)
		if (other->id.key == ret->id.key)
			return fail(e, ERR_BAD_REQUEST, ret->place, "Approval request '%.*s' is answered twice.",
				    FMT(ret->id_text));
	if (!t->req.generate && !t->kind)
		return fail(e, ERR_BAD_REQUEST, ret->place,
			    "Approval request '%.*s' cannot be answered by a request that makes nothing.",
			    FMT(ret->id_text));
	return true;
}

static void answer_join(struct turn *t, struct turn_answer *one)
{
	struct turn_answer **end = &t->out.tools.answers;
	while (*end)
		end = &(*end)->next;
	*end = one;
}

static bool program_asks_behind(const struct turn *t, size_t at)
{
	for (size_t i = at + 1; i < t->req.n_items; i++)
		if (ask_is(&t->req.items[i]) && t->req.items[i].caller.n)
			return true;
	return false;
}

static bool answers_read(struct turn *t, struct err *e)
{
	for (size_t i = ask_new_from(t); i < t->req.n_items; i++) {
		struct turn_answer *one;
		if (!ask_is_answer(&t->req.items[i]))
			continue;
		one = new (&t->arena, struct turn_answer);
		if (!answer_one(t, &t->req.items[i], i, one, e))
			return false;
		one->passed = one->call.caller.n && program_asks_behind(t, i);
		answer_join(t, one);
	}
	return true;
}

/* --- what is known of it -------------------------------------------------------------------------------------------
 */

static void answered_find(const struct item *items, size_t n, struct map *ret)
{
	for (size_t i = 0; i < n; i++)
		if (ask_is_answer(&items[i]))
			map_put(ret, json_str(json_get(items[i].val, S("approval_request_id"))), (void *)&items[i]);
}

/* Of very many the last ones. */
static void open_find(const struct item *items, size_t n, const struct map *answered, struct turn_asked *k)
{
	for (size_t i = n; i-- > 0 && k->n_open < (size_t)api_limits.kept_items;)
		if (ask_is(&items[i]) && !map_get(answered, items[i].id))
			k->open[k->n_open++] = &items[i];
}

static void open_find_all(struct turn *t, struct turn_asked *k)
{
	struct map answered = {0};
	size_t most = 0;
	for (size_t i = 0; i < t->context.n_history; i++)
		most += ask_is(&t->context.history[i]);
	for (size_t i = 0; i < t->req.n_items; i++)
		most += ask_is(&t->req.items[i]);
	if (!most)
		return;
	k->open = new_array(&t->arena, const struct item *, most);
	answered_find(t->context.history, t->context.n_history, &answered);
	answered_find(t->req.items, t->req.n_items, &answered);
	open_find(t->req.items, t->req.n_items, &answered, k);
	open_find(t->context.history, t->context.n_history, &answered, k);
	map_release(&answered);
}

/* What is to be looked up; NULL: nothing. */
static struct turn_asked *asked_find(struct turn *t)
{
	struct turn_asked found = {0}, *k;
	if (t->req.generate)
		open_find_all(t, &found);
	for (const struct turn_answer *one = t->out.tools.answers; one; one = one->next)
		found.n++;
	if (!found.n && !found.n_open)
		return NULL;
	k = new (&t->arena, struct turn_asked);
	*k = found;
	k->ids = new_array(&t->arena, struct id, k->n + k->n_open);
	k->n = 0;
	for (const struct turn_answer *one = t->out.tools.answers; one; one = one->next)
		k->ids[k->n++] = one->id;
	for (size_t i = 0; i < k->n_open; i++) {
		struct id id;
		if (!id_parse(k->open[i]->id, item_rows[k->open[i]->type].prefix, &id))
			id = (struct id){0}; /* a client's own: no row has it */
		k->ids[k->n++] = id;
	}
	k->states = new_array(&t->arena, struct approval_state, k->n);
	return k;
}

/* The answers of this request, as others may have answered meanwhile. */
static bool answers_stand(struct turn *t, struct err *e)
{
	const struct approval_state *state = t->out.tools.asked->states;
	for (struct turn_answer *one = t->out.tools.answers; one && *one->place; one = one->next, state++) {
		one->over = state->used && one->passed && !(t->runner && state->used_by == t->id.key);
		if (t->runner || one->over) /* a run's were used when it was asked for */
			continue;
		if (state->used)
			return fail(e, ERR_BAD_REQUEST, one->place,
				    "Approval request '%.*s' was answered before: an answer counts once.",
				    FMT(one->id_text));
		if (one->approved && state->answer == APPROVAL_REFUSED)
			return fail(
			    e, ERR_BAD_REQUEST, one->place,
			    "Approval request '%.*s' was refused on this server: it cannot be approved any more.",
			    FMT(one->id_text));
	}
	return true;
}

/* What was answered here: not used yet, or by this very run when it was asked for. An answer that this request cannot
 * take waits for one that can. */
static void answers_add(struct turn *t)
{
	struct turn_asked *k = t->out.tools.asked;
	size_t first = k->n - k->n_open;
	for (size_t i = 0; i < k->n_open; i++) {
		const struct approval_state *state = &k->states[first + i];
		bool ours = t->runner ? state->used && state->used_by == t->id.key : !state->used;
		struct turn_answer *one = new (&t->arena, struct turn_answer);
		struct err unfit = {0};
		one->id_text = k->open[i]->id;
		one->reason = state->reason;
		one->approved = state->answer == APPROVAL_GIVEN;
		if (ours && state->answer && answer_fits(t, k->open[i], "", one, &unfit))
			answer_join(t, one);
	}
}

/* Programs cannot go on before what they asked for is answered. */
static bool programs_stand(struct turn *t, struct err *e)
{
	struct turn_asked *k = t->out.tools.asked;
	size_t first = k->n - k->n_open;
	for (size_t i = 0; i < k->n_open; i++) {
		const struct turn_answer *one = t->out.tools.answers;
		while (one && !str_eq(one->id_text, k->open[i]->id))
			one = one->next;
		if (!one && !program_ask_passes(t, k->open[i], &k->ids[first + i], &k->states[first + i], e))
			return false;
	}
	return true;
}

/* --- they count from now on ----------------------------------------------------------------------------------------
 */

static void answers_on_used(struct store_op *op, const struct err *e)
{
	struct turn *t = OWNER(op, struct turn, op);
	struct turn_tools *tt = &t->out.tools;
	/* Another turn, or who operates the server, came in between: who it was says another look. */
	if (e->code == ERR_BAD_REQUEST && ++tt->asked->tries < TRIES_MOST) {
		struct turn_answer **end = &tt->answers;
		while (*end && *(*end)->place)
			end = &(*end)->next;
		*end = NULL;
		tt->stage = ANSWERS_LOOK;
	} else if (e->code != ERR_NONE && !turn_failed(t)) {
		*turn_error(t) = *e;
	}
	turn_run(t);
}

/* false: there are none. */
static bool answers_use(struct turn *t)
{
	size_t n = 0;
	struct approval_use *uses = new_array(&t->arena, struct approval_use, t->out.tools.asked->n);
	for (const struct turn_answer *one = t->out.tools.answers; one; one = one->next)
		if (!one->over)
			uses[n++] = (struct approval_use){one->id, one->approved};
	t->op.done = answers_on_used;
	if (n)
		store_approvals_use(t->api->store, &t->op, t->project, &t->id, uses, n, api_limits.approval_days);
	return n;
}

static void answer_item(struct turn *t, const struct turn_answer *one, struct item *ret)
{
	const struct item_row *row = &item_rows[one->call.server->hosted->server->answer];
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "type", str_of(row->wire));
	jo_kstr(&o, "approval_request_id", one->id_text);
	jo_kbool(&o, "approve", one->approved);
	if (one->reason.n)
		jo_kstr(&o, "reason", one->reason);
	jo_obj_end(&o);
	item_view(&t->arena, str_copy(&t->arena, buf_str(&b)), ret);
	buf_release(&b);
}

/* As if the client had sent what was given here. Behind the rest: what is told of input[i] stays true. */
static void answers_to_input(struct turn *t)
{
	size_t more = 0, n = t->req.n_items;
	struct turn_answer *one;
	for (one = t->out.tools.answers; one; one = one->next)
		more += !*one->place;
	if (!more)
		return;
	struct item *all = new_array(&t->arena, struct item, n + more);
	if (n)
		memcpy(all, t->req.items, n * sizeof *all);
	for (one = t->out.tools.answers; one; one = one->next)
		if (!*one->place)
			answer_item(t, one, &all[n++]);
	t->req.items = all;
	t->req.n_items = n;
}

static void answers_look(struct turn *t)
{
	struct turn_asked *k = t->out.tools.asked;
	t->op.done = turn_on_store;
	store_approval_states(t->api->store, &t->op, t->project, k->ids, k->n, &t->arena, k->states);
}

/* What makes no response answers nothing: it makes no calls. */
static enum answers_stage answers_begin(struct turn *t)
{
	program_asks_mark(t);
	if (!answers_read(t, turn_error(t)))
		return ANSWERS_OVER;
	if (t->kind)
		t->out.tools.answers = NULL;
	else
		t->out.tools.asked = asked_find(t);
	return t->out.tools.asked ? ANSWERS_LOOK : ANSWERS_OVER;
}

bool turn_answers_take(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	if (tt->stage == ANSWERS_UNREAD)
		tt->stage = answers_begin(t);
	if (tt->stage == ANSWERS_LOOK) {
		tt->stage = ANSWERS_LOOKED;
		answers_look(t);
		return true;
	}
	if (tt->stage == ANSWERS_LOOKED) {
		tt->stage = ANSWERS_USED;
		if (!answers_stand(t, turn_error(t)))
			return false;
		answers_add(t);
		if (!t->runner && !programs_stand(t, turn_error(t)))
			return false;
		if (!t->runner && answers_use(t))
			return true;
	}
	if (tt->stage == ANSWERS_USED) {
		tt->stage = ANSWERS_OVER;
		answers_to_input(t);
	}
	return false;
}
