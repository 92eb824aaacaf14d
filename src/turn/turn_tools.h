/* turn_tools.h - tools that are ours to run, within the turn: CALL, TOOLS, CALL again.
 *
 * Calls of hosted tools gather here while the engine streams; no item stands for them yet. In TOOLS each becomes an
 * item that runs, or is refused and the model told why: arguments that do not fit, a name that was not offered, a limit
 * (of the request or of ours), the same call again and again. Results go to the engine in the order of the calls. Loop thread. */
#pragma once
#include "tools/cite.h"
#include "tools/tools_check.h"

struct turn;
struct out_item;
struct hosted_call;
struct out_origin;
struct model_event;

/* What has become of the answers to what was asked before (turn_answer.h). */
enum answers_stage { ANSWERS_UNREAD, ANSWERS_LOOK, ANSWERS_LOOKED, ANSWERS_USED, ANSWERS_OVER };

/* In struct turn_output. */
struct turn_tools {
	struct tools_check check;         /* before anything is made */
	struct hosted_call *first, *last; /* of this round */
	struct hosted_call *open;         /* the first whose item is not closed */
	int64_t rounds, calls;            /* rounds before this one; calls that were run */
	int64_t corrections, running;
	struct out_item *told;       /* the last item of the rounds before: the engine knows it */
	struct made_call *made;      /* what was run in this turn */
	bool begun;                  /* the items of this round stand, and if they must they are in the log */
	bool off;                    /* the model has to answer now */
	struct turn_listing *listings; /* turn_list.c */
	bool listing;
	struct turn_answer *answers;   /* turn_answer.c: to what was asked before */
	struct turn_asked *asked;      /* ... and what is known of that */
	enum answers_stage stage;
	struct cite_source *sources; /* what can be cited, of the context and of this turn */
	size_t n_sources, cap_sources;
};

/* A call that the engine begins or goes on with is one of ours: it is taken. */
bool turn_tools_begin(struct turn *t, const struct model_event *me);
bool turn_tools_more(struct turn *t, const struct model_event *me);
/* Is this call one of ours, or behind one? */
bool turn_tools_takes(const struct turn *t, const struct model_event *me);
/* Where what an engine wants back of such a call is kept; NULL: it is none. */
struct out_origin *turn_tools_origin(struct turn *t, int index);
/* Tools of ours were called in this round. */
bool turn_tools_called(const struct turn *t);
/* What runs is given up. Idempotent. */
void turn_tools_stop(struct turn *t);

/* A call that nobody streams: one that the user has approved. It runs in the next TOOLS. */
struct hosted_call *turn_tools_add(struct turn *t, const struct function_tool *tool, struct str name,
				   struct str arguments);
/* Its item, open. c->item NULL: there are too many. */
void hosted_open(struct turn *t, struct hosted_call *c);

/* --- for a turn whose items were told by a process that is gone (restore.h) --- */
/* Did it stop between two calls of the engine, or in calls that may be made again? */
bool turn_tools_between(const struct turn *t);
/* The prompt gets what was finished up to the last call of a tool of ours, so that the model goes on from there. */
bool turn_tools_rejoin(struct turn *t, struct err *e);
