/* flow.c - one connection out of a box. */
#include "egress/flow.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "egress/pump.h"
#include "egress/reach.h"
#include "egress/tls.h"
#include "loop/loop.h"

enum { PIECE = 16384, GOODBYE_US = 1000000 };

struct flow {
	struct pump pump;
	struct http http;
	struct ask ask;
	struct secret_veil veil;
	const struct flow_rules *rules;
	char read[PIECE]; /* what came with a head, and behind it */
	struct str rest;
	bool opened, used_secret;
};

static struct flow *flow_of(struct pump *p)
{
	return OWNER(p, struct flow, pump);
}

/* --- what passes ------------------------------------------------------------------------------------------------- */

/* Within a tunnel nothing is looked at. */
static void flow_in_raw(struct pump *p, struct str bytes)
{
	buf_add(&p->up.out, bytes);
	p->up.ended |= !bytes.n;
}

static void flow_out_raw(struct pump *p, struct str bytes)
{
	buf_add(&p->down.out, bytes);
	p->down.ended |= !bytes.n;
}

static void flow_out_veiled(struct pump *p, struct str bytes)
{
	secret_veil_pass(&flow_of(p)->veil, bytes, !bytes.n, &p->down.out);
	p->down.ended |= !bytes.n;
}

/* A body's framing is ours, so that no two readers of it can differ. */
static void flow_body(struct http *h, struct str piece)
{
	struct buf *out = &OWNER(h, struct flow, http)->pump.up.out;
	if (h->chunked && piece.n)
		buf_fmt(out, "%zx\r\n", piece.n);
	buf_add(out, piece);
	if (h->chunked && piece.n)
		buf_add(out, S("\r\n"));
}

/* One request on a connection: what comes behind it goes nowhere. */
static void flow_in_request(struct pump *p, struct str bytes)
{
	struct flow *f = flow_of(p);
	struct err e = {0};
	enum http_step step = bytes.p || f->http.paused ? http_feed(&f->http, &bytes, &e) : STEP_BAD;
	if (step == STEP_END && f->http.chunked)
		buf_add(&p->up.out, S("0\r\n\r\n"));
	if (step ==
	    STEP_END) /* its end is told by its framing; a host may take the end of bytes for a leaving client */
		p->up.ended = p->up.finished = true;
	if (step == STEP_BAD)
		p->up.ended = p->down.ended = true;
}

/* --- heads ------------------------------------------------------------------------------------------------------- */

static enum refusal flow_head(struct flow *f, int64_t until_us)
{
	struct end *in = &f->pump.in;
	struct err e = {0};
	http_init(&f->http, flow_body);
	for (;;) {
		int n = end_read(in, f->read, sizeof f->read);
		if (n == END_OVER)
			return REFUSAL_MALFORMED;
		f->rest = (struct str){f->read, (size_t)n};
		enum http_step step = n ? http_feed(&f->http, &f->rest, &e) : STEP_MORE;
		if (step == STEP_HEAD)
			return REFUSAL_NONE;
		if (step != STEP_MORE)
			return e.code == ERR_HEAD_TOO_LARGE ? REFUSAL_LARGE : REFUSAL_MALFORMED;
		if (!end_pending(in) && !pump_wait(&f->pump, in, in->write ? POLLOUT : POLLIN, until_us))
			return REFUSAL_SLOW;
		if (clock_mono_us() > until_us)
			return REFUSAL_SLOW;
	}
}

static bool flow_handshake(struct flow *f, struct end *x, int64_t until_us)
{
	for (int n; (n = SSL_do_handshake(x->ssl)) != 1;) {
		int why = SSL_get_error(x->ssl, n);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return false;
		if (!pump_wait(&f->pump, x, why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN, until_us))
			return false;
	}
	return true;
}

static bool flow_opened(struct flow *f)
{
	f->opened = true;
	buf_add(&f->pump.down.out, S("HTTP/1.1 200 Connection established\r\n\r\n"));
	return pump_flush(&f->pump, clock_mono_us() + egress_limits.head_ms * 1000);
}

/* --- one of three ways ------------------------------------------------------------------------------------------- */

/* The request of the head goes out, then its body; what comes back is freed of secrets. */
static void flow_request(struct flow *f)
{
	const struct egress_policy *p = f->rules->policy;
	ask_write(&f->http, &f->ask, p->secrets, p->n_secrets, &f->pump.up.out, &f->used_secret);
	secret_veil_init(&f->veil, p->secrets, p->n_secrets, str_of(f->ask.host));
	f->pump.on_in = flow_in_request;
	f->pump.on_out = flow_out_veiled;
	flow_in_request(&f->pump, f->rest);
	pump_run(&f->pump);
	secret_veil_release(&f->veil);
}

static void flow_tunnel(struct flow *f)
{
	f->pump.on_in = flow_in_raw;
	f->pump.on_out = flow_out_raw;
	buf_add(&f->pump.up.out, f->rest);
	if (flow_opened(f))
		pump_run(&f->pump);
}

/* TLS ends here, so that the secret can be put in: the host is known by its certificate before anything is said to it.
 */
static enum refusal flow_unveil(struct flow *f)
{
	struct ask to = f->ask;
	const struct authority *a = f->rules->authority(f->rules->ctx);
	int64_t until = clock_mono_us() + egress_limits.head_ms * 1000;
	f->pump.out.ssl = a ? tls_outside(a, f->pump.out.fd, to.host) : NULL;
	if (!f->pump.out.ssl || !flow_handshake(f, &f->pump.out, until))
		return REFUSAL_UNTRUSTED;
	if (f->rest.n || !flow_opened(f))
		return REFUSAL_MALFORMED;
	http_release(&f->http);
	until = clock_mono_us() + egress_limits.head_ms * 1000;
	f->pump.in.ssl = tls_inside(a, f->pump.in.fd, to.host);
	if (!f->pump.in.ssl || !flow_handshake(f, &f->pump.in, until)) {
		end_close(&f->pump.in); /* there is nobody who could read an answer */
		return REFUSAL_SLOW;
	}
	enum refusal r = flow_head(f, until);
	if (!r && !ask_within(&f->http, &to, &f->ask))
		r = REFUSAL_MALFORMED;
	if (!r)
		flow_request(f);
	return r;
}

static enum refusal flow_walk(struct flow *f)
{
	const struct egress_policy *p = f->rules->policy;
	enum refusal r = flow_head(f, clock_mono_us() + egress_limits.head_ms * 1000);
	r = r ? r : ask_read(&f->http, &f->ask);
	r = r ? r : reach_refuses(p, &f->ask);
	if (!r && f->ask.tunnel && (f->http.chunked || f->http.length))
		r = REFUSAL_MALFORMED;
	if (!r)
		f->pump.out.fd = reach_connect(&f->ask, f->rules->cut, &r);
	if (f->pump.out.fd < 0)
		return r;
	if (f->ask.tunnel && secret_of(p->secrets, p->n_secrets, str_of(f->ask.host)))
		return flow_unveil(f);
	if (f->ask.tunnel)
		flow_tunnel(f);
	else
		flow_request(f);
	return REFUSAL_NONE;
}

/* --- its end ----------------------------------------------------------------------------------------------------- */

/* Bytes that nobody has read would make the kernel throw the answer away. */
static void flow_say(struct flow *f, enum refusal r)
{
	char piece[PIECE];
	int64_t until = clock_mono_us() + GOODBYE_US;
	buf_clear(&f->pump.down.out);
	refusal_write(r, f->ask.host, &f->pump.down.out);
	if (f->pump.in.fd < 0 || !pump_flush(&f->pump, until))
		return;
	end_finish(&f->pump.in);
	while (pump_wait(&f->pump, &f->pump.in, POLLIN, until) && recv(f->pump.in.fd, piece, sizeof piece, 0) > 0)
		;
}

void flow_run(const struct flow_rules *rules, int fd)
{
	struct flow *f = xalloc(sizeof *f);
	int64_t began = clock_mono_us();
	f->rules = rules;
	pump_init(&f->pump, fd, rules->cut);
	enum refusal r = flow_walk(f);
	if (r)
		flow_say(f, r);
	log_at(r ? LOG_WARN : LOG_INFO, r ? "a box was refused a connection" : "a box spoke to a host",
	       "box=%016llx host=%s port=%lld way=%s secret=%d refused=%s up=%lld down=%lld ms=%lld",
	       (unsigned long long)rules->owner, *f->ask.host ? f->ask.host : "-", (long long)f->ask.port,
	       f->opened ? "tunnel" : "request", f->used_secret, refusal_name(r), (long long)f->pump.up.bytes,
	       (long long)f->pump.down.bytes, (long long)(clock_mono_us() - began) / 1000);
	http_release(&f->http);
	pump_release(&f->pump);
	xfree(f);
}

void flow_refuse(int fd)
{
	struct buf b;
	buf_init(&b, 4096);
	refusal_write(REFUSAL_BUSY, "", &b);
	send(fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_release(&b);
	close(fd);
}
