/* answer_calls.h - the function calls of a streamed answer, from the pieces that engines send.
 *
 * Engines differ. A piece belongs to a call by its index, else by its id, else to the last one; but a piece that brings
 * a name starts a new call when its id is another one, or when the call's arguments are complete. A name may come in
 * pieces, which add up; the same name once more adds nothing. So a call begins with its first argument, with the next
 * call or with the end. A piece that brings nothing begins nothing.
 *
 * What `tool_choice` and `parallel_tool_calls` forbid is left out here, whatever the engine makes of them. Pure. */
#pragma once
#include "engine/engine.h"
#include "wire/json.h"
#include "wire/utf8.h"

struct answer_call {
	int64_t index; /* the engine's own; -1 none */
	struct str id;
	struct buf name; /* as far as it came */
	struct buf held; /* arguments that came before the name */
	struct buf marks; /* pieces that came before it is out (marks.h) */
	struct utf8_join join;
	int shown; /* its number among those that came out */
	int depth;
	bool in_string, escaped;
	bool begun;    /* it is out, or left out ... */
	bool dropped;  /* ... for good */
	bool any;      /* some argument bytes came */
	bool complete; /* the arguments' last bracket is closed */
	bool again;    /* then its name came once more: what follows may be another call */
};

struct answer_calls {
	struct arena *a;
	const struct prompt *p;
	void (*emit)(void *ctx, const struct model_event *);
	void *ctx;
	struct answer_call *list;
	int n, cap, last;
	int shown; /* calls that came out */
	struct buf joined;
};
/* The arena keeps names and ids; the rest goes with answer_calls_release(). */
void answer_calls_init(struct answer_calls *c, struct arena *a, const struct prompt *p,
		       void (*emit)(void *ctx, const struct model_event *), void *ctx);
void answer_calls_release(struct answer_calls *c);
/* One piece: index and id are members of `piece`, name and arguments of `function`; its `marks` as in marks.h ({0}: none). ERR_ENGINE: more than 128 calls, or
 * arguments without end before a name. */
bool answer_calls_take(struct answer_calls *c, yyjson_val *piece, yyjson_val *function, struct str marks, struct err *e);
/* Something else goes on: calls whose name is known begin. */
void answer_calls_settle(struct answer_calls *c);
/* The answer is over; `cut`: by a limit, so that calls may be incomplete. ERR_ENGINE: a call without a name. */
bool answer_calls_end(struct answer_calls *c, bool cut, struct err *e);
