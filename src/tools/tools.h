/* tools.h - the hosted tools as the turn sees them.
 *
 * `struct tools` is one per process, a `struct tools_port` one per loop with its own bounded set of threads. A
 * tool_call is embedded in its owner and follows the loop contract (loop/loop.h). */
#pragma once
#include "loop/loop.h"
#include "model/hosted.h"
#include "model/response.h"
#include "tools/cite.h"
#include "tools/tool_call.h"
#include "tools/tools_limits.h"
#include "tools/pools.h"

struct search;
struct store;
struct tape;
struct engines;
struct tools;
struct tools_port;
struct toolrun;

struct tools_options {       /* strings outlive the tools */
	struct str dir;      /* data folder; {0}: nothing is kept */
	struct str provider; /* web_search.provider: "none", or a row of web_providers.def */
	struct str url, key; /* {0}: the provider's own; none */
	struct search *search; /* of vector stores; NULL: there are none */
	struct cntrs *containers; /* with `sessions`; NULL: nothing runs in containers */
	struct sessions *sessions;
	struct engines *engines; /* of images; NULL: there are none */
	struct store *store;     /* of files that tools are given by id */
	struct tape *tape;       /* all calls are answered from it, tools_free() closes it; NULL: they are made */
};
/* Makes the tools known to requests (hosted_set()). At the start, before any other thread; tools_new() does it, too. */
void tools_register(void);
struct tools *tools_new(const struct tools_options *o);
void tools_free(struct tools *t);
struct tools_port *tools_attach(struct tools *t, struct loop *l);
/* Waits for its threads; calls that still run end unheard. */
void tools_detach(struct tools_port *p);

/* --- what a request offers --- */
/* Can the hosted ones among these be served? ERR_UNSUPPORTED_VALUE says what to configure. Any thread. What they name
 * is looked up later: tools_check.h. */
bool tools_serve(const struct tools *t, const struct create *c, struct err *e);
/* Why the web cannot be searched: what to configure. NULL: it can. Any thread. */
const char *tools_search_lacks(const struct tools *t);
/* `list` ("user, reasoning.effort"; NULL: nothing) with what of their elements is not applied. In `a`. */
const char *tools_advice(const struct tools *t, struct arena *a, const struct create *c, const char *list);
/* Their descriptions and parameters, as functions of the engine, in `a`. Again when a server's functions are known. */
void tools_describe(struct arena *a, struct create *c);

/* A server whose functions cannot be listed is left out. */
bool tools_list_skips(const struct tools_port *p);

/* --- inside tools/ --- */
struct tool;
struct job;
/* The tool of a face that hosted_of_type() or hosted_of_item() gave. */
const struct tool *tool_of(const struct hosted *face);
/* On a thread of the port; false: too many wait. */
bool tools_job(struct tools_port *p, struct job *j, enum tool_pool pool);
