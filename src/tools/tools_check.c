/* tools_check.c - what a request's tools name is looked up, and settled, before a token is spent. */
#include "tools/tools_check.h"

#include <stdatomic.h>

#include "tools/internal.h"
#include "tools/toolrun.h"

enum { INPUT_FILES = 50 };

struct named { /* an element of `tools` */
	const struct tool *tool;
	yyjson_val *given;
	struct str path, last;
	size_t at;           /* in the request */
	yyjson_val *settled; /* in the run's arena; NULL: nothing was */
};

enum check_stage { CHECK_GOES, CHECK_LEFT, CHECK_OVER }; /* left: by who waited for it */

struct check_run {
	struct job job;
	struct deferred refused;   /* there was no room in the queue */
	struct tools_check *check; /* NULL: cancelled. Loop thread */
	struct tools *tools;
	struct tools_port *port;
	struct arena arena;
	int64_t project;
	bool settle_only, counts, undo;
	_Atomic int stage; /* enum check_stage: who comes last takes back what was made */
	struct id id;
	struct named *at;
	size_t n;
	struct str files[INPUT_FILES]; /* that the input names */
	size_t n_files;
	struct settling_data data[INPUT_FILES]; /* that the input carries */
	size_t n_data;
	struct err why;
};

static bool tools_check_one(struct check_run *run, struct named *one)
{
	struct settling s = {.project = run->project,
			     .given = one->given,
			     .path = one->path.p,
			     .last = one->last,
			     .files = run->files,
			     .n_files = run->n_files,
			     .id = run->id,
			     .counts = run->counts,
			     .data = run->data,
			     .n_data = run->n_data,
			     .arena = &run->arena};
	if (run->tools->options.tape)
		return true; /* what it names need not be there */
	if (one->tool->checks && !run->settle_only &&
	    !one->tool->checks(run->tools, run->project, one->given, one->path.p, &run->why))
		return false;
	if (one->tool->settles && !one->tool->settles(run->tools, &s, &run->why))
		return false;
	one->settled = s.settled;
	return true;
}

static void tools_undo_work(struct job *job)
{
	struct check_run *run = OWNER(job, struct check_run, job);
	for (size_t i = 0; i < run->n; i++)
		if (run->at[i].settled && run->at[i].tool->unsettles)
			run->at[i].tool->unsettles(run->tools, run->at[i].settled);
}

static void tools_check_work(struct job *job)
{
	struct check_run *run = OWNER(job, struct check_run, job);
	for (size_t i = 0; i < run->n && tools_check_one(run, &run->at[i]); i++)
		;
	if (run->why.code || atomic_exchange(&run->stage, CHECK_OVER) == CHECK_LEFT)
		tools_undo_work(job);
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
		for (size_t i = 0; i < run->n && !run->undo; i++)
			c->request->tools[run->at[i].at].settled = tools_copy(c->arena, run->at[i].settled);
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

/* --- what it is told --------------------------------------------------------------------------------------------- */

static bool tools_check_concerns(const struct function_tool *f, bool settle_only)
{
	const struct tool *tool = f->hosted ? tool_of(f->hosted) : NULL;
	return tool && (tool->settles || (tool->checks && !settle_only));
}

/* Where the last call of this tool ran. */
static struct str tools_check_last(const struct hosted *face, const struct tools_context *ctx)
{
	struct str last = {0};
	for (int k = 0; face->place.n && k < 3; k++)
		for (size_t i = 0; i < ctx->n[k]; i++)
			if (ctx->items[k][i].type == face->item) {
				struct str place = hosted_place(face, ctx->items[k][i].val);
				last = place.n ? place : last;
			}
	return last;
}

static void tools_check_data(struct check_run *run, yyjson_val *part)
{
	struct str url = json_str(json_get(part, S("file_data"))), name = json_str(json_get(part, S("filename")));
	if (!url.n || run->n_data == INPUT_FILES)
		return;
	run->data[run->n_data++] = (struct settling_data){.name = name.n ? str_copy(&run->arena, name) : name,
							  .url = str_copy(&run->arena, url)};
}

/* Files that messages of the input name, each once, and those that they carry. */
static void tools_check_files(struct check_run *run, const struct item *items, size_t n)
{
	size_t i, max;
	yyjson_val *part;
	for (size_t k = 0; k < n; k++) {
		yyjson_arr_foreach(json_get(items[k].val, S("content")), i, max, part)
		{
			struct str id = json_str(json_get(part, S("file_id")));
			tools_check_data(run, part);
			bool known = !id.n || run->n_files == INPUT_FILES;
			for (size_t j = 0; j < run->n_files; j++)
				known |= str_eq(run->files[j], id);
			if (!known)
				run->files[run->n_files++] = str_copy(&run->arena, id);
		}
	}
}

static struct check_run *tools_check_run_new(struct tools_port *p, struct tools_check *c, int64_t project, size_t n,
					     void (*work)(struct job *))
{
	struct check_run *run = xalloc(sizeof *run);
	*run = (struct check_run){.check = c, .tools = p->tools, .port = p, .project = project};
	run->job.run = work;
	run->job.done = tools_check_on_done;
	run->at = new_array(&run->arena, struct named, n);
	return run;
}

bool tools_check_start(struct tools_port *p, struct tools_check *c, int64_t project, struct arena *a, struct create *rq,
		       const struct tools_context *ctx, bool settle_only)
{
	size_t n = 0;
	for (size_t i = 0; i < rq->n_tools; i++)
		n += tools_check_concerns(&rq->tools[i], settle_only);
	if (!n)
		return false;
	struct check_run *run = tools_check_run_new(p, c, project, n, tools_check_work);
	run->settle_only = settle_only;
	run->counts = ctx->counts;
	run->id = ctx->id;
	for (size_t i = 0; i < rq->n_tools; i++) {
		const struct function_tool *f = &rq->tools[i];
		if (tools_check_concerns(f, settle_only))
			run->at[run->n++] = (struct named){.tool = tool_of(f->hosted),
							   .given = tools_copy(&run->arena, f->given),
							   .path = str_copy(&run->arena, f->path),
							   .last = str_copy(&run->arena, tools_check_last(f->hosted, ctx)),
							   .at = i};
	}
	tools_check_files(run, ctx->items[1], ctx->n[1]);
	c->run = run;
	c->arena = a;
	c->request = rq;
	if (!tools_job(p, &run->job, POOL_QUICK))
		defer_start(p->loop, &run->refused, tools_check_on_refused);
	return true;
}

/* --- what comes to nothing ------------------------------------------------------------------------------------------ */

static void tools_undo_add(struct check_run *run, const struct tool *tool, yyjson_val *settled)
{
	if (settled && tool->unsettles)
		run->at[run->n++] = (struct named){.tool = tool, .settled = tools_copy(&run->arena, settled)};
}

/* It was checked, and nobody has seen what was made: done() has not come yet. */
static void tools_undo_left(const struct check_run *run)
{
	struct check_run *undo = tools_check_run_new(run->port, NULL, run->project, run->n, tools_undo_work);
	undo->undo = true;
	for (size_t i = 0; i < run->n; i++)
		tools_undo_add(undo, run->at[i].tool, run->at[i].settled);
	if (!undo->n || !tools_job(run->port, &undo->job, POOL_QUICK))
		tools_check_run_free(undo);
}

void tools_check_cancel(struct tools_check *c)
{
	struct check_run *run = c->run;
	if (!run)
		return;
	c->run = NULL;
	run->check = NULL;
	if (!run->undo)
		atomic_store(&run->job.cancelled, true);
	if (run->refused.next) /* no job has it */
		tools_check_run_free(run);
	else if (!run->undo && atomic_exchange(&run->stage, CHECK_LEFT) == CHECK_OVER)
		tools_undo_left(run);
}

bool tools_undo_start(struct tools_port *p, struct tools_check *c, int64_t project, const struct create *rq)
{
	size_t n = 0;
	for (size_t i = 0; i < rq->n_tools && !c->undone && !c->run; i++)
		n += rq->tools[i].settled && tool_of(rq->tools[i].hosted)->unsettles;
	if (!n)
		return false;
	struct check_run *run = tools_check_run_new(p, c, project, n, tools_undo_work);
	run->undo = true;
	for (size_t i = 0; i < rq->n_tools; i++)
		if (rq->tools[i].settled)
			tools_undo_add(run, tool_of(rq->tools[i].hosted), rq->tools[i].settled);
	c->undone = true;
	c->run = run;
	if (!tools_job(p, &run->job, POOL_QUICK))
		defer_start(p->loop, &run->refused, tools_check_on_refused);
	return true;
}
