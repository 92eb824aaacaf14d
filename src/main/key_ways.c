/* key_ways.c - where keys, projects and their limits are. */
#include "main/key_ways.h"

#include "main/config_limits.h"
#include "main/paths.h"

bool ways_open(struct key_ways *w, struct err *e)
{
	yyjson_val *info;
	bool refused = false;
	struct err gone = {0};
	if (remote_socket(w->args, &w->socket, e)) {
		if (remote_admin(w->args, w->socket, "/admin/info", (struct str){0}, &info, &refused, &gone))
			return true;
		if (!refused)
			return fail(e, gone.code, NULL, "%s", gone.msg);
		w->socket = (struct str){0};
	}
	struct store_options o = {0};
	const struct config *c = &w->args->config;
	if (e->code || !args_data_dir(w->args, &o.dir, e))
		return false;
	o.url = c->store_url.n ? c->store_url : (struct str){0};
	return config_apply_limits(&w->args->config, e) && folder_make(o.dir, e) && store_open(&o, &w->store, e);
}

void ways_close(struct key_ways *w)
{
	if (w->store)
		store_close(w->store);
}
