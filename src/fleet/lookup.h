/* lookup.h - who is a member of a fleet, by what an entry of the settings says in the place of a URL.
 *
 *   file:PATH       a URL a line; empty lines and what follows a # are nothing
 *   dns:HOST:PORT   http://ADDRESS:PORT for each A and AAAA record of the host
 *   srv:NAME        http://TARGET:PORT for each SRV record of the name (RFC 2782); weights are not read: members are chosen by their load
 *
 * A look-up blocks: worker threads make it. Names are asked at the servers of resolv.conf by libc, as the rest of the machine asks. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum lookup_kind { LOOKUP_NONE, LOOKUP_FILE, LOOKUP_DNS, LOOKUP_SRV }; /* none: a URL */
enum lookup_kind lookup_kind(struct str what);
struct lookup {
	struct str server; /* ADDRESS:PORT to ask instead of resolv.conf's; {0}: those */
	struct str *urls;  /* in the arena, in no order; each once */
	size_t n;
	bool more;         /* there are more than were asked for */
	int64_t ttl_s;     /* of the records; 0: none told */
};
/* At most `most` URLs. ERR_UNAVAILABLE: it cannot be read, or there is nothing in it. */
bool lookup_run(struct lookup *l, struct arena *a, struct str what, size_t most, struct err *e);
/* Is it written so that it can be looked up? ERR_CONFIG. */
bool lookup_check(struct str what, struct err *e);
