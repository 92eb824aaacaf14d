/* turn_save.c - a turn as the store keeps it. */
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "turn/turn_ask.h"
#include "turn/turn_save.h"
#include "turn/turn_usage.h"

enum { KEPT_AT_ONCE = 1024 }; /* items: below a millisecond or two */

void turn_response_write(struct turn *t, struct buf *b, bool with_output, bool billing, size_t *output_at)
{
	struct jout o = {b, false};
	response_write(&o, &t->response, with_output ? turn_output_json(t) : S(""), billing, output_at);
}

/* An item that the client sent gets a key of ours. One that came with a foreign id keeps it to the
 * outside; one that came with an id in our own form is a new item under a new id. */
struct turn_item item_record(struct arena *a, const struct item *it)
{
	struct turn_item r = {.id = id_mint()};
	struct id ours;
	struct str id;
	if (it->id.n && !id_parse_any(it->id, &ours))
		id = r.foreign_id = it->id;
	else
		id = id_text(arena_bytes(a, ID_MAX), item_rows[it->type].prefix, &r.id);
	r.json = item_listed(a, it, id);
	return r;
}

static struct turn_item input_record(struct turn *t, const struct item *it, const struct map *taken)
{
	struct item anew = *it;
	if (it->id.n && map_get(taken, it->id))
		anew.id = (struct str){0};
	return item_record(&t->arena, &anew);
}

/* What is kept of the turn, as far as it was made. */
struct turn_kept {
	struct turn_item *items; /* of the input */
	size_t n, i, r; /* items made; of the input and of its references those that were looked at */
	struct map taken;
	struct turn_record *record; /* NULL: not yet */
};

static void turn_kept_release(void *kept)
{
	map_release(&((struct turn_kept *)kept)->taken);
}

static struct turn_kept *turn_kept_of(struct turn *t)
{
	struct turn_kept *k = t->context.kept;
	if (k)
		return k;
	k = t->context.kept = new(&t->arena, struct turn_kept);
	k->items = new_array(&t->arena, struct turn_item, t->req.n_items);
	turn_conversation_ids(t, &k->taken);
	arena_defer(&t->arena, turn_kept_release, k);
	return k;
}

static bool keep_more(struct turn *t)
{
	struct turn_kept *k = turn_kept_of(t);
	for (size_t end = k->i + KEPT_AT_ONCE; k->i < t->req.n_items && k->i < end; k->i++)
		if (t->req.items[k->i].type != ITEM_REFERENCE)
			k->items[k->n++] = input_record(t, &t->req.items[k->i], &k->taken);
		else if (t->context.referred && t->context.referred[k->r].json.n) /* else a background run failed for it */
			k->items[k->n++] = (struct turn_item){.id = t->context.referred[k->r++].id};
		else
			k->r++;
	return k->i == t->req.n_items;
}

bool turn_keep_some(struct turn *t)
{
	return (!t->req.store && !turn_conversation_adds(t)) || keep_more(t);
}

struct turn_item *turn_items(struct turn *t, size_t *n, size_t *n_output)
{
	while (!keep_more(t))
		;
	const struct turn_kept *kept = t->context.kept;
	size_t k = turn_conversation_news(t, NULL);
	struct turn_item *items = new_array(&t->arena, struct turn_item, k + kept->n + (size_t)t->out.n);
	turn_conversation_news(t, items);
	if (kept->n)
		memcpy(items + k, kept->items, kept->n * sizeof *items);
	k += kept->n;
	for (struct out_item *it = t->out.first; it; it = it->next)
		if (it->json.n) {
			items[k++] = (struct turn_item){.id = it->id, .json = it->json, .asks_until = turn_ask_until(it)};
			++*n_output;
		}
	*n = k;
	return items;
}

/* What the store has not of the context goes before what is new. */
static struct turn_item *with_carried(struct turn *t, struct turn_item *items, size_t *n)
{
	size_t before = t->context.n_carried;
	if (before == 0)
		return items;
	struct turn_item *all = new_array(&t->arena, struct turn_item, before + *n);
	memcpy(all, t->context.carried, before * sizeof *all);
	memcpy(all + before, items, *n * sizeof *all);
	*n += before;
	return all;
}

static struct str phases_kept(struct turn *t)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	phases_write(&t->clocks.phases, &b);
	struct str kept = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return kept;
}

void turn_record_make(struct turn *t, struct turn_record *r)
{
	struct buf b;
	*r = (struct turn_record){.project = t->project, .id = t->id, .parent = t->context.stored.key, .store = t->req.store};
	r->status = str_of(response_status_names[t->response.status]);
	r->created_at = t->response.created_at;
	if (api_limits.expire_days)
		r->expires_at = r->created_at + api_limits.expire_days * 86400;
	buf_init(&b, SIZE_MAX / 2);
	turn_response_write(t, &b, false, true, &r->output_at);
	r->body = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	r->phases = phases_kept(t);
	r->used = turn_usage(t, &r->n_used);
	r->conversation = turn_conversation_append(t, turn_conversation_news(t, NULL));
	if (r->store || r->conversation)
		r->items = with_carried(t, turn_items(t, &r->n_items, &r->n_output), &r->n_items);
	if (t->key.given) {
		r->idem = &t->key.claim->idem;
		r->answer_status = 200;
		buf_init(&b, SIZE_MAX / 2);
		turn_response_write(t, &b, true, true, NULL);
		r->answer = str_copy(&t->arena, buf_str(&b));
		buf_release(&b);
	}
}

struct turn_record *turn_record_some(struct turn *t)
{
	struct turn_kept *k = turn_kept_of(t);
	if (k->record)
		return k->record;
	if (turn_keep_some(t)) {
		struct turn_record *r = new(&t->arena, struct turn_record);
		turn_record_make(t, r);
		k->record = r;
	}
	return NULL;
}
