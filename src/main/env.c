/* env.c - `antiphon env`: two export lines for OpenAI's clients. */
#include <stdio.h>

#include "main/remote.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/address.h"

/* The running server's base URL and whether it wants keys; else what the settings say. */
static bool env_find(struct args *a, struct str *base, bool *keys, struct err *e)
{
	struct str socket;
	yyjson_val *info;
	struct err gone = {0};
	if (remote_socket(a, &socket, e) &&
	    remote_admin(a, socket, "/admin/info", (struct str){0}, &info, NULL, &gone)) {
		*base = json_str(json_get(info, S("base_url")));
		*keys = yyjson_get_bool(json_get(info, S("keys")));
		return true;
	}
	struct addresses all;
	if (e->code || !addresses_read(&a->config.arena, &a->config.server_listen, &all, e))
		return false;
	struct str url = address_url(&a->config.arena, &all.at[0], a->config.server_tls_cert.n > 0);
	*base = str_fmt(&a->config.arena, "%.*s/v1", FMT(url));
	*keys = false;
	fprintf(stderr, "antiphon: no server runs on this data folder; this is where it would listen\n");
	return true;
}

int env_command(int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	struct str base = {0};
	bool keys = false, ok = args_read(&a, argc, argv, NULL, &e);
	if (ok && a.help) {
		help_for("env");
	} else if (ok && env_find(&a, &base, &keys, &e)) {
		printf("export OPENAI_BASE_URL=%.*s\n", FMT(base));
		printf("export OPENAI_API_KEY=%s\n",
		       keys ? "\"${OPENAI_API_KEY:?make one: antiphon keys create NAME}\"" : "any");
	} else {
		ok = false;
	}
	if (!ok)
		complain(&e);
	args_release(&a);
	return ok ? 0 : 1;
}
