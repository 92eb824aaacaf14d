/* conn.c - one connection: bytes in, gathered bytes out. */
#include "net/conn.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"

enum {
	READ_MOST = 64 * 1024, /* one read */
	TLS_SLICE = 64 * 1024, /* enciphered at once: bounds what OpenSSL's buffer grows to */
	TLS_READ = 16 * 1024,  /* one read under TLS: a record */
	OUT_MOST = 1024 * 1024 * 1024,
};

/* One loop a thread, and callbacks do not nest: one buffer is enough for all its connections. */
static _Thread_local char read_buffer[READ_MOST];
static _Thread_local char plain_buffer[TLS_READ];

/* What the kernel did not take at once: few connections have such at a time. */
struct conn_flight {
	struct conn *conn;
	struct buf bytes; /* do not move */
	uv_write_t write;
};

static void flush_now(struct conn *c);

static void init(struct conn *c, struct loop *l, const struct conn_events *ev)
{
	*c = (struct conn){.events = ev, .loop = l};
	buf_init(&c->out, OUT_MOST);
}

void conn_init_tcp(struct conn *c, struct loop *l, const struct conn_events *ev)
{
	init(c, l, ev);
	uv_tcp_init(loop_uv(l), &c->uv.tcp);
}

void conn_init_unix(struct conn *c, struct loop *l, const struct conn_events *ev)
{
	init(c, l, ev);
	uv_pipe_init(loop_uv(l), &c->uv.pipe, 0);
}

void conn_tls(struct conn *c, struct ssl_st *ssl)
{
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_mode(ssl,
		     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	c->ssl = ssl;
}

const char *conn_tls_error(const struct conn *c)
{
	if (c->why != UV_EPROTO || !c->ssl)
		return "";
	long bad = SSL_get_verify_result(c->ssl);
	if (bad != X509_V_OK)
		return X509_verify_cert_error_string(bad);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "TLS failed";
}

/* --- in --- */

/* No more reading or writing; the owner hears of it. Only from callbacks of the loop. */
static void lose(struct conn *c, int why)
{
	if (c->broken || c->closing)
		return;
	c->broken = true;
	c->why = why;
	uv_read_stop(&c->uv.stream);
	defer_cancel(&c->flush);
	c->events->gone(c, why);
}

/* Hands over what can be deciphered. */
static void tls_pump(struct conn *c)
{
	int why = 0;
	while (!c->closing && !c->broken && !c->paused && !why) {
		ERR_clear_error();
		int n = SSL_read(c->ssl, plain_buffer, sizeof plain_buffer);
		if (n > 0) {
			c->events->read(c, (struct str){plain_buffer, (size_t)n});
			continue;
		}
		switch (SSL_get_error(c->ssl, n)) {
		case SSL_ERROR_WANT_READ:
		case SSL_ERROR_WANT_WRITE:
			/* The handshake may have made bytes to send, or may have ended: then what
			 * was collected can go. */
			if (!c->closing && !c->broken)
				conn_touch(c);
			return;
		case SSL_ERROR_ZERO_RETURN:
			why = UV_EOF;
			break;
		default:
			why = UV_EPROTO;
		}
	}
	if (why && !c->closing) {
		flush_now(c); /* the alert, or an answer that is ready */
		lose(c, why);
	}
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
	struct conn *c = OWNER(h, struct conn, uv);
	*ret = uv_buf_init(read_buffer, c->ssl ? TLS_READ : READ_MOST);
}

static void conn_on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = OWNER(s, struct conn, uv);
	if (n == 0 || c->closing || c->broken)
		return;
	if (n < 0) {
		/* An answer that is ready still goes out: the peer may only have said that it
		 * will not ask any more. */
		if (c->flush.next) {
			defer_cancel(&c->flush);
			flush_now(c);
		}
		lose(c, (int)n);
		return;
	}
	if (!c->ssl) {
		c->events->read(c, (struct str){b->base, (size_t)n});
		return;
	}
	BIO_write(SSL_get_rbio(c->ssl), b->base, (int)n);
	tls_pump(c);
}

void conn_start(struct conn *c)
{
	if (c->uv.handle.type == UV_TCP)
		uv_tcp_nodelay(&c->uv.tcp, 1);
	if (c->ssl)
		conn_touch(c); /* a client speaks first */
	if (!c->paused)
		uv_read_start(&c->uv.stream, on_alloc, conn_on_read);
}

void conn_pause(struct conn *c)
{
	if (c->paused || c->closing)
		return;
	c->paused = true;
	uv_read_stop(&c->uv.stream);
}

void conn_resume(struct conn *c)
{
	if (!c->paused || c->closing)
		return;
	c->paused = false;
	if (c->broken)
		return;
	uv_read_start(&c->uv.stream, on_alloc, conn_on_read);
	c->resumed = true;
	if (c->ssl)
		conn_touch(c); /* deciphers what had come */
}

/* --- out --- */

static void on_written(uv_write_t *w, int status)
{
	struct conn_flight *f = OWNER(w, struct conn_flight, write);
	struct conn *c = f->conn;
	c->flight = NULL;
	loop_take_back(c->loop, &f->bytes);
	xfree(f);
	if (c->closing || c->broken)
		return;
	if (status < 0) {
		lose(c, status);
		return;
	}
	flush_now(c);
}

/* Writes as much as the kernel takes now and leaves the rest of `s` in flight, for which it copies it
 * unless it is c->out itself. false: the connection is broken. */
static bool conn_put(struct conn *c, struct str s)
{
	uv_buf_t b = uv_buf_init((char *)s.p, (unsigned)s.n);
	int n = uv_try_write(&c->uv.stream, &b, 1);
	if (n < 0 && n != UV_EAGAIN) {
		lose(c, n);
		return false;
	}
	size_t done = n > 0 ? (size_t)n : 0;
	c->given += s.n;
	if (done == s.n)
		return true;
	struct conn_flight *f = xalloc(sizeof *f);
	size_t at = 0;
	f->conn = c;
	buf_init(&f->bytes, OUT_MOST);
	if (s.p == c->out.p) {
		f->bytes = c->out;
		buf_init(&c->out, OUT_MOST);
		at = done;
	} else {
		buf_add(&f->bytes, (struct str){s.p + done, s.n - done});
	}
	b = uv_buf_init(f->bytes.p + at, (unsigned)(f->bytes.n - at));
	int bad = uv_write(&f->write, &c->uv.stream, &b, 1, on_written);
	if (bad) {
		buf_release(&f->bytes);
		xfree(f);
		lose(c, bad);
		return false;
	}
	c->flight = f;
	return true;
}

/* What OpenSSL wants to send. */
static bool put_cipher(struct conn *c)
{
	BIO *out = SSL_get_wbio(c->ssl);
	char *p;
	long n = BIO_get_mem_data(out, &p);
	if (n <= 0)
		return true;
	bool ok = conn_put(c, (struct str){p, (size_t)n});
	(void)BIO_reset(out);
	return ok;
}

/* Enciphers and writes until the kernel takes no more. */
static bool flush_tls(struct conn *c)
{
	if (!SSL_is_init_finished(c->ssl)) {
		ERR_clear_error();
		SSL_do_handshake(c->ssl); /* a failure shows in the next read */
	}
	while (!c->flight) {
		if (!put_cipher(c))
			return false;
		size_t left = c->out.n - c->taken;
		if (c->flight || left == 0 || !SSL_is_init_finished(c->ssl))
			break;
		ERR_clear_error();
		int n = SSL_write(c->ssl, c->out.p + c->taken, left < TLS_SLICE ? (int)left : TLS_SLICE);
		if (n <= 0) {
			lose(c, UV_EPROTO);
			return false;
		}
		c->taken += (size_t)n;
		if (c->taken == c->out.n) {
			loop_take_back(c->loop, &c->out);
			c->taken = 0;
		} else if (c->taken > c->out.n / 2) {
			buf_drop(&c->out, c->taken);
			c->taken = 0;
		}
	}
	return true;
}

static void send_fin(struct conn *c)
{
	if (c->ssl && !(SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN) && SSL_is_init_finished(c->ssl)) {
		ERR_clear_error();
		SSL_shutdown(c->ssl);
		if (!put_cipher(c) || c->flight)
			return; /* comes again when it is written */
	}
	uv_os_fd_t fd;
	c->finished = true;
	if (uv_fileno(&c->uv.handle, &fd) == 0)
		shutdown(fd, SHUT_WR);
}

static void flush_now(struct conn *c)
{
	if (c->closing || c->broken)
		return;
	if (c->out.over) {
		lose(c, UV_ENOBUFS);
		return;
	}
	if (!c->flight && c->ssl) {
		if (!flush_tls(c))
			return;
	} else if (!c->flight && c->out.n) {
		if (!conn_put(c, buf_str(&c->out)))
			return;
		if (!c->flight)
			loop_take_back(c->loop, &c->out);
	}
	if (c->finish && !c->finished && !c->flight && conn_waiting(c) == 0)
		send_fin(c);
	if (c->events->wrote && !c->closing && !c->broken)
		c->events->wrote(c);
}

static void on_flush(struct deferred *d)
{
	struct conn *c = OWNER(d, struct conn, flush);
	if (c->resumed && c->ssl && !c->paused) {
		c->resumed = false;
		tls_pump(c);
		defer_cancel(&c->flush); /* we are at it */
	}
	flush_now(c);
}

void conn_touch(struct conn *c)
{
	if (!c->closing && !c->broken)
		defer_start(c->loop, &c->flush, on_flush);
}

struct buf *conn_out(struct conn *c)
{
	loop_lend(c->loop, &c->out);
	return &c->out;
}

void conn_write(struct conn *c, struct str bytes)
{
	if (c->closing || c->broken)
		return;
	buf_add(conn_out(c), bytes);
	conn_touch(c);
}

size_t conn_waiting(const struct conn *c)
{
	return c->out.n - c->taken + uv_stream_get_write_queue_size(&c->uv.stream);
}

uint64_t conn_sent(const struct conn *c)
{
	return c->given - uv_stream_get_write_queue_size(&c->uv.stream);
}

void conn_finish(struct conn *c)
{
	c->finish = true;
	conn_touch(c);
}

/* --- the end --- */

static void conn_on_closed(uv_handle_t *h)
{
	struct conn *c = OWNER(h, struct conn, uv);
	buf_release(&c->out);
	SSL_free(c->ssl);
	c->ssl = NULL;
	c->events->closed(c);
}

void conn_close(struct conn *c)
{
	if (c->closing)
		return;
	c->closing = true;
	defer_cancel(&c->flush);
	uv_close(&c->uv.handle, conn_on_closed);
}
