/* toolrun.h - one call of a hosted tool while it runs, as its run() sees it (tool.h). */
#pragma once
#include "tools/tool.h"

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
	/* --- tool_call.c's own --- */
	struct job job;
	struct deferred refused; /* there was no room in the queue */
	struct tools_port *port; /* NULL: gone. This and what follows: loop thread */
	struct tool_call *call;  /* NULL: cancelled */
	struct toolrun *next, *prev;
	int64_t due_ms; /* clock_mono_us() / 1000 */
};

/* Nobody waits for it any more, or its time is over. Worker thread. */
bool toolrun_stopped(const struct toolrun *run);
/* Nobody waits for it any more: it is to stop, and its result goes nowhere. Loop thread. */
void toolrun_forget(struct toolrun *run);
/* The same as a flag, for what waits itself; without the deadline. */
const _Atomic bool *toolrun_flag(const struct toolrun *run);
/* How long it may still take, at most `most`. */
int64_t toolrun_left_ms(const struct toolrun *run, int64_t most);
/* The work itself begins: the event of TOOL_RUNS. Worker thread. */
void toolrun_running(struct toolrun *run);
/* It failed, for this reason, which the model is told. false. */
bool toolrun_fail(struct toolrun *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
