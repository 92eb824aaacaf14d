/* tools_check.h - what a request's tools name is looked up before a token is spent.
 *
 * An element of `tools` may name what is kept elsewhere: vector stores, containers, servers. Its tool looks it up
 * (checks(), tool.h), which blocks and so has a worker thread of the port. The struct is embedded in its owner and
 * follows the loop contract (loop/loop.h). Loop thread. */
#pragma once
#include "tools/tools.h"

struct check_run;

struct tools_check {
	/* *e: what cannot be had, its place in the request as param; ERR_NONE: all is there. */
	void (*done)(struct tools_check *, const struct err *e);
	struct check_run *run; /* NULL: idle */
};

/* true: done() comes. false: no tool of this request has anything to look up. Copies everything. */
bool tools_check_start(struct tools_port *p, struct tools_check *c, int64_t project, const struct create *rq);
void tools_check_cancel(struct tools_check *c);
