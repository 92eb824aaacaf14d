/* remote.c - how the commands reach a running server. */
#include "main/remote.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/paths.h"

bool remote_socket(struct args *a, struct str *ret, struct err *e)
{
	struct str dir, path;
	if (!args_data_dir(a, &dir, e) || access(str_copy(&a->config.arena, dir).p, F_OK) ||
	    !socket_path(&a->config.arena, dir, &path, e) || access(path.p, F_OK))
		return false;
	*ret = path;
	return true;
}

bool remote_admin(struct args *a, struct str socket, const char *path, struct str body, yyjson_val **ret, bool *refused,
		  struct err *e)
{
	struct arena *arena = &a->config.arena;
	struct str url = str_fmt(arena, "http://localhost%s", path);
	struct query f = {.url = url.p, .socket = socket.p, .body = body, .total_ms = 30000};
	bool ok = query_run(&f, e);
	if (refused)
		*refused = f.refused;
	if (ok && f.status != 200)
		ok = fail(e, ERR_ENGINE, NULL, "%.*s", FMT(query_error(arena, &f)));
	ok = ok && json_parse(arena, str_copy(arena, buf_str(&f.out)), ret, e);
	query_release(&f);
	return ok;
}

bool remote_run(struct args *a, const struct remote *r, const struct remote_call *c, yyjson_val **ret, struct err *e)
{
	struct arena *arena = &a->config.arena;
	struct str url = str_fmt(arena, "%.*s%.*s", FMT(r->base), FMT(c->path));
	struct query f = {.url = url.p, .socket = r->socket.p, .key = r->key, .project = c->project, .body = c->body,
			  .gone = c->gone, .total_ms = 30000};
	bool ok = query_run(&f, e);
	if (f.refused)
		*e = (struct err){.code = ERR_ENGINE, .msg = "no server answers. Start one: make run (or: antiphon serve)"};
	if (ok && f.status != 200)
		ok = fail(e, f.status == 404 ? ERR_NOT_FOUND : ERR_ENGINE, NULL, "%.*s", FMT(query_error(arena, &f)));
	ok = ok && json_parse(arena, str_copy(arena, buf_str(&f.out)), ret, e);
	query_release(&f);
	return ok;
}

bool remote_id_fits(const char *id)
{
	return *id && !strpbrk(id, "/?#% \t\r\n");
}

bool remote_find(struct args *a, struct remote *ret, struct err *e)
{
	const char *url = getenv("OPENAI_BASE_URL");
	*ret = (struct remote){.key = getenv("OPENAI_API_KEY")};
	if (url && *url) {
		ret->base = str_of(url);
		while (ret->base.n && ret->base.p[ret->base.n - 1] == '/')
			ret->base.n--;
		return true;
	}
	if (remote_socket(a, &ret->socket, e)) {
		yyjson_val *info;
		struct err gone = {0};
		ret->base = S("http://localhost/v1");
		/* A server that was killed leaves its socket behind. */
		if (remote_admin(a, ret->socket, "/admin/info", (struct str){0}, &info, NULL, &gone)) {
			ret->key = NULL; /* the socket is its owner's: no key is needed */
			return true;
		}
		ret->socket = (struct str){0};
	}
	ret->base = S("http://127.0.0.1:8080/v1");
	return e->code == ERR_NONE;
}
