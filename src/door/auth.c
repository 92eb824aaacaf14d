/* auth.c - who asks.
 *
 * A key names its project. Without any key made, requests over loopback (or anywhere with
 * --allow-anonymous) belong to the project `default`, whatever key they bring; then the Host and Origin
 * headers are what keeps a web page in the user's browser out. */
#include <string.h>

#include "door/request.h"
#include "door/sign_in.h"

static bool local_name(struct str host)
{
	return str_eq_nocase(host, S("localhost")) || str_eq(host, S("127.0.0.1")) || str_eq(host, S("[::1]"));
}

/* "host:port" without its port; the brackets of an IPv6 address stay. */
static struct str without_port(struct str host)
{
	size_t n = host.n;
	while (n && host.p[n - 1] >= '0' && host.p[n - 1] <= '9')
		n--;
	if (n && host.p[n - 1] == ':' && (host.p[0] != '[' || (n > 1 && host.p[n - 2] == ']')))
		host.n = n - 1;
	return host;
}

static bool host_allowed(const struct api_options *o, struct str host)
{
	host = without_port(host);
	if (local_name(host))
		return true;
	for (size_t i = 0; i < o->n_hosts; i++)
		if (str_eq_nocase(o->hosts[i], host))
			return true;
	return false;
}

bool cors_lists(const struct api_options *o, struct str origin)
{
	for (size_t i = 0; i < o->n_cors; i++)
		if (str_eq(o->cors[i], S("*")) || str_eq_nocase(o->cors[i], origin))
			return true;
	return false;
}

static bool origin_is_ours(const struct api_options *o, struct str origin)
{
	struct str rest = origin;
	if (str_starts(origin, S("http://")))
		rest = (struct str){origin.p + 7, origin.n - 7};
	else if (str_starts(origin, S("https://")))
		rest = (struct str){origin.p + 8, origin.n - 8};
	else
		return cors_lists(o, origin);
	return cors_lists(o, origin) || host_allowed(o, rest);
}

bool auth_origin(struct request *rq, struct err *e)
{
	const struct api_options *o = &rq->api->api->options;
	struct str host = exchange_header(rq->x, S("host")), origin = exchange_header(rq->x, S("origin"));
	if (str_eq(exchange_request(rq->x)->peer, S("unix")) || o->allow_anonymous || key_any(o->store))
		return true;
	if (!host_allowed(o, host))
		return fail(e, ERR_FORBIDDEN, NULL,
		            "Host '%.*s' is not allowed without API keys. Make a key (antiphon keys create NAME) or list the host "
		            "in server.hosts.",
		            FMT(host));
	if (origin.p && !origin_is_ours(o, origin))
		return fail(e, ERR_FORBIDDEN, NULL,
		            "Requests from web pages of '%.*s' are not allowed. List the origin in server.cors to allow them.",
		            FMT(origin));
	return true;
}

bool auth_page(struct request *rq, struct err *e)
{
	struct str origin = exchange_header(rq->x, S("origin"));
	if (!origin.p || origin_is_ours(&rq->api->api->options, origin))
		return true;
	return fail(e, ERR_FORBIDDEN, NULL,
	            "WebSockets from web pages of '%.*s' are not allowed. List the origin in server.cors to allow them.",
	            FMT(origin));
}

/* As OpenAI shows keys in its messages: the ends only. */
static void key_masked(struct str key, char out[32])
{
	size_t n = 0;
	for (size_t i = 0; i < key.n && n < 24; i++)
		out[n++] = i < 8 || (key.n > 16 && i + 4 >= key.n) ? key.p[i] : '*';
	out[n] = 0;
	if (key.n > 24)
		memcpy(out + 20, key.p + key.n - 4, 4);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < 0x20 || (unsigned char)out[i] > 0x7e)
			out[i] = '*';
}

static bool project_header(struct request *rq, struct err *e)
{
	struct str want = exchange_header(rq->x, S("openai-project"));
	if (!want.n || str_eq(want, rq->project_name))
		return true;
	return fail(e, ERR_WRONG_PROJECT, NULL, "OpenAI-Project header should match project for API key");
}

static struct str bearer(const struct exchange *x)
{
	struct str h = exchange_header(x, S("authorization"));
	if (h.n > 7 && str_eq_nocase((struct str){h.p, 7}, S("Bearer ")))
		return str_trim((struct str){h.p + 7, h.n - 7});
	return (struct str){0};
}

struct str auth_session(const struct request *rq)
{
	struct str all = exchange_header(rq->x, S("cookie"));
	while (all.n) {
		struct str one = str_trim(str_cut(&all, ';'));
		if (str_starts(one, S("antiphon_console=")))
			return (struct str){one.p + 17, one.n - 17};
	}
	return (struct str){0};
}

static bool console_asks(const struct request *rq)
{
	return exchange_header(rq->x, S("x-antiphon-console")).n > 0;
}

static bool signed_in(const struct request *rq)
{
	return console_asks(rq) && sign_in_check(rq->api->api->sign_ins, auth_session(rq));
}

bool auth_unlocked(const struct request *rq)
{
	const struct exchange_request *q = exchange_request(rq->x);
	return (q->loopback || str_eq(q->peer, S("unix"))) && !key_any(rq->api->api->options.store);
}

/* The owner says which project; `default` unless said. */
static bool owner_project(struct request *rq, struct err *e)
{
	struct str want = exchange_header(rq->x, S("openai-project"));
	rq->project_name = want.n ? want : S("default");
	return project_find(rq->api->api->options.store, rq->project_name, false, &rq->project, e);
}

static bool owner_asks(const struct request *rq)
{
	return exchange_request(rq->x)->owner || auth_unlocked(rq) || signed_in(rq);
}

bool auth_owner(struct request *rq, struct err *e)
{
	if (!auth_page(rq, e))
		return false;
	if (owner_asks(rq))
		return owner_project(rq, e);
	return fail(e, ERR_NO_KEY, NULL,
		    "This is for the server's owner, not for API keys: ask over the unix socket in the data folder.");
}

static bool no_key(struct err *e)
{
	return fail(e, ERR_NO_KEY, NULL,
	            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
	            "auth (i.e. Authorization: Bearer YOUR_KEY). Keys are made with `antiphon keys create NAME`.");
}

static bool bad_key(struct str key, struct err *e)
{
	char masked[32];
	key_masked(key, masked);
	return fail(e, ERR_INVALID_KEY, NULL,
	            "Incorrect API key provided: %s. Keys are made with `antiphon keys create NAME`.", masked);
}

static void take_holder(struct request *rq, const struct key_holder *holder)
{
	rq->project = holder->project;
	rq->project_name = holder->project_name;
	rq->key = holder->id;
}

bool auth_admin(struct request *rq, struct err *e)
{
	struct str key = bearer(rq->x);
	struct key_holder holder;
	if (key.n && key_check(rq->api->api->options.store, key, &holder)) {
		if (!holder.admin)
			return fail(e, ERR_NO_KEY, NULL,
				    "You have insufficient permissions for this operation: it needs an admin key. Admin keys are "
				    "made with `antiphon keys create NAME --admin`; metrics may have a listener of their own "
				    "(metrics.listen).");
		take_holder(rq, &holder);
		return true;
	}
	if (!auth_page(rq, e))
		return false;
	if (owner_asks(rq))
		return owner_project(rq, e);
	return key.n ? bad_key(key, e) : no_key(e);
}

bool auth_console(struct request *rq, struct err *e)
{
	if (!auth_page(rq, e))
		return false;
	if (console_asks(rq) && (signed_in(rq) || auth_unlocked(rq)))
		return owner_project(rq, e);
	return fail(e, ERR_NO_KEY, NULL,
		    "Sign in first: run `antiphon console` on the server's machine and open the link that it prints.");
}

bool auth_key(struct request *rq, struct err *e)
{
	struct api *api = rq->api->api;
	const struct exchange_request *q = exchange_request(rq->x);
	struct str key = bearer(rq->x);
	struct key_holder holder;
	if (key.n && key_check(api->options.store, key, &holder)) {
		if (holder.admin)
			return fail(e, ERR_FORBIDDEN, NULL,
				    "Admin keys are for usage, costs and metrics alone. Make another key for this: `antiphon keys "
				    "create NAME`.");
		take_holder(rq, &holder);
		return project_header(rq, e);
	}
	if (!key.n && signed_in(rq))
		return auth_page(rq, e) && owner_project(rq, e);
	if (q->owner)
		return owner_project(rq, e);
	bool local = q->loopback || str_eq(q->peer, S("unix"));
	if (api->options.allow_anonymous || str_eq(q->peer, S("unix")) || (local && !key_any(api->options.store))) {
		rq->project = api->default_project;
		rq->project_name = S("default");
		return project_header(rq, e);
	}
	return key.n ? bad_key(key, e) : no_key(e);
}
