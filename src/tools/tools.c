/* tools.c - the hosted tools: the table, what a request offers, and calls on worker threads. */
#include "tools/tools.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/internal.h"
#include "tools/web_cache.h"

static const struct hosted *const table[] = {
#define HOSTED(name) &tool_##name.face,
#include "tools/tools.def"
#undef HOSTED
};

const struct tool *tool_of(const struct hosted *face)
{
	return OWNER(face, const struct tool, face);
}

/* --- life --- */

void tools_register(void)
{
	hosted_set(table, sizeof table / sizeof *table);
}

struct tools *tools_new(const struct tools_options *o)
{
	struct tools *t = xalloc(sizeof *t);
	struct err why = {0};
	tools_register();
	t->options = *o;
	if (o->dir.p && !web_cache_open(o->dir, &t->cache, &why)) /* it only saves fetching */
		log_at(LOG_WARN, "web pages are not kept", "error=\"%s\"", why.msg);
	return t;
}

void tools_free(struct tools *t)
{
	if (!t)
		return;
	web_cache_close(t->cache);
	xfree(t);
}

struct tools_port *tools_attach(struct tools *t, struct loop *l)
{
	struct tools_port *p = xalloc(sizeof *p);
	p->tools = t;
	p->loop = l;
	return p;
}

static void tools_forget(struct toolrun *run)
{
	run->call = NULL;
	atomic_store(&run->job.cancelled, true);
}

void tools_detach(struct tools_port *p)
{
	for (struct toolrun *run = p->runs; run; run = run->next) {
		tools_forget(run);
		run->port = NULL;
	}
	workers_free(p->workers); /* what they have posted is still to come: loop_close() takes it */
	xfree(p);
}

/* --- what a request offers --- */

bool tools_serve(const struct tools *t, const struct create *c, struct err *e)
{
	for (size_t i = 0; i < c->n_tools; i++) {
		const struct function_tool *f = &c->tools[i];
		if (f->hosted && !tool_of(f->hosted)->serves(&t->options, f->given, f->path.p, e))
			return false;
	}
	return true;
}

const char *tools_advice(const struct tools *t, struct arena *a, const struct create *c, const char *list)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	buf_add(&b, str_of(list));
	for (size_t i = 0; i < c->n_tools; i++) {
		const struct function_tool *f = &c->tools[i];
		if (f->hosted && tool_of(f->hosted)->unapplied)
			tool_of(f->hosted)->unapplied(&t->options, f->given, f->path.p, &b);
	}
	const char *all = b.n ? str_copy(a, buf_str(&b)).p : NULL;
	buf_release(&b);
	return all;
}

static void describe(struct arena *a, const struct tool *tool, struct function_tool *f)
{
	struct err none = {0};
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, tool->face.description);
	if (tool->describe)
		tool->describe(&b, f->given);
	f->description = str_copy(a, buf_str(&b));
	buf_release(&b);
	json_parse(a, tool->face.schema, &f->parameters, &none);
}

void tools_describe(struct arena *a, struct create *c)
{
	for (size_t i = 0; i < c->n_tools; i++) {
		if (c->tools[i].hosted)
			describe(a, tool_of(c->tools[i].hosted), &c->tools[i]);
	}
}

/* --- calls --- */

bool tool_fits(const struct hosted *face, yyjson_val *args, struct err *e)
{
	const struct tool *tool = tool_of(face);
	return (yyjson_is_obj(args) || fail(e, ERR_BAD_JSON, NULL, "The arguments are no JSON object.")) &&
	       fields_read(face->params, args, "", NULL, NULL, NULL, e) && (!tool->fits || tool->fits(args, e));
}

bool tool_again(const struct hosted *face)
{
	return tool_of(face)->again;
}

static int64_t tools_call_ms(const struct tool *tool)
{
	return tool->call_ms ? *tool->call_ms : tools_limits.call_ms;
}

static void tools_work(struct job *job)
{
	struct toolrun *run = OWNER(job, struct toolrun, job);
	if (toolrun_stopped(run))
		toolrun_fail(run, "It took longer than %lld seconds.", (long long)tools_call_ms(run->tool) / 1000);
	else
		run->tool->run(run);
}

static void tools_run_free(struct toolrun *run)
{
	if (run->port) {
		if (run->prev)
			run->prev->next = run->next;
		else
			run->port->runs = run->next;
		if (run->next)
			run->next->prev = run->prev;
	}
	defer_cancel(&run->refused);
	arena_free(&run->arena);
	xfree(run);
}

static void tools_run_ended(struct toolrun *run)
{
	struct tool_call *c = run->call;
	if (c) {
		c->run = NULL;
		c->done(c, &run->result);
	}
	tools_run_free(run);
}

static void tools_on_done(struct job *job)
{
	tools_run_ended(OWNER(job, struct toolrun, job));
}

static void tools_on_refused(struct deferred *d)
{
	struct toolrun *run = OWNER(d, struct toolrun, refused);
	toolrun_fail(run, "Too many calls of tools are waiting. Try again later.");
	tools_run_ended(run);
}

yyjson_val *tools_copy(struct arena *a, yyjson_val *v)
{
	struct err none = {0};
	yyjson_val *copy = NULL;
	if (v)
		json_parse(a, json_text(a, v), &copy, &none);
	return copy;
}

bool tools_job(struct tools_port *p, struct job *j)
{
	if (!p->workers)
		p->workers = workers_new("tools", (unsigned)tools_limits.threads, (unsigned)tools_limits.waiting);
	return job_start(p->workers, p->loop, j);
}

void tool_start(struct tools_port *p, struct tool_call *c, int64_t project, const struct hosted *tool,
		yyjson_val *given, yyjson_val *args, struct tool_pictures pictures)
{
	struct toolrun *run = xalloc(sizeof *run);
	*run = (struct toolrun){.tool = tool_of(tool), .tools = p->tools, .project = project, .port = p, .call = c};
	run->job.run = tools_work;
	run->job.done = tools_on_done;
	run->given = tools_copy(&run->arena, given);
	run->args = tools_copy(&run->arena, args);
	run->pictures = new_array(&run->arena, struct str, pictures.n + 1);
	for (run->n_pictures = 0; run->n_pictures < pictures.n; run->n_pictures++)
		run->pictures[run->n_pictures] = str_copy(&run->arena, pictures.at[run->n_pictures]);
	run->due_ms = clock_mono_us() / 1000 + tools_call_ms(run->tool);
	run->next = p->runs;
	if (run->next)
		run->next->prev = run;
	p->runs = run;
	c->run = run;
	if (!tools_job(p, &run->job))
		defer_start(p->loop, &run->refused, tools_on_refused);
}

void tool_cancel(struct tool_call *c)
{
	struct toolrun *run = c->run;
	if (!run)
		return;
	c->run = NULL;
	tools_forget(run);
	if (run->refused.next) /* no job has it */
		tools_run_free(run);
}
