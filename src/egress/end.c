/* end.c - one end of a connection. */
#include "egress/end.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

static int end_tls(struct end *x, int got)
{
	int why = SSL_get_error(x->ssl, got);
	x->write = why == SSL_ERROR_WANT_WRITE;
	ERR_clear_error();
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? END_AGAIN : END_OVER;
}

static int end_plain(ssize_t got)
{
	if (got > 0)
		return (int)got;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? END_AGAIN : END_OVER;
}

int end_read(struct end *x, char *to, size_t n)
{
	if (!x->ssl)
		return end_plain(recv(x->fd, to, n, 0));
	int got = SSL_read(x->ssl, to, (int)n);
	return got > 0 ? got : end_tls(x, got);
}

int end_write(struct end *x, struct str bytes)
{
	if (!x->ssl)
		return end_plain(send(x->fd, bytes.p, bytes.n, MSG_NOSIGNAL));
	int got = SSL_write(x->ssl, bytes.p, bytes.n < INT_MAX ? (int)bytes.n : INT_MAX);
	return got > 0 ? got : end_tls(x, got);
}

void end_finish(struct end *x)
{
	if (x->ssl)
		SSL_shutdown(x->ssl);
	else if (x->fd >= 0)
		shutdown(x->fd, SHUT_WR);
}

void end_close(struct end *x)
{
	SSL_free(x->ssl);
	if (x->fd >= 0)
		close(x->fd);
	*x = (struct end){.fd = -1};
}

bool end_pending(const struct end *x)
{
	return x->ssl && SSL_pending(x->ssl) > 0;
}
