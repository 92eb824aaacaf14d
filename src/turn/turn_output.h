/* turn_output.h - a turn's output while it is made: model events become items and stream events.
 *
 * One item is open at a time, but for calls: an engine may send the pieces of several at once.
 * Everything lives in the turn's arena or in buffers that turn_output_release() frees. Loop thread. */
#pragma once
#include "engine/engine.h"
#include "model/tell_call.h"
#include "turn/turn_origin.h"
#include "turn/turn_tools.h"

struct turn;

/* Citations of an open text. */
struct out_cites {
	struct citer *state; /* of the open part; NULL: its text was not read for markers */
	struct buf json; /* annotations, joined by commas */
	int n;
};

/* A call that we run. */
struct out_hosted {
	struct str members; /* after its status */
	struct str kept;    /* after a restart: the item as it is kept */
	struct str arguments, approval; /* of a server's function */
	bool failed;
};

/* An output item while it is made. */
struct out_item {
	struct out_item *next;
	enum item_type type; /* message, reasoning, or a call's */
	const struct function_tool *tool; /* calls: what is called; NULL: no call */
	struct id id;
	struct told at;
	int call_index;   /* calls: the engine's number */
	bool done;
	bool whole;       /* done with status completed */
	struct buf text;  /* the open part's text; reasoning; arguments */
	struct buf parts; /* a message's finished parts, joined by commas; a custom tool's input as told */
	struct buf logprobs;
	struct out_cites *cites; /* NULL: none, as in most texts (turn_cite.h) */
	struct out_hosted hosted;
	enum told_part part; /* a message's open one */
	struct str call_id, caller, input; /* calls; caller: the program that waits for its answer; input: a custom tool's, settled */
	size_t read;               /* custom tools: bytes of the arguments that were told */
	yyjson_val *args;          /* other kinds of calls: the arguments, once whole */
	struct str found;          /* our own tool search: the path that it has found */
	struct out_origin origin;
	struct str json, shown; /* once done: as it is kept, and as clients see it (item_show.h) */
};

struct turn_output {
	struct teller teller; /* of all events of the turn */
	struct out_item *first, *last;
	int n;
	size_t bytes;
	bool too_big, cut; /* cut: it was steered, what its engine goes on to say is not told */
	struct turn_tools tools;
	struct buf marks;   /* of the message, in pieces, until an item closes */
	struct turn_judge *judge; /* turn_judge.h; NULL: nobody is asked */
	struct err *misfit; /* a call that cannot be understood; NULL: none */
	struct out_space {
		struct buf text, logprobs;
	} space; /* white space: it is open whether a text begins with it or it stands beside calls */
};

/* The teller is the turn's. */
void turn_output_begin(struct turn *t);
/* Renders one event: to the reply and the replay buffer, or to the log of a background run. */
void turn_emit(struct turn *t, struct event *ev);
/* A further item, open, of which nothing was said yet. NULL: there are too many. */
struct out_item *turn_item_make(struct turn *t, enum item_type type, const struct id *id);
void turn_model_event(struct turn *t, const struct model_event *me);
/* Closes open items. `whole` false: texts and unfinished calls are `incomplete`; with drop_calls such calls go, but servers' are failed. */
void turn_close_items(struct turn *t, bool whole, bool drop_calls);
/* The finished items joined by commas. */
struct str turn_output_json(struct turn *t);
/* A finished text against its strict schema, calls against what they must say. */
bool turn_output_fits(struct turn *t, struct err *e);
void turn_output_release(struct turn *t);
