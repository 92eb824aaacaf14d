/* flow.c - one connection out of a box. */
#include "egress/flow.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "egress/hello.h"
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
	struct buf credentials; /* a secret in the form in which it was sent */
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
	ask_write(&f->http, &f->ask, p->secrets, p->n_secrets, &f->pump.up.out, &f->used_secret, &f->credentials);
	secret_veil_init(&f->veil, p->secrets, p->n_secrets, str_of(f->ask.host), buf_str(&f->credentials));
	f->pump.on_in = flow_in_request;
	f->pump.on_out = flow_out_veiled;
	flow_in_request(&f->pump, f->rest);
	pump_run(&f->pump);
	secret_veil_release(&f->veil);
}

/* What the program in the box says first is looked at, and stays where it is. HELLO_OTHER, too: nobody says anything. */
static enum hello flow_peek(struct flow *f, char name[HOST_MOST + 1])
{
	enum { AGAIN_MS = 10 };
	char *said = xalloc(HELLO_MOST);
	int64_t until = clock_mono_us() + egress_limits.idle_ms * 1000;
	size_t rest = f->rest.n < HELLO_MOST ? f->rest.n : HELLO_MOST, n = 0;
	enum hello h = HELLO_MORE;
	for (size_t i = 0; i < rest; i++)
		said[i] = f->rest.p[i];
	while (h == HELLO_MORE && clock_mono_us() < until && !atomic_load(f->rules->cut)) {
		ssize_t got = recv(f->pump.in.fd, said + rest, HELLO_MOST - rest, MSG_PEEK);
		struct pollfd on[] = {{.fd = f->pump.in.fd, .events = POLLIN}, {.fd = f->pump.out.fd, .events = POLLIN}};
		if (!n && rest + (size_t)(got > 0 ? got : 0)) /* it has begun */
			until = clock_mono_us() + egress_limits.head_ms * 1000;
		n = rest + (size_t)(got > 0 ? got : 0);
		h = hello_read((struct str){said, n}, name);
		if (h == HELLO_MORE && n)
			poll(on + 1, 0, AGAIN_MS);
		else if (h == HELLO_MORE && (!got || (poll(on, 2, AGAIN_MS * 10) > 0 && on[1].revents && !f->pump.out.ssl)))
			h = HELLO_OTHER; /* the host speaks first, which behind its handshake means nothing; or there is nobody */
	}
	xfree(said);
	return h == HELLO_MORE && !n ? HELLO_OTHER : h;
}

/* TLS in a tunnel asks for the host that the tunnel leads to: an address that serves many hosts would answer for another. Who asks for
 * another is told so in TLS of ours, which programs in the box trust. */
static enum refusal flow_named(struct flow *f)
{
	char name[HOST_MOST + 1];
	enum hello h = flow_peek(f, name);
	if (h == HELLO_OTHER || (h == HELLO_READ && str_eq(str_of(name), str_of(f->ask.host))))
		return REFUSAL_NONE;
	const struct authority *a = h == HELLO_READ && !f->rest.n ? f->rules->authority(f->rules->ctx) : NULL;
	f->pump.in.ssl = a ? tls_inside(a, f->pump.in.fd, *name ? name : f->ask.host) : NULL;
	if (!f->pump.in.ssl || !flow_handshake(f, &f->pump.in, clock_mono_us() + egress_limits.head_ms * 1000))
		end_close(&f->pump.in); /* there is nobody who could read an answer */
	return REFUSAL_NAME;
}

static enum refusal flow_tunnel(struct flow *f)
{
	if (!flow_opened(f))
		return REFUSAL_NONE;
	enum refusal r = flow_named(f);
	if (r)
		return r;
	f->pump.on_in = flow_in_raw;
	f->pump.on_out = flow_out_raw;
	buf_add(&f->pump.up.out, f->rest);
	pump_run(&f->pump);
	return REFUSAL_NONE;
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
	enum refusal r = flow_named(f);
	if (r)
		return r;
	until = clock_mono_us() + egress_limits.head_ms * 1000;
	f->pump.in.ssl = tls_inside(a, f->pump.in.fd, to.host);
	if (!f->pump.in.ssl || !flow_handshake(f, &f->pump.in, until)) {
		end_close(&f->pump.in); /* there is nobody who could read an answer */
		return REFUSAL_SLOW;
	}
	r = flow_head(f, until);
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
		return flow_tunnel(f);
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
	buf_init(&f->credentials, SIZE_MAX / 2);
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
	buf_release(&f->credentials);
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
