/* tool.h - one hosted tool: what the API runs for the model, within a turn.
 *
 * A tool is one file with a `struct tool` and one row in tools.def: nothing else knows it by name. Its settings are a table of its own that main/
 * joins. run() is plain blocking code on a worker thread: it has copies of everything, makes its results in run->arena,
 * and gives up when toolrun_stopped(). It must not touch the loop's objects. A failure is a result too
 * (toolrun_fail()): the call's item is `failed`, the model is told why, and the turn goes on. */
#pragma once
#include "loop/workers.h"
#include "model/hosted.h"
#include "tools/settling.h"
#include "tools/tools.h"

struct toolrun;

struct tool {
	struct hosted face; /* what requests, prompts and streams know of it */
	bool again;         /* a call cut off by a crash may be made again: it changes nothing */
	/* Can this element of `tools`, which stands at `path`, be served, as things are configured? Loop thread. */
	bool (*serves)(const struct tools_options *o, yyjson_val *given, const char *path, struct err *e);
	/* Is what the element names there, and this project's? Before a token is spent; blocks: worker thread. NULL: it names nothing. */
	bool (*checks)(const struct tools *t, int64_t project, yyjson_val *given, const char *path, struct err *e);
	/* Likewise, where what it names is settled for the turn. Called for background runs, too, when they run. May be NULL. */
	bool (*settles)(const struct tools *t, struct settling *s, struct err *e);
	/* The turn came to nothing: what was made for it is taken back, unless it was used. Worker thread. May be NULL. */
	void (*unsettles)(const struct tools *t, yyjson_val *settled);
	bool slow; /* a call may take long: it has threads of its own */
	/* What the description says beside, for this element; settled NULL: not yet. May be NULL. */
	void (*describe)(struct buf *b, yyjson_val *given, yyjson_val *settled);
	/* ... and what of the request's other tools. May be NULL. */
	void (*others)(struct buf *b, const struct create *c);
	/* What the table of arguments cannot say. May be NULL. */
	bool (*fits)(yyjson_val *args, struct err *e);
	/* What of this element is taken and not applied, as a list: "tools[0].quality". May be NULL. */
	void (*unapplied)(const struct tools_options *o, yyjson_val *given, const char *path, struct buf *list);
	/* Worker thread. */
	void (*run)(struct toolrun *);
	/* The functions of a server (hosted_server.h), as the members of an item of its list type; NULL: it is none. */
	void (*list)(struct toolrun *);
	const int64_t *call_ms, *list_ms; /* their own limits instead of tools.call_ms; NULL: none */
	bool far;                         /* waits for others: on threads of its own, so that nothing here waits for it */
};
const struct tool *tool_of(const struct hosted *face); /* that hosted_of_type() or hosted_of_item() gave */

/* One call while it runs, then what came of it. */
struct toolrun {
	const struct tool *tool;
	struct tools *tools;
	struct arena arena;
	int64_t project;
	yyjson_val *given, *args; /* the element of `tools`; the arguments */
	yyjson_val *settled;      /* what was settled of it; NULL */
	yyjson_val *definition;   /* of a server's function: its element of the list; {0}, too, what follows */
	struct str own, text, approval, trace;
	bool list;
	struct str *pictures;     /* of a tool that changes pictures: the last ones, data URLs or base64 */
	size_t n_pictures;
	struct tool_result result;
	/* --- tools.c's own --- */
	struct job job;
	struct deferred refused; /* there was no room in the queue */
	struct tools_port *port; /* NULL: gone. This and what follows: loop thread */
	struct tool_call *call;  /* NULL: cancelled */
	struct toolrun *next, *prev;
	int64_t due_ms; /* clock_mono_us() / 1000 */
};

/* Nobody waits for it any more, or its time is over. Worker thread. */
bool toolrun_stopped(const struct toolrun *run);
/* The same as a flag, for what waits itself; without the deadline. */
const _Atomic bool *toolrun_flag(const struct toolrun *run);
/* How long it may still take, at most `most`. */
int64_t toolrun_left_ms(const struct toolrun *run, int64_t most);
/* The work itself begins: the event of TOOL_RUNS. Worker thread. */
void toolrun_running(struct toolrun *run);
/* It failed, for this reason, which the model is told. false. */
bool toolrun_fail(struct toolrun *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define HOSTED(name) extern const struct tool tool_##name;
#include "tools/tools.def"
#undef HOSTED
