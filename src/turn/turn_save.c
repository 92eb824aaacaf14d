/* turn_save.c - a turn as the store keeps it. */
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "turn/turn_ask.h"
#include "turn/turn_save.h"
#include "turn/turn_usage.h"

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

struct turn_item *turn_items(struct turn *t, size_t *n, size_t *n_output)
{
	struct map taken = {0};
	size_t r = 0, k = turn_conversation_news(t, NULL);
	struct turn_item *items = new_array(&t->arena, struct turn_item, k + t->req.n_items + (size_t)t->out.n);
	turn_conversation_news(t, items);
	turn_conversation_ids(t, &taken);
	for (size_t i = 0; i < t->req.n_items; i++)
		if (t->req.items[i].type != ITEM_REFERENCE)
			items[k++] = input_record(t, &t->req.items[i], &taken);
		else if (t->context.referred && t->context.referred[r].json.n) /* else a background run failed for it */
			items[k++] = (struct turn_item){.id = t->context.referred[r++].id};
		else
			r++;
	map_release(&taken);
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
