/* names.h - host names to addresses, off the loop.
 *
 * A `struct names` belongs to one loop: a small cache (half a minute) in front of worker threads that
 * are started when the first name needs them. Numeric addresses never wait. Loop contract: loop.h. */
#pragma once
#include <sys/socket.h>

#include "loop/loop.h"

enum { NAME_ADDRESSES = 8 };

struct names;
struct addresses {
	size_t n;
	struct sockaddr_storage at[NAME_ADDRESSES];
};

/* One question; embed it. Idle when `look` is NULL. */
struct name_query {
	void (*done)(struct name_query *, const struct addresses *found, const char *why); /* found NULL: why */
	struct look *look;
	struct name_query *next, *prev;
};

struct names *names_new(struct loop *l);
/* Waits for look-ups that run. Queries are idle afterwards. */
void names_free(struct names *s);
/* The addresses of a name; blocks, on any thread. NULL, or why there are none (a constant text). */
const char *names_look(const char *host, const char *port, struct addresses *ret);
/* Numeric or in the cache: answers at once. `port` is decimal. */
bool names_known(struct names *s, struct str host, struct str port, struct addresses *ret);
void name_ask(struct names *s, struct name_query *q, struct str host, struct str port,
              void (*done)(struct name_query *, const struct addresses *, const char *));
void name_cancel(struct name_query *q);
