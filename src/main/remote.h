/* remote.h - how the commands reach a running server.
 *
 * Through its unix socket (then they are its owner), or by URL. Main thread. */
#pragma once
#include "main/args.h"
#include "main/query.h"
#include "wire/json.h"

struct remote {
	struct str base;   /* "http://localhost" or "http://host:1/v1" without a slash at the end; before /responses */
	struct str socket; /* {0}: by URL */
	const char *key;   /* NULL: none */
};

/* The socket of the server that runs on this data folder; false when there is none (*e untouched) or the
 * folder can't be found (*e set). */
bool remote_socket(struct args *a, struct str *ret, struct err *e);
/* OPENAI_BASE_URL when set, else the socket, else http://127.0.0.1:8080. */
bool remote_find(struct args *a, struct remote *ret, struct err *e);
/* One request to the API; the parsed answer lives in the config's arena. A status other than 200 is a failure with the
 * server's text. */
struct remote_call {
	struct str path;     /* behind the base: "/prompts" */
	struct str body;     /* {0}: GET, or DELETE with `gone` */
	bool gone;
	const char *project; /* the owner says which; NULL: the key's */
};
bool remote_run(struct args *a, const struct remote *r, const struct remote_call *c, yyjson_val **ret, struct err *e);
/* Can it be a part of a path? */
bool remote_id_fits(const char *id);
/* One request to `path` of the socket ("/admin/info"); body {0}: GET. The parsed answer lives in the config's
 * arena. A status other than 200 is a failure with the server's text. *refused (may be NULL): nobody there. */
bool remote_admin(struct args *a, struct str socket, const char *path, struct str body, yyjson_val **ret, bool *refused,
		  struct err *e);
