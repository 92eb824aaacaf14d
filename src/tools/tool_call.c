/* tool_call.c - calls of hosted tools on worker threads. */
#include "tools/tool_call.h"

#include "base/clock.h"
#include "mcp/limits.h"
#include "model/hosted_server.h"
#include "tools/internal.h"
#include "tools/taped.h"
#include "tools/toolrun.h"

bool tool_fits(const struct hosted *face, yyjson_val *args, struct err *e)
{
	const struct tool *tool = tool_of(face);
	return (yyjson_is_obj(args) || fail(e, ERR_BAD_JSON, NULL, "The arguments are no JSON object.")) &&
	       (!face->params || fields_read(face->params, args, "", NULL, NULL, NULL, e)) && (!tool->fits || tool->fits(args, e));
}

bool tool_again(const struct hosted *face, enum item_type type)
{
	return tool_of(face)->again || (face->server && face->server->list == type);
}

static int64_t tool_call_most_ms(const struct toolrun *run)
{
	const int64_t *own = run->list ? run->tool->list_ms : run->tool->call_ms;
	return own ? *own : tools_limits.call_ms;
}

static void tool_call_work(struct job *job)
{
	struct toolrun *run = OWNER(job, struct toolrun, job);
	if (toolrun_stopped(run))
		toolrun_fail(run, "It took longer than %lld seconds.", (long long)tool_call_most_ms(run) / 1000);
	else if (run->tools->options.tape)
		taped_run(run);
	else if (run->list)
		run->tool->list(run);
	else
		run->tool->run(run);
}

static void tool_call_run_free(struct toolrun *run)
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

static void tool_call_run_ended(struct toolrun *run)
{
	struct tool_call *c = run->call;
	if (c) {
		c->run = NULL;
		c->done(c, &run->result);
	}
	tool_call_run_free(run);
}

static void tool_call_on_done(struct job *job)
{
	tool_call_run_ended(OWNER(job, struct toolrun, job));
}

static void tool_call_on_refused(struct deferred *d)
{
	struct toolrun *run = OWNER(d, struct toolrun, refused);
	toolrun_fail(run, "Too many calls of tools are waiting. Try again later.");
	tool_call_run_ended(run);
}

yyjson_val *tools_copy(struct arena *a, yyjson_val *v)
{
	struct err none = {0};
	yyjson_val *copy = NULL;
	if (v)
		json_parse(a, json_text(a, v), &copy, &none);
	return copy;
}

static struct str tool_call_text(struct arena *a, struct str s)
{
	return s.p ? str_copy(a, s) : s;
}

void tool_start(struct tools_port *p, struct tool_call *c, const struct tool_ask *ask)
{
	const struct tool *tool = tool_of(ask->tool->hosted);
	struct toolrun *run = xalloc(sizeof *run);
	*run = (struct toolrun){.tool = tool, .tools = p->tools, .project = ask->project, .port = p, .call = c, .list = ask->list};
	run->job.run = tool_call_work;
	run->job.done = tool_call_on_done;
	run->given = tools_copy(&run->arena, ask->tool->given);
	run->settled = tools_copy(&run->arena, ask->tool->settled);
	run->args = tools_copy(&run->arena, ask->args);
	run->definition = tools_copy(&run->arena, ask->tool->definition);
	run->own = tool_call_text(&run->arena, ask->tool->own);
	run->text = tool_call_text(&run->arena, ask->text);
	run->approval = tool_call_text(&run->arena, ask->approval);
	run->trace = tool_call_text(&run->arena, ask->trace);
	run->pictures = new_array(&run->arena, struct str, ask->pictures.n + 1);
	for (run->n_pictures = 0; run->n_pictures < ask->pictures.n; run->n_pictures++)
		run->pictures[run->n_pictures] = str_copy(&run->arena, ask->pictures.at[run->n_pictures]);
	run->due_ms = clock_mono_us() / 1000 + tool_call_most_ms(run);
	run->next = p->runs;
	if (run->next)
		run->next->prev = run;
	p->runs = run;
	c->run = run;
	if (!tools_job(p, &run->job, tool->pool))
		defer_start(p->loop, &run->refused, tool_call_on_refused);
}

void tool_cancel(struct tool_call *c)
{
	struct toolrun *run = c->run;
	if (!run)
		return;
	c->run = NULL;
	toolrun_forget(run);
	if (run->refused.next) /* no job has it */
		tool_call_run_free(run);
}
