/* engine.h - engines: which models there are. One call to one of them: call.h, which comes with it.
 *
 * `struct engines` is one per process: the configured (or managed) engines, their models, health and
 * concurrency, shared by all loops under a lock held for moments. A `struct engine_port` is a loop's own
 * connections. */
#pragma once
#include "engine/call.h"
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
	const struct str *members; /* further URLs, and where they are found: fleet/lookup.h; the url may be that, too */
	size_t n_members;
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
	struct str resolver;      /* fleet/lookup.h; {0}: resolv.conf's */
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
	size_t index;                   /* of the engine, or of one of its fleet */
};
/* Exact names of any engine first, then the aliases in order; {0} is the default model. ERR_MODEL_NOT_FOUND with OpenAI's text;
 * ERR_UNAVAILABLE when no engine has told of any model. While an engine still starts its default model is
 * taken as there, and with no model known at all any name is (`pending`). */
bool engine_find(struct engines *s, struct arena *a, struct str model, struct engine_model *ret, struct err *e);
/* Where that engine is (unix:PATH, http...), and its key ({0}: none), in `a`. For what is no call (embeddings). */
void engine_address(struct engines *s, struct arena *a, size_t index, struct str *url, struct str *key);
/* All models, for GET /v1/models. */
size_t engine_models(struct engines *s, struct arena *a, struct engine_model **ret);

/* What cannot be asked of this model is refused before a call: image without vision (names the part),
 * schema on an engine without one, a remote image URL (but see fetches_urls). */
bool engine_accepts(const struct engine_model *m, const struct prompt *p, struct err *e);
/* A list of what is not applied ("user, reasoning.effort"; NULL: none) without `name` where the engine is told of this
 * effort. In `a`. */
const char *engine_advice(struct arena *a, const struct engine_model *m, struct str effort, const char *list,
                          struct str name);
/* Where this custom tool has to be called, is the model held to its grammar (grammar.h)? */
bool engine_constrains(const struct engine_model *m, const struct function_tool *t);
