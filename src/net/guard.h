/* guard.h - which addresses may be reached on behalf of a client or of a web page.
 *
 * Refused is what only this machine or its network should see (guard.def), in every way of writing it, unless the operator's
 * list allows it. The decision that counts falls at the moment of connecting, on the address (guard_refuses(), asked by
 * net/fetch.c for each connection); guard_url() tells early what can be told from the text alone.
 *
 * Pure; a guard is constant once read. Any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct sockaddr;

/* A block of addresses. IPv4 is held in its IPv6 form ::ffff:a.b.c.d, so that there is one way to compare. */
struct guard_block {
	unsigned char address[16];
	int bits; /* 96 more than said for IPv4 */
};

/* {0}: nothing but what guard.def leaves open. */
struct guard {
	const struct guard_block *allowed;
	size_t n_allowed;
};

/* "10.0.0.0/8", "192.168.1.5", "fd00::/8"; the blocks are in `a`. ERR_CONFIG for anything else. */
bool guard_read(struct arena *a, const struct str *list, size_t n, struct guard *ret, struct err *e);
/* NULL: may be reached. Else what the address is, as in "is a loopback address". Other families than IP are refused. */
const char *guard_refuses(const struct guard *g, const struct sockaddr *address);

enum guard_verdict {
	GUARD_OPEN,
	GUARD_BAD_URL, /* no http(s), not a URL, a user name in it, characters on which readers of URLs disagree */
	GUARD_REFUSED, /* its host is a refused address however it is spelled ("0x7f.1", "[::ffff:127.0.0.1]"), or localhost */
};
/* What can be told from a URL's text alone; a name may still turn out to be a refused address later. *why gets what
 * the URL (BAD_URL) or its host (REFUSED) is: "not a valid URL", "a loopback address". */
enum guard_verdict guard_url(const struct guard *g, struct str url, const char **why);
