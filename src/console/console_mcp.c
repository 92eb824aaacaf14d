/* console_mcp.c - GET /console/api/mcp: MCP servers that requests may name, and how they and others have answered so
 * far. */
#include "door/request.h"
#include "tools/mcp_shown.h"

static void mcp_put_tools(struct jout *o, const struct seen_server *s)
{
	jo_key(o, S("tools"));
	jo_arr(o);
	for (size_t i = 0; i < s->n_tools; i++) {
		jo_obj(o);
		jo_kstr(o, "name", s->tools[i].name);
		jo_kbool(o, "read_only", s->tools[i].read_only);
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

static void mcp_put_server(struct jout *o, struct str label, const struct seen_server *s)
{
	jo_obj(o);
	jo_kstr(o, "label", label);
	jo_kstr(o, "url", s->url);
	jo_kstr(o, "revision", s->revision);
	jo_kint(o, "listed_at", s->listed_at);
	jo_kint(o, "called_at", s->called_at);
	jo_kint(o, "failed_at", s->failed_at);
	jo_kint(o, "lists", s->lists);
	jo_kint(o, "calls", s->calls);
	jo_kint(o, "failures", s->failures);
	jo_kstr(o, "fault", s->fault);
	jo_kint(o, "left_out", (int64_t)s->left_out);
	mcp_put_tools(o, s);
	jo_obj_end(o);
}

void console_mcp(struct request *rq)
{
	struct arena *a = exchange_arena(rq->x);
	struct mcp_shown *all;
	struct buf b;
	struct jout o = {&b, false};
	size_t n = tools_mcp_shown(rq->api->api->options.tools, rq->project, a, &all);
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < n; i++)
		mcp_put_server(&o, all[i].label, &all[i].server);
	jo_arr_end(&o);
	jo_obj_end(&o);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}
