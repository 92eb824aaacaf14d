/* elsewhere.c - a request that is passed on to another node. */
#include "door/elsewhere.h"

#include <sodium.h>

#include "base/log.h"
#include "engine/abilities.h"
#include "net/client.h"
#include "store/nodes.h"

enum { CONNECT_MS = 2000, SILENT_MS = 60000 };
static const struct str passed_on = STR("antiphon-passed-on");

/* Lives in the request's arena. */
struct elsewhere {
	struct request *rq;
	struct http_target target;
	struct http_call call;
	struct reader reader;
};

static void elsewhere_on_gone(struct reader *r)
{
	http_call_cancel(&OWNER(r, struct elsewhere, reader)->call);
}

static void elsewhere_on_room(struct reader *r)
{
	http_call_resume(&OWNER(r, struct elsewhere, reader)->call);
}

static void elsewhere_on_head(struct http_call *call, int status)
{
	struct elsewhere *w = OWNER(call, struct elsewhere, call);
	struct str length = http_call_header(call, S("content-length")), type = http_call_header(call, S("content-type"));
	int64_t n = -1;
	if (length.n && length.n < 16 && str_int(length, &n) && n >= 0)
		exchange_begin_sized(w->rq->x, status, type, n, &w->reader);
	else
		exchange_begin(w->rq->x, status, type, &w->reader);
}

static void elsewhere_on_body(struct http_call *call, struct str bytes)
{
	struct elsewhere *w = OWNER(call, struct elsewhere, call);
	exchange_write(w->rq->x, bytes);
	if (exchange_full(w->rq->x))
		http_call_pause(call);
}

static void elsewhere_on_end(struct http_call *call, const struct err *e)
{
	struct elsewhere *w = OWNER(call, struct elsewhere, call);
	struct exchange *x = w->rq->x;
	struct err no = {.retry_after_ms = 1000};
	exchange_unwatch(x);
	if (e->code == ERR_NONE) {
		exchange_end(x);
	} else if (exchange_begun(x)) {
		exchange_abort(x);
	} else {
		log_at(LOG_WARN, "another node did not answer", "url=%.*s error=\"%s\"", FMT(w->target.url), e->msg);
		fail(&no, ERR_UNAVAILABLE, NULL, "The node that has this did not answer. Please retry in a moment.");
		answer_error(x, &no);
	}
}

static void elsewhere_header(struct arena *a, struct str *headers, struct request *rq, struct str name)
{
	struct str value = exchange_header(rq->x, name);
	if (value.n)
		*headers = str_fmt(a, "%.*s%.*s: %.*s\r\n", FMT(*headers), FMT(name), FMT(value));
}

/* Says that a node has passed the target on, which a client cannot. */
static struct str elsewhere_mac(struct request *rq)
{
	uint8_t key[32], mac[16];
	char *text = arena_bytes(exchange_arena(rq->x), 2 * sizeof mac + 1);
	struct str target = exchange_request(rq->x)->target;
	store_secret(rq->api->api->options.store, "passed-on", key);
	crypto_generichash(mac, sizeof mac, (const unsigned char *)target.p, target.n, key, sizeof key);
	return str_of(sodium_bin2hex(text, 2 * sizeof mac + 1, mac, sizeof mac));
}

static void elsewhere_start(struct elsewhere *w)
{
	const struct exchange_request *q = exchange_request(w->rq->x);
	struct arena *a = exchange_arena(w->rq->x);
	struct str headers = str_fmt(a, "%.*s: %.*s\r\n", FMT(passed_on), FMT(elsewhere_mac(w->rq)));
	elsewhere_header(a, &headers, w->rq, S("authorization"));
	elsewhere_header(a, &headers, w->rq, S("openai-project"));
	elsewhere_header(a, &headers, w->rq, S("accept"));
	elsewhere_header(a, &headers, w->rq, S("traceparent"));
	w->reader = (struct reader){elsewhere_on_gone, elsewhere_on_room};
	w->call = (struct http_call){.on_head = elsewhere_on_head,
				     .on_body = elsewhere_on_body,
				     .on_end = elsewhere_on_end,
				     .connect_ms = CONNECT_MS,
				     .idle_ms = SILENT_MS};
	exchange_watch(w->rq->x, &w->reader);
	http_call_start(ability_client(w->rq->api->engine), &w->call, &w->target, q->method, q->target, headers, (struct str){0});
}

bool elsewhere_pass(struct request *rq, const struct id *id)
{
	struct node_row where;
	struct err e = {0};
	struct arena *a = exchange_arena(rq->x);
	if (store_has_here(rq->api->api->options.store, id, &where) || where.dead || !*where.address ||
	    str_eq(exchange_header(rq->x, passed_on), elsewhere_mac(rq)))
		return false;
	struct elsewhere *w = new(a, struct elsewhere);
	w->rq = rq;
	if (!http_target_parse(a, str_copy(a, str_of(where.address)), &w->target, &e)) {
		log_at(LOG_WARN, "another node's address is none", "node=%d address=%s", (int)where.number, where.address);
		return false;
	}
	elsewhere_start(w);
	return true;
}

bool elsewhere_route(struct request *rq)
{
	struct id id;
	struct node_row where;
	struct err e = {0};
	if (!(rq->route->flags & ROUTE_THERE) || !id_parse_any(rq->args[0], &id))
		return false;
	if (elsewhere_pass(rq, &id))
		return true;
	if (store_has_here(rq->api->api->options.store, &id, &where) || where.dead)
		return false;
	/* Done here, its row would go and its files stay. */
	e.retry_after_ms = 1000;
	fail(&e, ERR_UNAVAILABLE, NULL, "This is on node %d, which tells no address (store.node_address).", (int)where.number);
	answer_error(rq->x, &e);
	return true;
}
