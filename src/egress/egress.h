/* egress.h - the way out of boxes: a proxy (CONNECT, and http:// by absolute URI) for the hosts that a container may
 * reach, and no others.
 *
 * A gate belongs to one box: a socket that listens inside it, and a policy. Each connection is a thread of its own,
 * bounded by egress.connections, and one request (RFC 9110, RFC 9112): the host is asked for by name, must be in the
 * policy and in the operator's list, is looked up once, and connected to at that address if guard.h has nothing against
 * it. What CONNECT opens is passed on unread, but to a host that has a secret: there TLS ends here, and what stands for
 * the secret in the request's headers is replaced; in answers the secret is replaced by as many '*'. */
#pragma once
#include "egress/host.h"
#include "egress/secret.h"
#include "net/guard.h"

struct egress_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "egress/limits.def"
#undef LIMIT
};
extern struct egress_limits egress_limits; /* set before threads start, constant after */

struct egress_options {
	struct host_list domains; /* setting egress.domains; none: boxes have no network at all */
	const int64_t *ports;     /* egress.ports */
	size_t n_ports;
	struct guard guard; /* egress.allow: addresses that may be reached though guard.h refuses them */
};
extern struct egress_options egress_options; /* likewise */

struct egress_policy { /* secrets with their stand-ins */
	struct host_list domains;
	const struct secret *secrets;
	size_t n_secrets;
};

struct egress;
/* One a process. `dir`: where the file of authorities lies that boxes see (egress_authorities()). */
struct egress *egress_new(struct str dir);
/* Every gate is closed. Waits for connections that end. NULL is fine. */
void egress_free(struct egress *e);

struct egress_gate;
/* Serves what connects to `listener`, which it owns from now on. `owner` names the box in the log; the policy is
 * copied. NULL: there are no threads. */
struct egress_gate *egress_open(struct egress *e, int64_t owner, const struct egress_policy *p, int listener);
/* Its connections are cut; does not wait. */
void egress_close(struct egress_gate *g);

/* A file with the authorities that this machine trusts and ours, which signs for hosts with a secret; made at the first
 * need. ERR_UNAVAILABLE. */
bool egress_authorities(struct egress *e, const char **ret, struct err *err);
/* What stands for a secret of that name inside: always the same for an owner, as long as the process lives. */
void egress_stand_in(const struct egress *e, int64_t owner, struct str name, char ret[SECRET_STAND_IN]);
