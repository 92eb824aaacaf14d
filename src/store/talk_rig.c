/* talk_rig.c - conversations in tests: verbs that are waited for, against a plain model. */
#include "store/talk_rig.h"

static void talk_rig_on_granted(struct conversation_lease *l)
{
	struct held *h = OWNER(l, struct held, lease);
	h->got = true;
	loop_stop(h->loop);
}

void talk_take(struct rig *r, struct held *h, int64_t project, const struct id *id)
{
	*h = (struct held){.lease.granted = talk_rig_on_granted, .loop = r->loop};
	lease_take(r->port, &h->lease, project, id);
}

void talk_hold(struct rig *r, struct held *h, const struct id *id)
{
	talk_take(r, h, 1, id);
	assert(!h->got);
	while (!h->got)
		loop_run(r->loop);
}

size_t talk_items(struct turn_item *items, char (*text)[TEXT_ROOM], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		items[i] = (struct turn_item){.id = id_mint()};
		snprintf(text[i], TEXT_ROOM, "{\"made\":%lld}", (long long)items[i].id.key);
		items[i].json = str_of(text[i]);
	}
	return n;
}

void talk_learn(struct talk *t, const struct id *id, const char *text)
{
	assert(t->n < TALK_ITEMS);
	snprintf(t->list[t->n], TEXT_ROOM, "%s", text);
	t->ids[t->n++] = *id;
}

void talk_make(struct rig *r, struct talk *t, size_t n)
{
	static struct turn_item items[20];
	static char text[20][TEXT_ROOM];
	struct rig_wait w = rig_wait(r);
	struct conversation_record c = {.project = 1,
					.id = id_mint(),
					.created_at = 7,
					.metadata = S("{\"a\":\"b\"}"),
					.items = items,
					.n_items = talk_items(items, text, n)};
	t->key = c.id;
	t->alive = true;
	t->n = 0;
	id_text(t->id, "conv", &c.id);
	store_put_conversation(r->port, &w.op, &c);
	assert(rig_end(&w) == ERR_NONE);
	for (size_t i = 0; i < n; i++)
		talk_learn(t, &items[i].id, text[i]);
}

enum err_code talk_add(struct rig *r, struct talk *t, size_t n)
{
	static struct turn_item items[20];
	static char text[20][TEXT_ROOM];
	struct rig_wait w = rig_wait(r);
	struct held h;
	talk_items(items, text, n);
	talk_hold(r, &h, &t->key);
	store_add_items(r->port, &w.op, &h.lease, 1, str_of(t->id), items, n);
	enum err_code code = rig_end(&w);
	for (size_t i = 0; code == ERR_NONE && i < n; i++)
		talk_learn(t, &items[i].id, text[i]);
	return code;
}

enum err_code talk_remove(struct rig *r, struct talk *t, size_t at)
{
	char item[ID_MAX];
	struct arena a = {0};
	struct stored_conversation got;
	struct rig_wait w = rig_wait(r);
	struct held h;
	id_text(item, "msg", &t->ids[at]);
	talk_hold(r, &h, &t->key);
	store_remove_item(r->port, &w.op, &h.lease, 1, str_of(t->id), str_of(item), &a, &got);
	enum err_code code = rig_end(&w);
	if (code == ERR_NONE) {
		CHECK_STR(got.metadata, S("{\"a\":\"b\"}"));
		t->n--;
		memmove(t->list[at], t->list[at + 1], (t->n - at) * sizeof t->list[0]);
		memmove(&t->ids[at], &t->ids[at + 1], (t->n - at) * sizeof t->ids[0]);
	}
	arena_free(&a);
	return code;
}

enum err_code talk_delete(struct rig *r, struct talk *t)
{
	struct rig_wait w = rig_wait(r);
	store_delete_conversation(r->port, &w.op, 1, str_of(t->id));
	enum err_code code = rig_end(&w);
	t->alive &= code != ERR_NONE;
	return code;
}

enum err_code talk_load(struct rig *r, int64_t project, const struct talk *t, struct arena *a,
			struct stored_conversation *c, struct stored_context *items)
{
	struct rig_wait w = rig_wait(r);
	store_get_conversation_context(r->port, &w.op, project, str_of(t->id), a, c, items);
	return rig_end(&w);
}

/* --- checks --- */

bool talk_same(struct rig *r, const struct talk *t)
{
	struct arena a = {0};
	struct stored_conversation c;
	struct stored_context s;
	enum err_code code = talk_load(r, 1, t, &a, &c, &s);
	bool same = code == (t->alive ? ERR_NONE : ERR_NOT_FOUND);
	if (code == ERR_NONE) {
		same &= s.n == t->n && c.n_tip <= s.n && (c.tip != 0 || c.n_tip == 0);
		for (size_t i = 0; same && i < s.n; i++)
			same = str_eq(s.items[i].json, str_of(t->list[i]));
	}
	arena_free(&a);
	return same;
}

bool talk_nothing_left(struct rig *r)
{
	rig_sweep(r);
	return rig_number(r, "SELECT (SELECT count(*) FROM context) + (SELECT count(*) FROM item)"
			     " + (SELECT count(*) FROM conversation) + (SELECT count(*) FROM conversation_item)"
			     " + (SELECT count(*) FROM foreign_id)") == 0;
}
