/* tool_search.h - deferred tools ranked by the words of a question (index/few.h), on a worker thread: of thousands that
 * takes many times what a loop may be held for. Loop thread. */
#pragma once
#include "base/arena.h"
#include "index/few.h"

struct tools_port;
struct tool_search_run;

struct tool_search { /* embed it; follows loop.h */
	void (*done)(struct tool_search *);
	size_t *best, n; /* places in what was asked, the best first; in the arena */
	struct arena *arena;
	struct tool_search_run *run; /* NULL: idle */
};
struct tool_search_ask {
	const struct few_text *texts; /* copied; of what is said, the first 4096 bytes count */
	size_t n;
	struct str question; /* copied */
	size_t most;         /* results */
};
/* `a` outlives it. false: too many calls of tools are waiting. */
bool tool_search_start(struct tools_port *p, struct tool_search *s, struct arena *a, const struct tool_search_ask *ask);
void tool_search_cancel(struct tool_search *s);
