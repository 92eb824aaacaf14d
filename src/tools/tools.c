/* tools.c - the hosted tools: the table, their threads, and what a request offers. */
#include "tools/tools.h"

#include "base/log.h"
#include "mcp/known.h"
#include "mcp/limits.h"
#include "model/hosted_server.h"
#include "tape/tape.h"
#include "tools/internal.h"
#include "tools/mcp_options.h"
#include "tools/taped.h"
#include "tools/toolrun.h"
#include "tools/web_cache.h"
#include "tools/web_search.h"

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
	t->mcp = mcp_known_new();
	if (o->dir.p && !web_cache_open(o->dir, &t->cache, &why)) /* it only saves fetching */
		log_at(LOG_WARN, "web pages are not kept", "error=\"%s\"", why.msg);
	return t;
}

void tools_free(struct tools *t)
{
	if (!t)
		return;
	tape_close(t->options.tape);
	web_cache_close(t->cache);
	mcp_known_free(t->mcp);
	xfree(t);
}

struct tools_port *tools_attach(struct tools *t, struct loop *l)
{
	struct tools_port *p = xalloc(sizeof *p);
	p->tools = t;
	p->loop = l;
	return p;
}

void tools_detach(struct tools_port *p)
{
	for (struct toolrun *run = p->runs; run; run = run->next) {
		toolrun_forget(run);
		run->port = NULL;
	}
	for (int i = POOLS; i-- > 0;)
		workers_free(p->pools[i]); /* what they have posted is still to come: loop_close() takes it */
	xfree(p);
}

/* --- what a request offers --- */

bool tools_serve(const struct tools *t, const struct create *c, struct err *e)
{
	int64_t servers = 0;
	for (size_t i = 0; i < c->n_tools; i++)
		servers += tool_is_server(&c->tools[i]);
	if (servers > mcp_limits.per_request)
		return fail(e, ERR_INVALID_VALUE, "tools", "A request may name at most %lld MCP servers.",
			    (long long)mcp_limits.per_request);
	for (size_t i = 0; i < c->n_tools; i++) {
		const struct function_tool *f = &c->tools[i];
		if (f->hosted && !f->definition && !t->options.tape && !tool_of(f->hosted)->serves(&t->options, f->given, f->path.p, e))
			return false;
	}
	return true;
}

const char *tools_search_lacks(const struct tools *t)
{
	return web_search_lacks(&t->options);
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

static void describe(struct arena *a, const struct create *c, const struct tool *tool, struct function_tool *f)
{
	struct err none = {0};
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, tool->face.description);
	if (tool->describe)
		tool->describe(&b, f->given, f->settled);
	if (tool->others)
		tool->others(&b, c);
	f->description = str_copy(a, buf_str(&b));
	buf_release(&b);
	json_parse(a, tool->face.schema, &f->parameters, &none);
}

void tools_describe(struct arena *a, struct create *c)
{
	for (size_t i = 0; i < c->n_tools; i++) {
		if (c->tools[i].hosted && !c->tools[i].hosted->server)
			describe(a, c, tool_of(c->tools[i].hosted), &c->tools[i]);
	}
}

bool tools_list_skips(const struct tools_port *p)
{
	return mcp_options.skip;
}

/* --- for the other files --- */

bool tools_job(struct tools_port *p, struct job *j, enum tool_pool pool)
{
	const struct tool *tool = tool_of(face);
	return (yyjson_is_obj(args) || fail(e, ERR_BAD_JSON, NULL, "The arguments are no JSON object.")) &&
	       (!face->params || fields_read(face->params, args, "", NULL, NULL, NULL, e)) && (!tool->fits || tool->fits(args, e));
}

bool tool_again(const struct hosted *face, enum item_type type)
{
	return tool_of(face)->again || (face->server && face->server->list == type);
}

static int64_t tools_most_ms(const struct toolrun *run)
{
	const int64_t *own = run->list ? run->tool->list_ms : run->tool->call_ms;
	return own ? *own : tools_limits.call_ms;
}

static void tools_work(struct job *job)
{
	struct toolrun *run = OWNER(job, struct toolrun, job);
	if (toolrun_stopped(run))
		toolrun_fail(run, "It took longer than %lld seconds.", (long long)tools_most_ms(run) / 1000);
	else if (run->tools->options.tape)
		taped_run(run);
	else if (run->list)
		run->tool->list(run);
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

bool tools_job(struct tools_port *p, struct job *j, bool slow)
{
	struct workers **w = slow ? &p->slow : &p->workers;
	int64_t threads = slow ? tools_limits.slow_threads : tools_limits.threads;
	if (!*w)
		*w = workers_new(slow ? "slow tools" : "tools", (unsigned)threads, (unsigned)tools_limits.waiting);
	return job_start(*w, p->loop, j);
}

static bool tools_far_job(struct tools_port *p, struct job *j)
{
	if (!p->far)
		p->far = workers_new("mcp", (unsigned)mcp_limits.threads, (unsigned)mcp_limits.waiting);
	return job_start(p->far, p->loop, j);
}

static struct str tools_text(struct arena *a, struct str s)
{
	return s.p ? str_copy(a, s) : s;
}

void tool_start(struct tools_port *p, struct tool_call *c, const struct tool_ask *ask)
{
	const struct tool *tool = tool_of(ask->tool->hosted);
	struct toolrun *run = xalloc(sizeof *run);
	*run = (struct toolrun){.tool = tool, .tools = p->tools, .project = ask->project, .port = p, .call = c, .list = ask->list};
	run->job.run = tools_work;
	run->job.done = tools_on_done;
	run->given = tools_copy(&run->arena, ask->tool->given);
	run->settled = tools_copy(&run->arena, ask->tool->settled);
	run->args = tools_copy(&run->arena, ask->args);
	run->definition = tools_copy(&run->arena, ask->tool->definition);
	run->own = tools_text(&run->arena, ask->tool->own);
	run->text = tools_text(&run->arena, ask->text);
	run->approval = tools_text(&run->arena, ask->approval);
	run->trace = tools_text(&run->arena, ask->trace);
	run->pictures = new_array(&run->arena, struct str, ask->pictures.n + 1);
	for (run->n_pictures = 0; run->n_pictures < ask->pictures.n; run->n_pictures++)
		run->pictures[run->n_pictures] = str_copy(&run->arena, ask->pictures.at[run->n_pictures]);
	run->due_ms = clock_mono_us() / 1000 + tools_most_ms(run);
	run->next = p->runs;
	if (run->next)
		run->next->prev = run;
	p->runs = run;
	c->run = run;
	if (!(tool->far ? tools_far_job(p, &run->job) : tools_job(p, &run->job, tool->slow)))
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
	static const struct {
		const char *name;
		const int64_t *threads, *waiting;
	} pools[] = {
#define POOL(ID, name, threads, waiting) {name, &(threads), &(waiting)},
#include "tools/pools.def"
#undef POOL
	};
	if (!p->pools[pool])
		p->pools[pool] =
		    workers_new(pools[pool].name, (unsigned)*pools[pool].threads, (unsigned)*pools[pool].waiting);
	return job_start(p->pools[pool], p->loop, j);
}
