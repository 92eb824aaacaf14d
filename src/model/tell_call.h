/* tell_call.h - the events of calls, between output_item.added and output_item.done (teller.h). */
#pragma once
#include "model/call.h"
#include "model/teller.h"

/* --- calls that the client runs --- */

/* The item as it is while it has only begun, out of the finished one; {0}: it is no call of the client's. In `a`. */
struct str call_begun(struct arena *a, yyjson_val *item);
/* A piece of a call's text: a function's arguments, a custom tool's input. Other kinds have none. */
void tell_call(struct teller *to, const struct told *at, enum call_kind kind, struct str piece);
/* The call is whole: its text, its name, what it is to run (a shell's `commands`). */
struct call_said {
	struct str text, name;
	yyjson_val *commands;
};
void tell_call_end(struct teller *to, const struct told *at, enum call_kind kind, const struct call_said *said);

/* --- calls that we run --- */

/* The call has come to that phase; `ran` and `failed` as for hosted_event(). */
void tell_hosted(struct teller *to, const struct told *at, const struct hosted *h, enum tool_phase phase, bool ran,
		 bool failed);
/* A piece of the text that is told between TOOL_BEGUN and TOOL_RUNS, and all of it. `approved`: the user was asked. */
void tell_hosted_text(struct teller *to, const struct told *at, const struct hosted *h, struct str piece);
void tell_hosted_text_end(struct teller *to, const struct told *at, const struct hosted *h, struct str text,
			  bool approved);
/* An item that a tool makes beside its calls has begun, and has ended. */
void tell_extra(struct teller *to, const struct told *at, const struct hosted_extra *extra);
void tell_extra_end(struct teller *to, const struct told *at, const struct hosted_extra *extra, bool failed);
