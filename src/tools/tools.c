/* tools.c - the hosted tools: the table, their threads, and what a request offers. */
#include "tools/tools.h"

#include "base/log.h"
#include "mcp/known.h"
#include "mcp/limits.h"
#include "model/hosted_server.h"
#include "tape/tape.h"
#include "tools/internal.h"
#include "tools/mcp_options.h"
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
