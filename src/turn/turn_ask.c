/* turn_ask.c - calls that run only once the user has approved them. */
#include "turn/turn_ask.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/hosted_server.h"
#include "store/approval.h"
#include "turn/hosted_call.h"
#include "turn/turn_machine.h"
#include "turn/turn_output_parts.h"

enum { BOUND = 8, DEFINED = ID_RND - BOUND }; /* bytes of an id's random part: what was asked for, and the definition */

/* An answer, and what it answers. */
struct turn_answer {
	struct turn_answer *next;
	struct id id;
	struct str id_text, reason;
	struct str label, name, arguments; /* out of our own record where there is one */
	const struct function_tool *server;
	bool approved;
	char place[128];
};

static const struct hosted_server *ask_face(const struct item *it)
{
	const struct hosted *h = hosted_of_item(it->type);
	return h ? h->server : NULL;
}

static bool ask_is(const struct item *it)
{
	const struct hosted_server *s = ask_face(it);
	return s && s->ask == it->type;
}

static bool ask_is_answer(const struct item *it)
{
	const struct hosted_server *s = ask_face(it);
	return s && s->answer == it->type;
}

/* --- what an id is bound to ----------------------------------------------------------------------------------------
 */

static void ask_hash(crypto_generichash_state *h, struct str s)
{
	uint64_t n = s.n;
	crypto_generichash_update(h, (const unsigned char *)&n, sizeof n);
	crypto_generichash_update(h, (const unsigned char *)(s.p ? s.p : ""), s.n);
}

static void ask_keyed(struct turn *t, const char *purpose, int64_t key, const struct str *parts, size_t n,
		      uint8_t out[32])
{
	uint8_t secret[32];
	crypto_generichash_state h;
	store_secret(t->api->api->options.store, purpose, secret);
	crypto_generichash_init(&h, secret, sizeof secret, 32);
	ask_hash(&h, (struct str){(const char *)&key, sizeof key});
	for (size_t i = 0; i < n; i++)
		ask_hash(&h, parts[i]);
	crypto_generichash_final(&h, out, 32);
}

static void ask_bind(struct turn *t, const struct function_tool *server, const struct str *label,
		     const struct str *name, const struct str *arguments, struct id *id)
{
	uint8_t out[32];
	struct str parts[] = {{(const char *)&t->project, sizeof t->project},
			      server->hosted->server->address(&t->arena, server->given),
			      *label,
			      *name,
			      *arguments};
	ask_keyed(t, "approval", id->key, parts, sizeof parts / sizeof *parts, out);
	memcpy(id->rnd, out, BOUND);
}

static void ask_define(struct turn *t, const struct function_tool *f, struct id *id)
{
	uint8_t out[32], definition[32];
	struct str part = {(const char *)definition, sizeof definition};
	f->hosted->server->defined(f->definition, definition);
	ask_keyed(t, "approval of a definition", id->key, &part, 1, out);
	memcpy(id->rnd + BOUND, out, DEFINED);
}

/* --- asking --------------------------------------------------------------------------------------------------------
 */

bool turn_ask_needed(const struct hosted_call *c)
{
	const struct hosted_server *s = c->tool && c->tool->hosted ? c->tool->hosted->server : NULL;
	return s && !c->approval.n && s->asks(c->tool->given, c->tool->definition);
}

/* `kept`: with what only we read. */
static struct str ask_members(struct turn *t, struct hosted_call *c, struct str arguments, bool kept)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_kstr(&o, "arguments", arguments);
	jo_kstr(&o, "name", c->tool->own);
	jo_key(&o, c->tool->hosted->server->label);
	jo_str(&o, c->tool->space);
	if (kept)
		origin_settle(t, &c->origin);
	if (kept && c->origin.json.n) {
		jo_key(&o, ITEM_OURS);
		jo_obj(&o);
		jo_raw(&o, c->origin.json);
		jo_obj_end(&o);
	}
	struct str members = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

static void ask_one(struct turn *t, struct hosted_call *c)
{
	struct id id = id_mint();
	struct str arguments = c->text.n ? str_copy(&t->arena, buf_str(&c->text)) : S("{}");
	ask_bind(t, c->tool, &c->tool->space, &c->tool->own, &arguments, &id);
	ask_define(t, c->tool, &id);
	struct out_item *it = turn_item_make(t, c->tool->hosted->server->ask, &id);
	if (!it)
		return;
	it->tool = c->tool;
	it->call_index = -1;
	it->hosted.members = ask_members(t, c, arguments, false);
	item_added(t, it);
	it->hosted.members = ask_members(t, c, arguments, true);
	it->origin.marked = c->origin.marked;
	item_finish(t, it, true);
}

bool turn_ask_all(struct turn *t)
{
	bool any = false;
	for (struct hosted_call *c = t->out.tools.first; c; c = c->next)
		if (c->asked) {
			ask_one(t, c);
			any = true;
		}
	return any;
}

/* --- answers -------------------------------------------------------------------------------------------------------
 */

static const struct item *ask_find_in(const struct item *items, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (ask_is(&items[i]) && str_eq(items[i].id, id))
			return &items[i];
	return NULL;
}

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

static bool ask_answer(struct turn *t, const struct item *it, const char *place, struct turn_answer *ret, struct err *e)
{
	struct str text = json_str(json_get(it->val, S("approval_request_id")));
	const struct item *asked = ask_find(t, text);
	struct id bound;
	if (!asked || !id_parse(text, item_rows[asked->type].prefix, &ret->id))
		return fail(e, ERR_BAD_REQUEST, place, "Approval request with id '%.*s' not found.", FMT(text));
	struct id id = ret->id;
	*ret = (struct turn_answer){.id = id,
				    .id_text = text,
				    .reason = json_str(json_get(it->val, S("reason"))),
				    .approved = yyjson_is_true(json_get(it->val, S("approve"))),
				    .server = create_server(&t->req, asked),
				    .name = asked->name,
				    .arguments = json_str(json_get(asked->val, S("arguments")))};
	ret->label = json_str(json_get(asked->val, ask_face(asked)->label));
	snprintf(ret->place, sizeof ret->place, "%s", place);
	if (!ret->server)
		return fail(e, ERR_BAD_REQUEST, place,
			    "Approval request '%.*s' is for the server '%.*s', which is not among 'tools'.", FMT(text),
			    FMT(ret->label));
	bound = id;
	ask_bind(t, ret->server, &ret->label, &ret->name, &ret->arguments, &bound);
	if (sodium_memcmp(bound.rnd, ret->id.rnd, BOUND) != 0)
		return fail(e, ERR_BAD_REQUEST, place,
			    "Approval request '%.*s' was made for another call: its project, server, tool and "
			    "arguments have to "
			    "be those that were asked for.",
			    FMT(text));
	return id_made_at(&id) + api_limits.approval_days * 86400 >= clock_wall_s() ||
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

bool turn_ask_read(struct turn *t, struct err *e)
{
	struct turn_answer **end = &t->out.tools.answers;
	for (size_t i = ask_new_from(t); i < t->req.n_items; i++) {
		char path[128], place[128];
		struct turn_answer *one, *other;
		if (!ask_is_answer(&t->req.items[i]))
			continue;
		field_index(path, "input", i);
		field_path(place, path, "approval_request_id");
		one = new (&t->arena, struct turn_answer);
		if (!ask_answer(t, &t->req.items[i], place, one, e))
			return false;
		for (other = t->out.tools.answers; other; other = other->next)
			if (other->id.key == one->id.key)
				return fail(e, ERR_BAD_REQUEST, place, "Approval request '%.*s' is answered twice.",
					    FMT(one->id_text));
		*end = one;
		end = &one->next;
	}
	return true;
}

static void ask_on_used(struct store_op *op, const struct err *e)
{
	struct turn *t = OWNER(op, struct turn, op);
	if (e->code != ERR_NONE && !turn_failed(t)) {
		*turn_error(t) = *e;
		if (e->code == ERR_BAD_REQUEST)
			snprintf(t->error->param, sizeof t->error->param, "%s", t->out.tools.answers->place);
	}
	turn_run(t);
}

bool turn_ask_use(struct turn *t)
{
	size_t n = 0;
	struct turn_answer *one;
	t->out.tools.asked = true;
	for (one = t->out.tools.answers; one; one = one->next)
		n++;
	if (!n || t->runner) /* a background run's were used when it was asked for */
		return false;
	struct id *ids = new_array(&t->arena, struct id, n);
	n = 0;
	for (one = t->out.tools.answers; one; one = one->next)
		ids[n++] = one->id;
	t->op.done = ask_on_used;
	store_approvals_use(t->api->store, &t->op, t->project, ids, n, api_limits.approval_days);
	return true;
}

/* What the engine signed of the call that was asked for belongs to the call that is made. */
static void ask_origin(struct turn *t, struct str id, struct out_origin *o)
{
	const struct item *asked = ask_find_in(t->context.history, t->context.n_history, id);
	if (!asked)
		asked = ask_find_in(t->context.input, t->req.n_items, id);
	if (asked && asked->ours)
		origin_again(t, o, asked->ours);
}

bool turn_ask_run(struct turn *t)
{
	bool any = false;
	for (struct turn_answer *one = t->out.tools.answers; one; one = one->next) {
		const struct function_tool *f = create_function(&t->req, one->server, one->name);
		struct function_tool gone = {.own = one->name, .space = one->label};
		struct id now = one->id;
		if (!one->approved)
			continue;
		if (!f)
			call_name(&t->arena, &gone, NULL, 0);
		struct hosted_call *c = turn_tools_add(t, f, f ? f->name : gone.name, one->arguments);
		any = true;
		ask_origin(t, one->id_text, &c->origin);
		if (!f)
			continue;
		ask_define(t, f, &now);
		if (sodium_memcmp(now.rnd + BOUND, one->id.rnd + BOUND, DEFINED) == 0)
			c->approval = one->id_text;
		else
			c->asked = true; /* it is not what was approved any more */
	}
	t->out.tools.answers = NULL;
	return any;
}

/* --- what an engine is told ----------------------------------------------------------------------------------------
 */

static const struct item *ask_answer_in(const struct item *items, size_t n, struct str id)
{
	const struct item *last = NULL;
	for (size_t i = 0; i < n; i++)
		if (ask_is_answer(&items[i]) && str_eq(json_str(json_get(items[i].val, S("approval_request_id"))), id))
			last = &items[i];
	return last;
}

/* {0}: the call that follows says it. */
static struct str ask_outcome(struct turn *t, const struct item *asked)
{
	const struct item *answer = ask_answer_in(t->context.input, t->req.n_items, asked->id);
	if (!answer)
		answer = ask_answer_in(t->context.history, t->context.n_history, asked->id);
	struct str reason = answer ? json_str(json_get(answer->val, S("reason"))) : (struct str){0};
	if (!answer)
		return S("This call was not made: it needs the approval of the user, who has not answered yet.");
	if (yyjson_is_true(json_get(answer->val, S("approve"))))
		return (struct str){0};
	return reason.n ? str_fmt(&t->arena, "This call was not made: the user refused it, and says: %.*s", FMT(reason))
			: S("This call was not made: the user refused it. Do not try it again; answer without it.");
}

static void ask_tell(struct turn *t, struct item *it, struct str told)
{
	struct buf b;
	size_t i, max;
	yyjson_val *key, *val, *ours = json_get(it->val, ITEM_OURS);
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	yyjson_obj_foreach(it->val, i, max, key, val) if (!str_eq(json_str(key), ITEM_OURS))
	{
		jo_key(&o, json_str(key));
		jo_val(&o, val);
	}
	jo_key(&o, ITEM_OURS);
	jo_obj(&o);
	yyjson_obj_foreach(ours, i, max, key, val)
	{
		jo_key(&o, json_str(key));
		jo_val(&o, val);
	}
	jo_kstr(&o, "told", told);
	jo_obj_end(&o);
	jo_obj_end(&o);
	item_view(&t->arena, str_copy(&t->arena, buf_str(&b)), it);
	buf_release(&b);
}

struct item *turn_ask_told(struct turn *t, struct item *items, size_t n)
{
	struct item *copy = items;
	for (size_t i = 0; i < n; i++) {
		struct str told = ask_is(&items[i]) ? ask_outcome(t, &items[i]) : (struct str){0};
		if (!told.p)
			continue;
		if (copy == items) {
			copy = new_array(&t->arena, struct item, n);
			memcpy(copy, items, n * sizeof *copy);
		}
		ask_tell(t, &copy[i], told);
	}
	return copy;
}
