/* client_pool.h - what stays of a target between its calls: how it is asked, and its idle connections.
 *
 * Inside of client.c. Loop thread. */
#pragma once
#include "base/buf.h"
#include "net/client.h"

/* The connections to one target. */
struct pool {
	struct pool *next;
	struct arena a;
	struct http_target target; /* a copy: connections outlive the caller's */
	struct str host_line;      /* "Host: ...\r\n", and the proxy's credentials */
	struct str url_front;      /* what stands before the path in the request line */
	struct http_conn *idle;    /* newest first */
};

/* Made, and put before the others, when it is not known yet. */
struct pool *client_pool_find(struct pool **all, const struct http_target *t);
/* Appends the request. body NULL: it follows in chunks. */
void client_put_request(struct buf *b, const struct pool *p, enum method m, struct str path, struct str headers,
			const struct str *body);
