/* console_mcp.c - GET /console/api/mcp: MCP servers that requests may name, and how they and others have answered so
 * far. */
#include "door/request.h"
#include "mcp/seen.h"
#include "tools/mcp_options.h"
#include "tools/tools.h"

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

/* `label` {0}: it was named by its address alone. */
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

/* Those that settings name, asked or not: {"x=URL", ...}. What was seen of them is not told again. */
static void mcp_put_named(struct jout *o, const struct str *rows, size_t n_rows, struct seen_server *seen, size_t n,
			  struct arena *a)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct str rest = rows[i], label = str_trim(str_cut(&rest, '='));
		struct seen_server none = {.url = seen_url(a, str_trim(rest))}, *found = &none;
		for (size_t k = 0; k < n; k++)
			if (str_eq(seen[k].url, none.url))
				found = &seen[k];
		mcp_put_server(o, label, found);
		found->url = (struct str){0};
	}
}

void console_mcp(struct request *rq)
{
	struct arena *a = exchange_arena(rq->x);
	const struct mcp_options *named = &mcp_options;
	struct seen_server *seen;
	struct buf b;
	struct jout o = {&b, false};
	size_t n = seen_list(tools_mcp_seen(rq->api->api->options.tools), rq->project, a, &seen);
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_key(&o, S("data"));
	jo_arr(&o);
	mcp_put_named(&o, named->servers, named->n_servers, seen, n, a);
	mcp_put_named(&o, named->connectors, named->n_connectors, seen, n, a);
	for (size_t i = 0; i < n; i++)
		if (seen[i].url.p)
			mcp_put_server(&o, (struct str){0}, &seen[i]);
	jo_arr_end(&o);
	jo_obj_end(&o);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}
