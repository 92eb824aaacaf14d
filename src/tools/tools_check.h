/* tools_check.h - what a request's tools name is looked up before a token is spent.
 *
 * An element of `tools` may name what is kept elsewhere: vector stores, containers, servers. Its tool looks it up
 * (checks(), tool.h), which blocks and so has a worker thread of the port. The struct is embedded in its owner and
 * follows the loop contract (loop/loop.h). Loop thread. */
#pragma once
#include "tools/tools.h"

struct check_run;

/* What a request stands on, for what is settled of its tools. */
struct tools_context {
	const struct item *items[3]; /* history, input, what this run has made already: in this order */
	size_t n[3];
	struct id id; /* of the response: what is made for it can be found again when its run is taken up */
	bool counts;  /* no response is made: what is settled makes nothing */
};

struct tools_check {
	/* *e: what cannot be had, its place in the request as param; ERR_NONE: all is there. */
	void (*done)(struct tools_check *, const struct err *e);
	struct check_run *run; /* NULL: idle */
	bool undone;
	/* where what was settled goes, before done() */
	struct arena *arena;
	struct create *request;
};

/* true: done() comes. false: no tool of this request has anything to look up. Copies everything but `rq` and `a`, which must
 * stay. settle_only: what was looked up before is not looked up again. */
bool tools_check_start(struct tools_port *p, struct tools_check *c, int64_t project, struct arena *a, struct create *rq,
		       const struct tools_context *ctx, bool settle_only);
/* Of a check that goes on, what it makes is taken back. */
void tools_check_cancel(struct tools_check *c);
/* The turn came to nothing: what was made for it is taken back, unless it was used meanwhile. true: done() comes; who does not
 * wait for it cancels. false: there is nothing to take back, or it was taken back before. */
bool tools_undo_start(struct tools_port *p, struct tools_check *c, int64_t project, const struct create *rq);
