/* socket_memory.c - what a WebSocket remembers of a response that the store does not have. */
#include "socket/socket_memory.h"

#include <stdatomic.h>

#include "turn/turn_save.h"

static _Atomic size_t remembered; /* bytes, of all WebSockets of the process */

void memory_drop(struct memory *m)
{
	atomic_fetch_sub(&remembered, m->counted);
	arena_free(&m->arena);
	*m = (struct memory){0};
}

static void socket_memory_add(struct memory *m, const struct turn_item *it, struct str json, bool kept)
{
	struct turn_item *to = &m->items[m->n];
	m->kept[m->n++] = kept;
	*to = (struct turn_item){.id = it->id, .json = str_copy(&m->arena, json)};
	if (it->foreign_id.n)
		to->foreign_id = str_copy(&m->arena, it->foreign_id);
}

/* What the turn stood on; the last `news` of it its conversation brought since its latest turn. */
static void socket_memory_add_context(struct memory *m, const struct turn *t, size_t news)
{
	const struct turn_context *c = &t->context;
	size_t stored = c->stored.n - c->n_carried, base = stored - news;
	for (size_t i = 0; i < c->stored.n; i++) {
		struct turn_item it = {.id = c->stored.items[i].id};
		if (i >= stored)
			it = c->carried[i - stored];
		socket_memory_add(m, &it, c->stored.items[i].json, i < stored || !it.json.n);
	}
	m->n_stored = base;
	m->key = c->stored.key;
}

void memory_take(struct memory *m, struct turn *t, size_t others)
{
	size_t n, n_output = 0, r = 0, news = turn_conversation_news(t, NULL);
	struct turn_item *items = turn_items(t, &n, &n_output);
	memory_drop(m);
	m->items = new_array(&m->arena, struct turn_item, t->context.stored.n + n);
	m->kept = new_array(&m->arena, bool, t->context.stored.n + n);
	socket_memory_add_context(m, t, news);
	for (size_t i = news; i < n; i++)
		if (items[i].json.n)
			socket_memory_add(m, &items[i], items[i].json, false);
		else /* an item reference */
			socket_memory_add(m, &items[i], t->context.referred[r++].json, true);
	m->id = str_copy(&m->arena, t->response.id);
	m->counted = m->arena.total;
	size_t all = atomic_fetch_add(&remembered, m->counted) + m->counted;
	if (m->counted + others > (size_t)api_limits.socket_memory_bytes || all > (size_t)api_limits.memory_bytes)
		memory_drop(m);
}

void memory_give(const struct memory *m, struct turn *t)
{
	struct arena *a = &t->arena;
	struct turn_context *c = &t->context;
	struct turn_item *carried = new_array(a, struct turn_item, m->n - m->n_stored);
	struct stored_item *items = new_array(a, struct stored_item, m->n);
	for (size_t i = 0; i < m->n; i++) {
		items[i] = (struct stored_item){m->items[i].id, str_copy(a, m->items[i].json)};
		if (i < m->n_stored)
			continue;
		carried[i - m->n_stored] = (struct turn_item){.id = items[i].id};
		if (m->kept[i])
			continue;
		carried[i - m->n_stored].json = items[i].json;
		if (m->items[i].foreign_id.n)
			carried[i - m->n_stored].foreign_id = str_copy(a, m->items[i].foreign_id);
	}
	c->stored = (struct stored_context){.key = m->key, .items = items, .n = m->n};
	c->carried = carried;
	c->n_carried = m->n - m->n_stored;
}
