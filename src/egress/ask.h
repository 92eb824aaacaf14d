/* ask.h - what a program in a box asks of its proxy, out of the head of its request. Pure. */
#pragma once
#include "egress/host.h"
#include "egress/refusal.h"
#include "egress/secret.h"
#include "net/http.h"

struct ask {
	bool tunnel;              /* CONNECT */
	char host[HOST_MOST + 1]; /* in small letters, without a dot at its end */
	int64_t port;
	struct str path; /* of the request to the host; borrowed from the head */
};

/* The head is complete. REFUSAL_NONE, or why it is refused before anything is looked up; the host is "" unless it is
 * one. */
enum refusal ask_read(const struct http *h, struct ask *ret);
/* A request within a tunnel to `to`: a path, and a Host that is the tunnel's. */
bool ask_within(const struct http *h, const struct ask *to, struct ask *ret);
/* The head as the host gets it: its own Host, one request on a connection, nothing that was meant for a proxy; secrets
 * of `list` put in. *some: there were. `credentials`: of the first Authorization that is Basic and has one, as they are sent. */
void ask_write(const struct http *h, const struct ask *a, const struct secret *list, size_t n, struct buf *out,
	       bool *some, struct buf *credentials);
