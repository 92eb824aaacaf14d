/* turn_origin.h - who made the turn's items, and what that engine wants back with them (model/origin.h).
 *
 * What is signed of a message goes to the item of the answer that closes next, since any of them brings it back. It is
 * kept in the item's hidden member; and, where the client keeps the items itself (include: reasoning.encrypted_content),
 * sealed inside a reasoning item: that which stands before the first call, or one without a text. Loop thread. */
#pragma once
#include "base/buf.h"
#include "model/item.h"

struct turn;
struct out_item;
struct model_event;

/* In struct out_item. */
struct out_origin {
	struct str id, thoughts; /* calls: the engine's id; reasoning: the member that it came in */
	struct buf marks;        /* in pieces; max 0: none */
	struct str json;         /* the members as kept, once the item closes; {0}: nothing is */
	struct str calls;        /* reasoning: sealed for calls behind it, members of an object */
	bool marked;             /* marks were kept */
	bool sealed;             /* calls: it is in a reasoning item */
};

/* A call's id: ours, whatever the engine sends, for engines repeat theirs. */
struct str origin_call_id(struct turn *t);
/* A piece of marks, or a call that begins. */
void origin_marks(struct turn *t, const struct model_event *me);
void origin_begin(struct turn *t, struct out_origin *o, const struct model_event *me);
/* The item closes: sets o->json, in t->arena. */
void origin_settle(struct turn *t, struct out_origin *o);
/* A call of the client's is about to begin under `call_id`: what is known of it will be sealed in the reasoning item
 * that is open; or, with `closed`, in one that is made for it. true: so it is. */
bool origin_before_call(struct turn *t, const struct model_event *me, struct str call_id, bool closed);
/* The engine's answer is over: what is not sealed yet goes into one more reasoning item. */
void origin_after(struct turn *t);
/* `json`, an object, with what is kept of the item. */
struct str origin_kept(struct turn *t, const struct out_item *it, struct str json);
/* What is sealed of a reasoning item: its content, and what is kept. */
struct str origin_sealed(struct turn *t, const struct out_item *it, struct str content);
/* Calls of these items get what reasoning items among all of them say of them. */
void origin_give(struct item *items, size_t n, struct item *more, size_t n_more);
void origin_release(struct out_origin *o);
