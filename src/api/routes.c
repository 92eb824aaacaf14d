/* routes.c - from a request's head to its handler.
 *
 * The head alone decides: path and method (routes.def), host and origin, key, content type, draining. So a
 * refused client costs no body. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "api/pages.h"
#include "api/socket.h"
#include "model/response.h"
#include "wire/multipart.h"

static const struct route routes[] = {
#define ROUTE(method, path, handler, flags) {METHOD_##method, STR(path), handler, flags},
#include "api/routes.def"
#undef ROUTE
};
enum { N_ROUTES = sizeof routes / sizeof *routes };

static const struct str json_type = STR("application/json");

struct str error_body(struct arena *a, const struct err *e)
{
	struct buf b;
	buf_init(&b, 64 * 1024);
	struct jout o = {&b, false};
	error_write(&o, e);
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

void error_headers(struct exchange *x, const struct err *e)
{
	struct arena *a = exchange_arena(x);
	if (e->retry_after_ms > 0) {
		exchange_add_header(x, S("Retry-After"), str_fmt(a, "%d", (e->retry_after_ms + 999) / 1000));
		exchange_add_header(x, S("retry-after-ms"), str_fmt(a, "%d", e->retry_after_ms));
	}
	if (e->no_retry)
		exchange_add_header(x, S("x-should-retry"), S("false"));
	else if (e->code == ERR_CONFLICT)
		exchange_add_header(x, S("x-should-retry"), S("true"));
	if (err_rows[e->code].status == 401)
		exchange_add_header(x, S("WWW-Authenticate"), S("Bearer"));
}

/* A silence that was broken has taken the head: then the text alone is left to send. */
static void answer(struct exchange *x, int status, struct str json)
{
	if (!exchange_begun(x)) {
		exchange_send(x, status, json_type, json);
		return;
	}
	exchange_write(x, json);
	exchange_end(x);
}

void answer_error(struct exchange *x, const struct err *e)
{
	if (!exchange_begun(x))
		error_headers(x, e);
	answer(x, err_rows[e->code].status, error_body(exchange_arena(x), e));
}

void answer_json(struct request *rq, int status, struct str json)
{
	answer(rq->x, status, json);
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoding (RFC 3986, 2.1); a bad escape is kept as it stands. `plus`: '+' is a space (queries). */
static struct str decode(struct arena *a, struct str s, bool plus)
{
	if (str_find(s, '%') == s.n && (!plus || str_find(s, '+') == s.n))
		return s;
	char *out = arena_bytes(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int hi = i + 2 < s.n ? hex_of(s.p[i + 1]) : -1, lo = i + 2 < s.n ? hex_of(s.p[i + 2]) : -1;
		if (s.p[i] == '%' && hi >= 0 && lo >= 0) {
			out[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return (struct str){out, n};
}

/* Compares segment by segment; a "{...}" takes one segment that is not empty. */
static bool path_match(struct arena *a, struct str pattern, struct str path, struct str args[2])
{
	size_t n = 0;
	while (pattern.n && path.n) {
		struct str want = str_cut(&pattern, '/'), got = str_cut(&path, '/');
		if (want.n && want.p[0] == '{') {
			if (!got.n)
				return false;
			assert(n < 2);
			args[n++] = decode(a, got, false);
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

/* A path that would exist with another base URL names the right one (decision L4). */
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

/* text/plain posts are what a web page can send without asking (decision E2). */
static bool body_type(struct request *rq, struct err *e)
{
	struct str type = exchange_header(rq->x, S("content-type")), rest = type;
	struct str kind = str_trim(str_cut(&rest, ';'));
	unsigned any = type.n ? ROUTE_BODY | ROUTE_BODY_IF_ANY : ROUTE_BODY;
	bool form = rq->route->flags & ROUTE_FORM;
	if (form ? multipart_type(type) : !(rq->route->flags & any) || str_eq_nocase(kind, S("application/json")))
		return true;
	return fail(e, ERR_MEDIA_TYPE, NULL, "Unsupported content type: '%.*s'. This API method only accepts '%s' "
	            "requests, but you specified the header 'Content-Type: %.*s'. Please try again with a supported content type.",
	            FMT(kind), form ? "multipart/form-data" : "application/json", FMT(type));
}

static bool cors_allowed(const struct api_options *o, struct str origin)
{
	for (size_t i = 0; i < o->n_cors; i++)
		if (str_eq(o->cors[i], S("*")) || str_eq_nocase(o->cors[i], origin))
			return true;
	return false;
}

static void cors_headers(struct request *rq, bool preflight)
{
	struct str origin = exchange_header(rq->x, S("origin"));
	if (!origin.n || !cors_allowed(&rq->api->api->options, origin))
		return;
	exchange_add_header(rq->x, S("Access-Control-Allow-Origin"), origin);
	exchange_add_header(rq->x, S("Vary"), S("Origin"));
	exchange_add_header(rq->x, S("Access-Control-Expose-Headers"), S("x-request-id, openai-processing-ms, retry-after"));
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
	    !cors_allowed(&rq->api->api->options, origin))
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
	if (!(rq->route->flags & ROUTE_OPEN) && !auth_key(rq, e))
		return false;
	if ((rq->route->flags & ROUTE_SOCKET) && !auth_page(rq, e))
		return false;
	if (!body_type(rq, e))
		return false;
	if ((rq->route->flags & ROUTE_WORK) && atomic_load(&al->api->draining)) {
		e->retry_after_ms = 5000;
		return fail(e, ERR_UNAVAILABLE, NULL, "The server is shutting down. Please retry in a few seconds.");
	}
	if (rq->route->flags & ROUTE_FORM)
		rq->route->handle(rq);
	return true;
}

static void service_handle(struct service *s, struct exchange *x)
{
	struct request *rq = *exchange_slot(x);
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

void routes_setup(struct service *s)
{
	*s = (struct service){service_head, service_handle, service_refuse, service_failure};
}

/* One "name=value" of the query; false at its end. */
static bool query_next(struct request *rq, struct str *rest, struct str *name, struct str *value)
{
	struct arena *a = exchange_arena(rq->x);
	while (rest->n) {
		struct str pair = str_cut(rest, '&');
		if (!pair.n)
			continue;
		*name = decode(a, str_cut(&pair, '='), true);
		*value = decode(a, pair, true);
		if (!value->p)
			*value = S("");
		if (name->n > 2 && !memcmp(name->p + name->n - 2, "[]", 2))
			name->n -= 2;
		return true;
	}
	return false;
}

struct str query_get(struct request *rq, const char *want, size_t *at)
{
	struct str rest = exchange_request(rq->x)->query, name, value;
	size_t i = 0, from = at ? *at : 0;
	while (query_next(rq, &rest, &name, &value))
		if (str_eq(name, str_of(want)) && i++ >= from) {
			if (at)
				*at = i;
			return value;
		}
	return (struct str){0};
}

bool query_known(struct request *rq, const char *const *known, struct err *e)
{
	struct str rest = exchange_request(rq->x)->query, name, value;
	while (query_next(rq, &rest, &name, &value)) {
		bool found = str_eq(name, S("beta"));
		for (size_t i = 0; known[i] && !found; i++) {
			struct str k = str_of(known[i]);
			bool open = k.n && k.p[k.n - 1] == '['; /* "metadata[" stands for "metadata[x]" */
			found = open ? str_starts(name, k) && name.p[name.n - 1] == ']' : str_eq(name, k);
		}
		if (!found)
			return fail(e, ERR_UNKNOWN_PARAMETER, str_copy(exchange_arena(rq->x), name).p,
			            "Unknown parameter: '%.*s'.", FMT(name));
	}
	return true;
}

size_t query_pairs(struct request *rq, const char *open, struct str (*out)[2], size_t most)
{
	struct str rest = exchange_request(rq->x)->query, name, value, want = str_of(open);
	size_t n = 0;
	while (query_next(rq, &rest, &name, &value)) {
		if (!str_starts(name, want) || name.p[name.n - 1] != ']')
			continue;
		if (n < most) {
			out[n][0] = (struct str){name.p + want.n, name.n - want.n - 1};
			out[n][1] = value;
		}
		n++;
	}
	return n;
}

bool query_int(struct request *rq, const char *name, int64_t least, int64_t most, int64_t *ret, struct err *e)
{
	struct str v = query_get(rq, name, NULL);
	int64_t n;
	if (!v.p)
		return true;
	if (!str_int(v, &n))
		return fail(e, ERR_INVALID_TYPE, name, "Invalid type for '%s': expected an integer, but got a string instead.", name);
	if (n < least)
		return fail(e, ERR_INT_BELOW_MIN, name,
		            "Invalid '%s': integer below minimum value. Expected a value >= %lld, but got %lld instead.", name,
		            (long long)least, (long long)n);
	if (n > most)
		return fail(e, ERR_INT_ABOVE_MAX, name,
		            "Invalid '%s': integer above maximum value. Expected a value <= %lld, but got %lld instead.", name,
		            (long long)most, (long long)n);
	*ret = n;
	return true;
}

bool query_bool(struct request *rq, const char *name, bool *ret, struct err *e)
{
	struct str v = query_get(rq, name, NULL);
	if (!v.p)
		return true;
	if (!str_eq(v, S("true")) && !str_eq(v, S("false")))
		return fail(e, ERR_INVALID_TYPE, name, "Invalid type for '%s': expected a boolean, but got a string instead.", name);
	*ret = str_eq(v, S("true"));
	return true;
}
