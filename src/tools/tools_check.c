/* tools_check.c - what a request's tools name is looked up before a token is spent. */
#include "tools/tools_check.h"

#include <stdatomic.h>

#include "tools/internal.h"

struct named { /* an element of `tools` */
	const struct tool *tool;
	yyjson_val *given;
	struct str path;
};

struct check_run {
	struct job job;
	struct deferred refused;   /* there was no room in the queue */
	struct tools_check *check; /* NULL: cancelled. Loop thread */
	struct tools *tools;
	struct arena arena;
	int64_t project;
	struct named *at;
	size_t n;
	struct err why;
};

static void tools_check_work(struct job *job)
{
	struct check_run *run = OWNER(job, struct check_run, job);
	for (size_t i = 0; i < run->n && !run->why.code; i++) {
		const struct named *one = &run->at[i];
		one->tool->checks(run->tools, run->project, one->given, one->path.p, &run->why);
	}
}

static void tools_check_run_free(struct check_run *run)
{
	defer_cancel(&run->refused);
	arena_free(&run->arena);
	xfree(run);
}

static void tools_check_run_ended(struct check_run *run)
{
	struct tools_check *c = run->check;
	if (c) {
		c->run = NULL;
		c->done(c, &run->why);
	}
	tools_check_run_free(run);
}

static void tools_check_on_done(struct job *job)
{
	tools_check_run_ended(OWNER(job, struct check_run, job));
}

static void tools_check_on_refused(struct deferred *d)
{
	struct check_run *run = OWNER(d, struct check_run, refused);
	run->why.retry_after_ms = 1000;
	fail(&run->why, ERR_BUSY, NULL, "Too many calls of tools are waiting. Please retry in a moment.");
	tools_check_run_ended(run);
}

static size_t named_by(const struct create *rq)
{
	size_t n = 0;
	for (size_t i = 0; i < rq->n_tools; i++)
		n += rq->tools[i].hosted && tool_of(rq->tools[i].hosted)->checks;
	return n;
}

bool tools_check_start(struct tools_port *p, struct tools_check *c, int64_t project, const struct create *rq)
{
	size_t n = named_by(rq);
	if (!n)
		return false;
	struct check_run *run = xalloc(sizeof *run);
	*run = (struct check_run){.check = c, .tools = p->tools, .project = project};
	run->job.run = tools_check_work;
	run->job.done = tools_check_on_done;
	run->at = new_array(&run->arena, struct named, n);
	for (size_t i = 0; i < rq->n_tools; i++) {
		const struct function_tool *f = &rq->tools[i];
		if (f->hosted && tool_of(f->hosted)->checks)
			run->at[run->n++] = (struct named){tool_of(f->hosted), tools_copy(&run->arena, f->given),
							   str_copy(&run->arena, f->path)};
	}
	c->run = run;
	if (!tools_job(p, &run->job))
		defer_start(p->loop, &run->refused, tools_check_on_refused);
	return true;
}

void tools_check_cancel(struct tools_check *c)
{
	struct check_run *run = c->run;
	if (!run)
		return;
	c->run = NULL;
	run->check = NULL;
	atomic_store(&run->job.cancelled, true);
	if (run->refused.next) /* no job has it */
		tools_check_run_free(run);
}
