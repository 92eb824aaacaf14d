/* tool.h - one hosted tool: what the API runs for the model, within a turn.
 *
 * A tool is one file with a `struct tool` and one row in tools.def: nothing else knows it by name. Its settings are a table of its own that main/
 * joins. run() is plain blocking code on a worker thread: it has copies of everything, makes its results in run->arena,
 * and gives up when toolrun_stopped(). It must not touch the loop's objects. A failure is a result too
 * (toolrun_fail()): the call's item is `failed`, the model is told why, and the turn goes on. */
#pragma once
#include "loop/workers.h"
#include "model/hosted.h"
#include "tools/pools.h"
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
	enum tool_pool pool; /* the threads that its calls run on (pools.def); POOL_QUICK unless said */
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
};
#define HOSTED(name) extern const struct tool tool_##name;
#include "tools/tools.def"
#undef HOSTED
