/* turn_origin.h - who made the turn's items, and what that engine wants back with them (model/origin.h).
 *
 * What is signed of a message goes to the item of the answer that closes next, since any of them brings it back. It is
 * kept in the item's hidden member, or sealed inside a reasoning item (turn_marks.h). Loop thread. */
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
	struct str others;       /* reasoning: sealed in it of other items, members of an object */
	bool marked;             /* marks were kept */
	bool sealed;             /* other items: it is in a reasoning item, or too large for one */
};

/* A call's id: ours, whatever the engine sends, for engines repeat theirs. */
struct str origin_call_id(struct turn *t);
/* One more piece of marks. */
void origin_piece(struct buf *b, struct str marks);
/* A call begins. */
void origin_begin(struct turn *t, struct out_origin *o, const struct model_event *me);
/* The item closes: sets o->json, in t->arena. */
void origin_settle(struct turn *t, struct out_origin *o);
/* What was kept of a call's origin (ITEM_OURS) is that of one made for it. */
void origin_again(struct turn *t, struct out_origin *o, yyjson_val *ours);
/* An origin's members, for an object; {0}: there is nothing to keep. `pieces` are of marks. In t->arena. */
struct str origin_members(struct turn *t, struct str id, struct str thoughts, struct str pieces);
/* `json`, an object, with what is kept of the item. */
struct str origin_kept(struct turn *t, const struct out_item *it, struct str json);
/* What is sealed of a reasoning item: its content, and what is kept. */
struct str origin_sealed(struct turn *t, const struct out_item *it, struct str content);
/* Calls of these items get what reasoning items among all of them say of them. */
void origin_give(struct item *items, size_t n, struct item *more, size_t n_more);
void origin_release(struct out_origin *o);
