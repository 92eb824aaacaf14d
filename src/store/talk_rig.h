/* talk_rig.h - conversations in tests: verbs that are waited for, against a plain model. */
#pragma once
#include "store/conversation.h"
#include "store/lease.h"
#include "store/rig_sql.h"

enum { TALK_ITEMS = 1200, TEXT_ROOM = 48 };

/* What a conversation must be. */
struct talk {
	char id[ID_MAX];
	struct id key;
	bool alive;
	size_t n;
	char list[TALK_ITEMS][TEXT_ROOM];
	struct id ids[TALK_ITEMS];
};

struct held {
	struct conversation_lease lease;
	struct loop *loop;
	bool got;
};

void talk_take(struct rig *r, struct held *h, int64_t project, const struct id *id);
/* Waits until it is held. */
void talk_hold(struct rig *r, struct held *h, const struct id *id);
size_t talk_items(struct turn_item *items, char (*text)[TEXT_ROOM], size_t n);
/* The model has one more item. */
void talk_learn(struct talk *t, const struct id *id, const char *text);
void talk_make(struct rig *r, struct talk *t, size_t n);
enum err_code talk_add(struct rig *r, struct talk *t, size_t n);
enum err_code talk_remove(struct rig *r, struct talk *t, size_t at);
enum err_code talk_delete(struct rig *r, struct talk *t);
enum err_code talk_load(struct rig *r, int64_t project, const struct talk *t, struct arena *a,
			struct stored_conversation *c, struct stored_context *items);
/* false: the store has something else. */
bool talk_same(struct rig *r, const struct talk *t);
/* Nothing is left of all that was there. */
bool talk_nothing_left(struct rig *r);
