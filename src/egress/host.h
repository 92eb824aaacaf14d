/* host.h - names of hosts, and lists of them. Pure. */
#pragma once
#include "base/str.h"

struct host_list { /* "example.com": that host and those below it; "*.example.com": those below it; "*": all */
	const struct str *at;
	size_t n;
};
enum { HOST_MOST = 253 };

/* Letters, digits, '-', '_' and dots; no address in any spelling that the C library takes. */
bool host_fits(struct str host);
/* May it stand in a list? */
bool host_entry_fits(struct str entry);
bool host_in(const struct host_list *l, struct str host);
/* Is all that the entry means in the list? */
bool host_covered(const struct host_list *l, struct str entry);
