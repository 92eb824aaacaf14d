/* engine.h - engines: which models there are, and one call to one of them.
 *
 * `struct engines` is one per process: the configured (or managed) engines, their models, health and
 * concurrency, shared by all loops under a lock held for moments. A `struct engine_port` is a loop's own
 * connections. An engine_call is embedded in its turn and follows the loop contract: queue for a
 * slot, wait for a loading engine, connect, retry before the first byte, stream, cancel. */
#pragma once
#include "engine/prompt.h"
#include "loop/loop.h"
#include "model/response.h"

struct engines;
struct engine_port;
struct engine_caps;
struct traits;
struct client;

struct engine_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "engine/limits.def"
#undef LIMIT
};
extern struct engine_limits engine_limits; /* set before engines are opened, constant after */

struct engine_alias {
	struct str pattern, model; /* model {0}: the engine's default model */
};
struct think_tags { /* between which thoughts stand in the text of an engine that does not tell them apart */
	struct str open, close; /* {0}: nowhere */
	bool starts;            /* the answer begins with thoughts, and the opening tag may be missing */
};
struct engine_config {
	struct str name, url, key;
	const struct str *models; /* listed by hand; NULL: discovered through GET /v1/models */
	size_t n_models;
	struct str default_model;
	const char *const *pass; /* NULL-terminated; NULL: the dialect's default */
	int64_t concurrency;     /* 0: /props.total_slots if told, else 512 */
	int64_t connect_ms, first_byte_ms, idle_ms, total_ms; /* 0: the limits' defaults */
	bool fetches_urls;       /* it gets http(s) image URLs as they are: a cloud API, outside our guard */
	bool schema_prompt;      /* `schema: prompt`: without schemas of its own it is asked in words; else 400 */
	struct think_tags think;
	/* Shims for the small default model (managed engine). */
	struct str system;       /* added when the request brings no system message */
	double temperature;      /* used when the request is silent; < 0: none */
	int64_t max_tokens;      /* likewise; 0: none */
	struct str dialect;      /* by name; {0} or "auto": found out */
	const struct str *traits; /* "thoughts=none": what overrides the dialect's */
	size_t n_traits;
	bool managed;            /* url is the managed child's socket */
};
struct engines_config {
	const struct engine_config *engines;
	size_t n;
	const struct engine_alias *aliases; /* tried in order after exact names */
	size_t n_aliases;
	struct str default_model; /* {0}: first model of the first engine */
};

bool engines_open(const struct engines_config *c, struct engines **ret, struct err *e);
void engines_close(struct engines *s);
struct engine_port *engine_attach(struct engines *s, struct loop *l);
void engine_detach(struct engine_port *p);
/* On one loop only: starts discovery and health checks, again after every change. */
void engines_watch(struct engine_port *p);
/* An engine answers and has a model. */
bool engines_ready(struct engines *s, struct err *why);

struct engine_model { /* a copy; strings live in the arena given */
	struct str name, owned_by, engine;
	int64_t created, context; /* context: tokens, 0 unknown */
	bool vision, audio, tools, schema, fetches_urls;
	bool aliased; /* the name asked for was an alias */
	bool pending; /* its engine has not told its models yet: the call will find out */
	const char *const *pass;
	const struct engine_caps *caps; /* as known now */
	const struct traits *traits;    /* likewise (dialect.h) */
	size_t index;                   /* of the engine */
};
/* Exact names of any engine first, then the aliases in order; {0} is the default model. ERR_MODEL_NOT_FOUND with OpenAI's text;
 * ERR_UNAVAILABLE when no engine has told of any model. While an engine still starts its default model is
 * taken as there, and with no model known at all any name is (`pending`). */
bool engine_find(struct engines *s, struct arena *a, struct str model, struct engine_model *ret, struct err *e);
/* Where that engine is (unix:PATH, http...), and its key ({0}: none); constant. For what is no call (embeddings). */
void engine_address(const struct engines *s, size_t index, struct str *url, struct str *key);
/* All models, for GET /v1/models. */
size_t engine_models(struct engines *s, struct arena *a, struct engine_model **ret);

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
/* What cannot be asked of this model is refused before a call: image without vision (names the part),
 * schema on an engine without one, a remote image URL (but see fetches_urls). */
bool engine_accepts(const struct engine_model *m, const struct prompt *p, struct err *e);
/* A list of what is not applied ("user, reasoning.effort"; NULL: none) without `name` where the engine is told of this
 * effort. In `a`. */
const char *engine_advice(struct arena *a, const struct engine_model *m, struct str effort, const char *list,
                          struct str name);
/* Where this custom tool has to be called, is the model held to its grammar (grammar.h)? */
bool engine_constrains(const struct engine_model *m, const struct function_tool *t);
