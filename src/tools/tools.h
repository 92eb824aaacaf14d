/* tools.h - the hosted tools as the turn sees them.
 *
 * `struct tools` is one per process, a `struct tools_port` one per loop with its own bounded set of threads. A
 * tool_call is embedded in its owner and follows the loop contract (loop/loop.h). */
#pragma once
#include "loop/loop.h"
#include "model/hosted.h"
#include "model/response.h"
#include "tools/cite.h"
#include "tools/tools_limits.h"

struct search;
struct engines;
struct tools;
struct tools_port;
struct toolrun;

struct tools_options {       /* strings outlive the tools */
	struct str dir;      /* data folder; {0}: nothing is kept */
	struct str provider; /* web_search.provider: "none", or a row of web_providers.def */
	struct str url, key; /* {0}: the provider's own; none */
	struct search *search; /* of vector stores; NULL: there are none */
	struct engines *engines; /* of images; NULL: there are none */
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
/* `list` ("user, reasoning.effort"; NULL: nothing) with what of their elements is not applied. In `a`. */
const char *tools_advice(const struct tools *t, struct arena *a, const struct create *c, const char *list);
/* Their descriptions and parameters, as functions of the engine, in `a`. */
void tools_describe(struct arena *a, struct create *c);

/* --- calls --- */
struct tool_source { /* what can be cited, by a number that it is given later: one per url */
	struct str url, title, text;
	enum cite_kind kind; /* what url and title are: cite.h */
	struct str part;     /* where the text stands in it, for the model alone: "page 3"; {0}: it is not said */
};
struct tool_result { /* lives until the end of done() */
	bool failed;
	struct str said; /* what the model is told first; of a failure, the reason */
	struct tool_source *sources;
	size_t n_sources;
	struct str members; /* of the item, after its status: "\"action\":{...}"; {0}: none */
	int64_t searches;   /* for tool_usage ... */
	struct picture_usage pictures; /* ... likewise */
};
struct tool_call {
	/* The work has begun; may never come. */
	void (*running)(struct tool_call *);
	void (*done)(struct tool_call *, const struct tool_result *);
	struct toolrun *run; /* NULL: idle */
};
/* Are these the arguments of a call of that tool? Else what the model has to mend. */
bool tool_fits(const struct hosted *tool, yyjson_val *args, struct err *e);
/* May a call that a crash cut off be made again? */
bool tool_again(const struct hosted *tool);
struct tool_pictures { /* that a call may change, the newest last: data URLs or base64 */
	struct str *at;
	size_t n;
};
/* Copies everything. done() also comes when no thread is to be had. */
void tool_start(struct tools_port *p, struct tool_call *c, int64_t project, const struct hosted *tool,
		yyjson_val *given, yyjson_val *args, struct tool_pictures pictures);
void tool_cancel(struct tool_call *c);
