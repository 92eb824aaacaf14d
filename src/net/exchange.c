/* exchange.c - answering one request. */
#include "net/exchange.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "net/inner_exchange.h"
#include "net/peer.h"
#include "net/upgrade.h"

/* --- the head of the answer --- */

struct reason {
	int status;
	struct str text;
};

static const struct reason reasons[] = {
    {101, STR("Switching Protocols")},
    {200, STR("OK")},
    {201, STR("Created")},
    {202, STR("Accepted")},
    {204, STR("No Content")},
    {304, STR("Not Modified")},
    {400, STR("Bad Request")},
    {401, STR("Unauthorized")},
    {403, STR("Forbidden")},
    {404, STR("Not Found")},
    {405, STR("Method Not Allowed")},
    {408, STR("Request Timeout")},
    {409, STR("Conflict")},
    {413, STR("Content Too Large")},
    {415, STR("Unsupported Media Type")},
    {417, STR("Expectation Failed")},
    {422, STR("Unprocessable Content")},
    {426, STR("Upgrade Required")},
    {429, STR("Too Many Requests")},
    {431, STR("Request Header Fields Too Large")},
    {500, STR("Internal Server Error")},
    {502, STR("Bad Gateway")},
    {503, STR("Service Unavailable")},
    {504, STR("Gateway Timeout")},
    {507, STR("Insufficient Storage")},
};

static struct str reason_of(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return S("Unknown");
}

static void exchange_put_number(struct buf *b, uint64_t n, unsigned base)
{
	char digits[24];
	size_t at = sizeof digits;
	do {
		digits[--at] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	buf_add(b, (struct str){digits + at, sizeof digits - at});
}

static bool value_is_clean(struct str v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '\r' || v.p[i] == '\n' || v.p[i] == '\0')
			return false;
	return true;
}

void exchange_add_header(struct exchange *x, struct str name, struct str value)
{
	assert(x->at == X_OPEN);
	if (!value_is_clean(name) || !value_is_clean(value))
		return;
	struct arena *a = exchange_arena(x);
	struct extra_header *h = new (a, struct extra_header);
	char *line = arena_bytes(a, name.n + value.n + 4);
	memcpy(line, name.p, name.n);
	memcpy(line + name.n, ": ", 2);
	if (value.n)
		memcpy(line + name.n + 2, value.p, value.n);
	memcpy(line + name.n + 2 + value.n, "\r\n", 2);
	h->line = (struct str){line, name.n + value.n + 4};
	*x->last_extra = h;
	x->last_extra = &h->next;
}

/* A status that never has a body (RFC 9110 6.4.1). */
static bool bodiless(int status)
{
	return status == 204 || status == 304;
}

static void put_first_lines(struct exchange *x, struct buf *b, int status)
{
	x->status = status;
	buf_add(b, S("HTTP/1.1 "));
	exchange_put_number(b, (uint64_t)status, 10);
	buf_byte(b, ' ');
	buf_add(b, reason_of(status));
	buf_add(b, S("\r\nx-request-id: "));
	buf_add(b, x->req.request_id);
	buf_add(b, S("\r\nopenai-version: 2020-10-01\r\nopenai-processing-ms: "));
	int64_t ms = (clock_mono_us() - x->req.began_us) / 1000;
	exchange_put_number(b, ms > 0 ? (uint64_t)ms : 0, 10);
}

static void put_last_lines(struct exchange *x, struct buf *b)
{
	buf_add(b, S("\r\n"));
	for (struct extra_header *h = x->extra; h; h = h->next)
		buf_add(b, h->line);
	buf_add(b, S("\r\n"));
}

/* `length` < 0: not known. */
static void exchange_put_head(struct exchange *x, int status, struct str content_type, int64_t length)
{
	struct peer *p = peer_of(x);
	struct buf *b = conn_out(&p->conn);
	x->keep = peer_keeps(p);
	if (bodiless(status))
		x->mute = true;
	else if (length < 0 && !p->http.old)
		x->chunked = true;
	else if (length < 0)
		x->keep = false; /* the close ends the body */
	put_first_lines(x, b, status);
	if (content_type.n) {
		buf_add(b, S("\r\nContent-Type: "));
		buf_add(b, content_type);
	}
	if (x->chunked) {
		buf_add(b, S("\r\nTransfer-Encoding: chunked"));
	} else if (length >= 0 && !bodiless(status)) {
		buf_add(b, S("\r\nContent-Length: "));
		exchange_put_number(b, (uint64_t)length, 10);
	}
	if (!x->keep)
		buf_add(b, S("\r\nConnection: close"));
	else if (p->http.old)
		buf_add(b, S("\r\nConnection: keep-alive"));
	put_last_lines(x, b);
}

/* --- the answer --- */

void exchange_send(struct exchange *x, int status, struct str content_type, struct str body)
{
	assert(x->at == X_OPEN);
	struct peer *p = peer_of(x);
	if (x->inner) {
		inner_begin(x->inner, status);
		inner_add(x->inner, &body, 1);
		inner_end(x->inner, false);
		return;
	}
	if (p->at != AT_GONE) {
		exchange_put_head(x, status, content_type, (int64_t)body.n);
		if (!x->mute)
			buf_add(conn_out(&p->conn), body);
		conn_touch(&p->conn);
	}
	peer_answered(p);
}

void exchange_begin_sized(struct exchange *x, int status, struct str content_type, int64_t length, struct reader *r)
{
	assert(x->at == X_OPEN);
	struct peer *p = peer_of(x);
	if (x->inner) {
		inner_begin(x->inner, status);
	} else if (p->at != AT_GONE) {
		exchange_put_head(x, status, content_type, length);
		conn_touch(&p->conn);
	}
	x->at = X_BEGUN;
	exchange_watch(x, r);
}

void exchange_begin(struct exchange *x, int status, struct str content_type, struct reader *r)
{
	exchange_begin_sized(x, status, content_type, -1, r);
}

void exchange_upgrade(struct exchange *x, struct str protocol, struct exchange_tap *tap, struct reader *r)
{
	assert(x->at == X_OPEN);
	struct peer *p = peer_of(x);
	x->tap = tap;
	x->at = X_BEGUN;
	x->keep = x->chunked = x->mute = false;
	if (p->at != AT_GONE) {
		struct buf *b = conn_out(&p->conn);
		put_first_lines(x, b, 101);
		buf_add(b, S("\r\nConnection: Upgrade\r\nUpgrade: "));
		buf_add(b, protocol);
		put_last_lines(x, b);
		conn_touch(&p->conn);
		timer_cancel(&p->deadline);
		p->at = AT_TAP;
		peer_after(p); /* for what came behind the head */
	}
	exchange_watch(x, r);
}

void exchange_write_parts(struct exchange *x, const struct str *parts, size_t n)
{
	assert(x->at == X_BEGUN);
	if (x->inner) {
		inner_add(x->inner, parts, n);
		return;
	}
	struct peer *p = peer_of(x);
	struct buf *b = conn_out(&p->conn);
	size_t all = 0;
	for (size_t i = 0; i < n; i++)
		all += parts[i].n;
	/* An empty chunk would end the body. */
	if (p->at == AT_GONE || x->mute || all == 0)
		return;
	if (x->chunked) {
		exchange_put_number(b, all, 16);
		buf_add(b, S("\r\n"));
	}
	for (size_t i = 0; i < n; i++)
		buf_add(b, parts[i]);
	if (x->chunked)
		buf_add(b, S("\r\n"));
	conn_touch(&p->conn);
	if (exchange_full(x))
		x->full = true;
}

void exchange_write(struct exchange *x, struct str bytes)
{
	exchange_write_parts(x, &bytes, 1);
}

void exchange_end(struct exchange *x)
{
	assert(x->at == X_BEGUN);
	if (x->inner) {
		inner_end(x->inner, false);
		return;
	}
	struct peer *p = peer_of(x);
	if (p->at != AT_GONE && x->chunked && !x->mute)
		conn_write(&p->conn, S("0\r\n\r\n"));
	peer_answered(p);
}

void exchange_abort(struct exchange *x)
{
	assert(x->at != X_NONE);
	if (x->inner) {
		inner_end(x->inner, true);
		return;
	}
	struct peer *p = peer_of(x);
	exchange_over(p, x->status);
	x->reader = NULL;
	if (p->at == AT_GONE)
		peer_after(p);
	else
		peer_cut(p);
}

void exchange_watch(struct exchange *x, struct reader *r)
{
	assert(x->at != X_NONE);
	struct peer *p = peer_of(x);
	x->reader = r;
	if (x->inner) {
		if (r && !x->inner->owner)
			inner_after(x->inner);
		return;
	}
	if (r && p->at == AT_GONE)
		peer_after(p);
}

void exchange_unwatch(struct exchange *x)
{
	x->reader = NULL;
}

bool exchange_full(const struct exchange *x)
{
	const struct peer *p = peer_of(x);
	if (x->inner)
		return inner_full(x->inner);
	return p->at != AT_GONE && conn_waiting(&p->conn) > (size_t)net_limits.reader_bytes;
}

size_t exchange_waiting(const struct exchange *x)
{
	const struct peer *p = peer_of(x);
	return !x->inner && p->at != AT_GONE ? conn_waiting(&p->conn) : 0;
}

bool exchange_begun(const struct exchange *x)
{
	return x->at == X_BEGUN;
}
