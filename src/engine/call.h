/* call.h - one call to an engine.
 *
 * An engine_call is embedded in its turn and follows the loop contract: queue for a slot, wait for a loading engine,
 * connect, retry before the first byte, stream, cancel. */
#pragma once
#include "engine/prompt.h"
#include "loop/loop.h"
#include "model/response.h"

struct engine_port;
struct engine_model;

enum model_event_kind { ME_TEXT, ME_REFUSAL, ME_REASONING, ME_CALL_BEGIN, ME_CALL_ARGS, ME_MARKS };
struct model_event {
	enum model_event_kind kind;
	struct str text;     /* the piece, of ME_MARKS as in marks.h; valid during the callback */
	int index;           /* calls: 0, 1, ... in order of appearance; ME_MARKS: -1 of the message */
	struct str name;     /* ME_CALL_BEGIN; also call_id as the engine gave it (may be empty); ME_REASONING: the member */
	struct str marks;    /* ME_CALL_BEGIN: what came of them so far; {0}: none */
	struct str call_id;
	struct str logprobs; /* ME_TEXT: JSON array in the Responses form ({token,bytes,logprob,top_logprobs}), {0}: none */
};
enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_FILTER, FINISH_CALLS };

struct engine_call {
	void (*on_event)(struct engine_call *, const struct model_event *);
	/* The end: e->code ERR_NONE with finish and usage set, or a failure (ERR_CONTEXT_LENGTH,
	 * ERR_ENGINE, ERR_ENGINE_TIMEOUT, ERR_ENGINE_BUSY, ...). Idle then. */
	void (*on_end)(struct engine_call *, const struct err *e);
	enum finish finish;
	struct usage usage;      /* reasoning tokens counted by us when the engine does not */
	struct str served_engine; /* its name, likewise */
	struct str served_model; /* the model that answers, from engine_find(); a pending one is settled before the first event */
	int64_t asked_us;        /* when the engine was first asked (clock_mono_us()); 0: not yet */
	bool begun;              /* the first byte of an answer has come */
	bool counting;           /* of engine_count_start() */
	struct str headers;      /* set before its start: lines that go along with the engine's own (trace/trace.h); {0}: none */
	int64_t of;             /* set before its start: the key of the stored response that it is for (sent.h); 0: none */
	bool low;                /* set before its start: it gets a slot when nobody else waits for one */
	bool exact;              /* usage.input is the engine's own count, else an estimate */
	struct engine_run *run;  /* NULL: idle */
};
/* `m` from engine_find() (copied); `p` must live until on_end(), and `a` outlast the callback that runs: it
 * must not be released inside on_event(). With p->truncate messages may be dropped from *p. Never calls
 * back inside. */
void engine_call_start(struct engine_port *port, struct engine_call *c, struct arena *a,
                       const struct engine_model *m, struct prompt *p);
/* Tells how many tokens the prompt would be: the same body goes to where the engine counts. At the end
 * c->usage.input is the number, and c->exact says whose. Engines that cannot count get an estimate: three bytes
 * of the body a token, pictures, sounds and files by a fixed sum. Nothing is generated; no slot is taken. */
void engine_count_start(struct engine_port *port, struct engine_call *c, struct arena *a,
                        const struct engine_model *m, struct prompt *p);
void engine_call_pause(struct engine_call *c);
void engine_call_resume(struct engine_call *c);
void engine_call_cancel(struct engine_call *c);
