/* routes.c - from a request's head to its handler.
 *
 * The head alone decides: path and method (routes.def), host and origin, key, content type, draining. So a
 * refused client costs no body. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/access.h"
#include "api/routes.h"

#include "door/allowance.h"
#include "door/elsewhere.h"
#include "measure/measure.h"
#include "net/websocket.h"
#include "wire/multipart.h"

#define ROUTE(method, path, handler, flags) void handler(struct request *);
#include "api/routes.def"
#undef ROUTE

static const struct route routes[] = {
#define ROUTE(method, path, handler, flags) {METHOD_##method, STR(path), handler, flags},
#include "api/routes.def"
#undef ROUTE
};
enum { N_ROUTES = sizeof routes / sizeof *routes };
/* Numbers of LABEL_ROUTE; set before the loops run. */
static unsigned route_labels[N_ROUTES];

/* Compares segment by segment; a "{...}" takes one segment that is not empty, a last "{...*}" all that is left: names of
 * models have slashes, and clients do not encode them. */
static bool path_match(struct arena *a, struct str pattern, struct str path, struct str args[2])
{
	size_t n = 0;
	while (pattern.n && path.n) {
		struct str want = str_cut(&pattern, '/'), got = str_cut(&path, '/');
		if (want.n && want.p[0] == '{') {
			if (!got.n)
				return false;
			assert(n < 2);
			if (want.p[want.n - 2] == '*' && path.n) {
				got.n += 1 + path.n;
				path = (struct str){got.p + got.n, 0};
			}
			args[n++] = percent_decode(a, got, false);
		} else if (!str_eq(want, got)) {
			return false;
		}
	}
	return !pattern.n && !path.n;
}

static const char *const method_names[] = {"GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "?"};

static bool method_fits(const struct route *r, enum method m)
{
	return r->method == m || (m == METHOD_HEAD && r->method == METHOD_GET && !(r->flags & ROUTE_SOCKET));
}

/* Writes the methods a path has ("GET, HEAD, DELETE"), each once; "" when it has none. */
static void methods_of(struct arena *a, struct str path, char out[64])
{
	struct str args[2];
	unsigned found = 0;
	size_t n = 0;
	for (int i = 0; i < N_ROUTES; i++)
		if (!(routes[i].flags & ROUTE_SOCKET) && path_match(a, routes[i].path, path, args))
			found |= 1u << routes[i].method | (routes[i].method == METHOD_GET ? 1u << METHOD_HEAD : 0);
	out[0] = 0;
	for (unsigned m = METHOD_GET; m <= METHOD_OPTIONS; m++)
		if (found & 1u << m)
			n += (size_t)snprintf(out + n, 64 - n, "%s%s", n ? ", " : "", method_names[m]);
}

/* A path that would exist with another base URL names the right one: a base URL without /v1, or with it twice, is a usual slip. */
static bool unknown_path(struct request *rq, const struct exchange_request *q, struct err *e)
{
	struct arena *a = exchange_arena(rq->x);
	struct str base = rq->api->api->options.base_url, path = q->path;
	char methods[64];
	if (str_starts(path, S("/v1/v1/")))
		path = (struct str){path.p + 3, path.n - 3};
	else if (!str_starts(path, S("/v1")))
		path = str_fmt(a, "/v1%.*s", FMT(path));
	methods_of(a, path, methods);
	if (methods[0] && !str_eq(path, q->path))
		return fail(e, ERR_NOT_FOUND, NULL, "Invalid URL (%.*s %.*s). The base URL of this server is %.*s",
		            FMT(q->method_text), FMT(q->path), FMT(base));
	return fail(e, ERR_NOT_FOUND, NULL, "Invalid URL (%.*s %.*s)", FMT(q->method_text), FMT(q->path));
}

static bool find_route(struct request *rq, const struct exchange_request *q, struct err *e)
{
	struct arena *a = exchange_arena(rq->x);
	char methods[64];
	for (int i = 0; i < N_ROUTES; i++)
		if (method_fits(&routes[i], q->method) && path_match(a, routes[i].path, q->path, rq->args) &&
		    (!(routes[i].flags & ROUTE_SOCKET) || websocket_wanted(rq->x))) {
			rq->route = &routes[i];
			return true;
		}
	methods_of(a, q->path, methods);
	if (!methods[0])
		return unknown_path(rq, q, e);
	exchange_add_header(rq->x, S("Allow"), str_of(methods));
	return fail(e, ERR_METHOD, NULL, "Not allowed to %.*s on %.*s. Allowed: %s.", FMT(q->method_text), FMT(q->path),
	            methods);
}

/* A route that takes both takes what is no form as JSON. */
static bool takes_form(const struct request *rq, struct str type)
{
	unsigned flags = rq->route->flags;
	return flags & ROUTE_FORM && (!(flags & ROUTE_BODY) || multipart_type(type));
}

const struct route *routes_find(enum method m, struct str path)
{
	for (int i = 0; i < N_ROUTES; i++)
		if (routes[i].method == m && str_eq(routes[i].path, path))
			return &routes[i];
	return NULL;
}

/* text/plain posts are what a web page can send without asking its user: refused (415). */
static bool body_type(struct request *rq, struct err *e)
{
	struct str type = exchange_header(rq->x, S("content-type")), rest = type;
	struct str kind = str_trim(str_cut(&rest, ';'));
	unsigned any = type.n ? ROUTE_BODY | ROUTE_BODY_IF_ANY : ROUTE_BODY;
	bool form = takes_form(rq, type);
	if (form ? multipart_type(type) : !(rq->route->flags & any) || str_eq_nocase(kind, S("application/json")))
		return true;
	return fail(e, ERR_MEDIA_TYPE, NULL, "Unsupported content type: '%.*s'. This API method only accepts '%s' "
	            "requests, but you specified the header 'Content-Type: %.*s'. Please try again with a supported content type.",
	            FMT(kind), form ? "multipart/form-data" : "application/json", FMT(type));
}

/* What the SDKs read of an answer, and what this server says beside. */
static const struct str exposed =
    STR("x-request-id, openai-processing-ms, openai-version, openai-organization, openai-project, retry-after, "
	"retry-after-ms, x-should-retry, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, "
	"x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, "
	"x-ratelimit-reset-tokens, antiphon-not-applied, www-authenticate");

static void cors_headers(struct request *rq, bool preflight)
{
	struct str origin = exchange_header(rq->x, S("origin"));
	if (!origin.n || !cors_lists(&rq->api->api->options, origin))
		return;
	exchange_add_header(rq->x, S("Access-Control-Allow-Origin"), origin);
	exchange_add_header(rq->x, S("Vary"), S("Origin"));
	exchange_add_header(rq->x, S("Access-Control-Expose-Headers"), exposed);
	if (!preflight)
		return;
	exchange_add_header(rq->x, S("Access-Control-Allow-Methods"), S("GET, POST, DELETE"));
	exchange_add_header(rq->x, S("Access-Control-Max-Age"), S("600"));
	struct str want = exchange_header(rq->x, S("access-control-request-headers"));
	if (want.n)
		exchange_add_header(rq->x, S("Access-Control-Allow-Headers"), want);
}

/* true: a preflight of an allowed origin, answered. */
static bool preflight(struct request *rq, const struct exchange_request *q)
{
	struct str origin = exchange_header(rq->x, S("origin"));
	if (q->method != METHOD_OPTIONS || !origin.n || !exchange_header(rq->x, S("access-control-request-method")).n ||
	    !cors_lists(&rq->api->api->options, origin))
		return false;
	cors_headers(rq, true);
	exchange_send(rq->x, 204, (struct str){0}, S(""));
	return true;
}

static bool service_head(struct service *s, struct exchange *x, struct err *e)
{
	struct api_loop *al = OWNER(s, struct api_loop, service);
	const struct exchange_request *q = exchange_request(x);
	struct request *rq = new(exchange_arena(x), struct request);
	*rq = (struct request){.api = al, .x = x};
	*exchange_slot(x) = rq;
	if (preflight(rq, q))
		return true;
	cors_headers(rq, false);
	if (!auth_origin(rq, e))
		return false;
	if (!find_route(rq, q, e))
		return false;
	if (rq->route->flags & ROUTE_CONSOLE) {
		if (!auth_console(rq, e))
			return false;
	} else if (rq->route->flags & ROUTE_OWNER) {
		if (!auth_owner(rq, e))
			return false;
	} else if (rq->route->flags & ROUTE_ADMIN) {
		if (!auth_admin(rq, e))
			return false;
	} else if (!(rq->route->flags & ROUTE_OPEN)) {
		if (!auth_key(rq, e))
			return false;
		exchange_add_header(x, S("openai-project"), rq->project_name);
		exchange_add_header(x, S("openai-organization"), S("antiphon"));
	}
	if ((rq->route->flags & ROUTE_SOCKET) && !auth_page(rq, e))
		return false;
	if (!body_type(rq, e))
		return false;
	if ((rq->route->flags & ROUTE_WORK) && atomic_load(&al->api->draining)) {
		e->retry_after_ms = 5000;
		return fail(e, ERR_UNAVAILABLE, NULL, "The server is shutting down. Please retry in a few seconds.");
	}
	if ((rq->route->flags & ROUTE_METERED) && !allowance_request(rq, true, e))
		return false;
	if (takes_form(rq, exchange_header(x, S("content-type"))))
		rq->route->handle(rq);
	return true;
}

static void service_handle(struct service *s, struct exchange *x)
{
	struct request *rq = *exchange_slot(x);
	if (!elsewhere_route(rq))
		rq->route->handle(rq);
}

static void service_refuse(struct service *s, struct exchange *x, const struct err *e)
{
	answer_error(x, e);
}

static struct str service_failure(struct service *s, struct exchange *x, const struct err *e)
{
	return error_body(exchange_arena(x), e);
}

static void service_ended(struct service *s, struct exchange *x, int status)
{
	const struct request *rq = *exchange_slot(x);
	unsigned label = rq && rq->route ? route_labels[rq->route - routes] : 0;
	access_ended(OWNER(s, struct api_loop, service), x, rq, label, status);
}

void routes_setup(struct service *s)
{
	char text[128];
	*s = (struct service){service_head, service_handle, service_refuse, service_failure, service_ended};
	for (int i = 0; i < N_ROUTES; i++) {
		snprintf(text, sizeof text, "%s %.*s", method_names[routes[i].method], FMT(routes[i].path));
		route_labels[i] = measure_label(LABEL_ROUTE, str_of(text));
	}
}
