/* tool_call.h - calls of hosted tools, as the turn makes them. A tool_call is embedded in its owner and follows the loop
 * contract (loop/loop.h). */
#pragma once
#include "model/request.h"
#include "model/response.h"
#include "tools/cite.h"

struct tools_port;
struct toolrun;

struct tool_source { /* what can be cited, by a number that it is given later: one per url */
	struct str url, title, text;
	enum cite_kind kind; /* what url and title are: cite.h */
	struct str part;     /* where the text stands in it, for the model alone: "page 3"; {0}: it is not said; CITE_CONTAINER: which */
	bool shown;          /* CITE_CONTAINER: a picture that the call showed */
};
struct tool_result { /* lives until the end of done() */
	bool failed;
	struct str said; /* what the model is told first; of a failure, the reason */
	struct tool_source *sources;
	size_t n_sources;
	struct str members; /* of the item, after its status: "\"action\":{...}"; {0}: none */
	struct str *images; /* for engines that see, beside what is told: data URLs */
	size_t n_images;
	int64_t searches;   /* for tool_usage ... */
	struct picture_usage pictures; /* ... likewise */
	struct str calls;   /* of a program that waits: [[name, arguments], ...]; {0}: it has ended */
};
struct tool_call {
	/* The work has begun; may never come. */
	void (*running)(struct tool_call *);
	void (*done)(struct tool_call *, const struct tool_result *);
	struct toolrun *run; /* NULL: idle */
};
/* Are these the arguments of a call of that tool? Else what the model has to mend. */
bool tool_fits(const struct hosted *tool, yyjson_val *args, struct err *e);
/* May what a crash cut off, an item of that type, be made again? */
bool tool_again(const struct hosted *tool, enum item_type type);
struct tool_pictures { /* that a call may change, the newest last: data URLs or base64 */
	struct str *at;
	size_t n;
};
struct tool_ask {
	int64_t project;
	const struct function_tool *tool; /* hosted */
	yyjson_val *args;
	struct str text, approval; /* of a server's function: args as they came; what was approved */
	struct tool_pictures pictures;
	struct str trace;          /* header lines for servers that it asks (trace/trace.h); {0}: none */
	bool list;                 /* not a call: the functions of this server are wanted */
};
/* Copies everything. done() also comes when no thread is to be had. */
void tool_start(struct tools_port *p, struct tool_call *c, const struct tool_ask *ask);
void tool_cancel(struct tool_call *c);

/* --- inside tools/ --- */
/* A value of another document, as one of the arena's own. NULL: NULL. */
yyjson_val *tools_copy(struct arena *a, yyjson_val *v);
