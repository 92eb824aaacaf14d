/* mcp_shown.c - the MCP servers that people are shown. */
#include "tools/mcp_shown.h"

#include "mcp/known.h"
#include "tools/internal.h"
#include "tools/mcp_options.h"

/* Those of one setting: "label=URL". What was seen of them is taken out of `seen`. */
static size_t shown_named(const struct str *rows, size_t n_rows, struct seen_server *seen, size_t n, struct arena *a,
			  struct mcp_shown *ret)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct str rest = rows[i], label = str_trim(str_cut(&rest, '='));
		ret[i] = (struct mcp_shown){label, {.url = seen_url(a, str_trim(rest))}};
		for (size_t k = 0; k < n; k++)
			if (str_eq(seen[k].url, ret[i].server.url)) {
				ret[i].server = seen[k];
				seen[k].url = (struct str){0};
				break;
			}
	}
	return n_rows;
}

size_t tools_mcp_shown(struct tools *t, int64_t project, struct arena *a, struct mcp_shown **ret)
{
	const struct mcp_options *o = &mcp_options;
	struct seen_server *seen;
	size_t n = seen_list(known_seen(t->mcp), project, a, &seen);
	*ret = new_array(a, struct mcp_shown, o->n_servers + o->n_connectors + n + 1);
	size_t shown = shown_named(o->servers, o->n_servers, seen, n, a, *ret);
	shown += shown_named(o->connectors, o->n_connectors, seen, n, a, *ret + shown);
	for (size_t i = 0; i < n; i++)
		if (seen[i].url.p)
			(*ret)[shown++] = (struct mcp_shown){.server = seen[i]};
	return shown;
}
