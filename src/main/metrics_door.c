/* metrics_door.c - a listener of its own for GET /metrics. */
#include "main/metrics_door.h"

#include "measure/scrape.h"
#include "metrics/metrics.h"
#include "net/exchange.h"

struct metrics_door {
	struct service service; /* first: what net/ knows */
	struct server *server;
	struct api *api;
};

static bool door_head(struct service *s, struct exchange *x, struct err *e)
{
	const struct exchange_request *q = exchange_request(x);
	if (!str_eq(q->path, S("/metrics")) && !str_eq(q->path, S("/health")))
		return fail(e, ERR_NOT_FOUND, NULL, "Only GET /metrics and GET /health are here.");
	if (q->method != METHOD_GET && q->method != METHOD_HEAD)
		return fail(e, ERR_METHOD, NULL, "Only GET is allowed here.");
	/* A browser says whether a page asks, or its user by typing the address (https://www.w3.org/TR/fetch-metadata).
	 */
	struct str site = exchange_header(x, S("sec-fetch-site"));
	return !site.n || str_eq(site, S("none")) || fail(e, ERR_FORBIDDEN, NULL, "Web pages may not ask for metrics.");
}

static void door_handle(struct service *s, struct exchange *x)
{
	struct buf b;
	if (str_eq(exchange_request(x)->path, S("/health"))) {
		exchange_send(x, 200, S("application/json"), S("{\"status\":\"ok\"}"));
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	metrics_write(OWNER(s, struct metrics_door, service)->api, &b);
	exchange_send(x, 200, S(SCRAPE_TYPE), buf_str(&b));
	buf_release(&b);
}

static void door_refuse(struct service *s, struct exchange *x, const struct err *e)
{
	exchange_send(x, err_rows[e->code].status, S("text/plain; charset=utf-8"), str_of(e->msg));
}

bool metrics_door_open(struct loop *l, struct addresses *at, struct api *api, struct metrics_door **ret, struct err *e)
{
	struct metrics_door *d = xalloc(sizeof *d);
	d->service = (struct service){.head = door_head, .handle = door_handle, .refuse = door_refuse};
	d->server = server_new(l, &d->service);
	d->api = api;
	*ret = d; /* also when it fails: what is open is closed with it */
	for (size_t i = 0; i < at->n; i++) {
		struct listen_options o = {.host = at->at[i].host, .port = at->at[i].port};
		if (!server_listen(d->server, &o, &at->at[i].port, e))
			return false;
	}
	return true;
}

void metrics_door_free(struct metrics_door *d)
{
	if (!d)
		return;
	server_free(d->server);
	xfree(d);
}
