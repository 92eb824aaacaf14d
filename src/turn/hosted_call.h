/* hosted_call.h - a call of a tool that is ours to run, while its round lasts. Inside turn/ alone. */
#pragma once
#include "model/call_input.h"
#include "turn/turn_origin.h"
#include "turn/turn_tools.h"

/* What was told of the arguments. */
struct told_list {
	struct buf text; /* of a text that is told while it comes (hosted.h); of a list of them, the last */
	size_t read; /* of one text: bytes of the arguments that it is made of */
	struct call_list at; /* of a list of texts */
	struct buf ended; /* those that are whole, as JSON */
	int n;            /* how many these are */
};
/* One call of this round. */
struct hosted_call {
	struct hosted_call *next;
	struct turn *turn;
	const struct function_tool *tool; /* NULL: no such was offered */
	struct str name;                  /* as the engine calls it */
	int index;                        /* the engine's number */
	struct buf text;                  /* its arguments as they come ... */
	yyjson_val *args;                 /* ... and whole */
	struct told_list list;
	struct str refusal;               /* what the model is told instead of a result; {0}: it runs */
	struct out_item *item;            /* NULL: refused */
	struct out_item *result;          /* what comes of it, where that is an item of its own (call_pair.h) */
	struct out_origin origin;         /* until there is an item */
	struct tool_call call;
	struct phase_tool *measured; /* its time; NULL: not kept */
	bool
	    clients; /* the client's own, behind one of ours: it waits, so that items stand in the order of the calls */
	bool judged, started, running, told_running, done;
	bool asked;          /* the user has to approve it first: it is no call yet */
	struct str approval; /* the request that was approved; {0}: none was needed */
	struct str caller;   /* the program that made it; {0}: the model */
	struct found_search *search;  /* it searches deferred tools (turn_found.h); NULL: not begun, or it does not */
	struct turn_program *program; /* it is a run of this one (turn_program.h) */
};
