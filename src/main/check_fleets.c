/* check_fleets.c - `antiphon check`: engines by URL, and the members of fleets. */
#include "main/check_fleets.h"

#include <string.h>

#include "fleet/limits.h"
#include "fleet/lookup.h"
#include "main/query.h"
#include "main/remote.h"

static void check_reachable(struct check *c, struct str at, struct str key)
{
	struct str url = at;
	bool path = str_starts(url, S("unix:"));
	if (url.n > 3 && !memcmp(url.p + url.n - 3, "/v1", 3))
		url.n -= 3;
	struct str full = path ? S("http://localhost/v1/models") : str_fmt(c->arena, "%.*s/v1/models", FMT(url));
	struct query f = {.url = full.p, .socket = path ? at.p + 5 : NULL, .key = key.p, .total_ms = 10000};
	struct err e = {0};
	bool ok = query_run(&f, &e);
	if (ok && f.status == 200)
		check_say(c, FINE, "engine", NULL, "%.*s answers", FMT(at));
	else if (ok)
		check_say(c, BAD, "engine", "is the URL right, and the key?", "%.*s answers %.*s", FMT(at),
			  FMT(query_error(c->arena, &f)));
	else
		check_say(c, BAD, "engine", "start it, or correct the URL", "%s", e.msg);
	query_release(&f);
}

static void check_member(struct check *c, struct str what, struct str resolver, struct str key)
{
	struct lookup look = {.server = resolver};
	struct err e = {0};
	if (lookup_kind(what) == LOOKUP_NONE) {
		check_reachable(c, what, key);
		return;
	}
	if (!lookup_run(&look, c->arena, what, (size_t)fleet_limits.members, &e)) {
		check_say(c, BAD, "fleet", "correct the file, or the name's records; calls go to the members known before", "%s", e.msg);
		return;
	}
	check_say(c, FINE, "fleet", NULL, "%.*s names %zu engine(s)", FMT(what), look.n);
	for (size_t i = 0; i < look.n; i++)
		check_reachable(c, look.urls[i], key);
}

void check_fleets(struct check *c, const struct engines_config *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct engine_config *g = &all->engines[i];
		for (size_t k = 0; k <= g->n_members; k++)
			check_member(c, k ? g->members[k - 1] : g->url, all->resolver, g->key);
	}
}

void check_states(struct check *c, struct str socket)
{
	yyjson_val *v, *g;
	size_t i, n;
	struct err e = {0};
	if (!remote_admin(c->args, socket, "/admin/engines", (struct str){0}, &v, NULL, &e)) {
		check_say(c, NOTE, "engines", NULL, "%s", e.msg);
		return;
	}
	yyjson_arr_foreach(json_get(v, S("engines")), i, n, g)
	{
		struct str state = json_str(json_get(g, S("state"))), why = json_str(json_get(g, S("why")));
		if (!str_eq(state, S("up")) && !str_eq(state, S("unknown")))
			check_say(c, NOTE, "engine", "antiphon engines shows all; docs/engines.md says what the states are", "%.*s: %.*s%s%.*s",
				  FMT(json_str(json_get(g, S("name")))), FMT(state), why.n ? ", " : "", FMT(why));
	}
}
