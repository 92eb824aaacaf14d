/* network.h - which hosts a container may reach: as requests ask for it, as it is kept, and as its box gets it.
 *
 * A container keeps what may be shown of its policy ({"type","allowed_domains"}) and, sealed (store/seal.h), its
 * secrets. Both are {0} where it has no network. */
#pragma once
#include "container/cntrs.h"
#include "egress/egress.h"
#include "session/gate.h"
#include "wire/json.h"

/* NULL and {"type":"disabled"} are served; an allowlist as far as egress.domains goes. ERR_UNSUPPORTED_VALUE,
 * ERR_INVALID_VALUE. Pure. `path`: its place in the request. */
bool network_fits(yyjson_val *policy, const char *path, struct err *e);
/* Sets policy and secrets of a container that is to be made. In `a`. */
void network_keep(struct cntrs *c, int64_t project, yyjson_val *policy, struct arena *a, struct container *ret);
/* Is this what the container has, to its secrets? */
bool network_is(struct cntrs *c, const struct container *of, yyjson_val *policy, struct arena *a);
/* What a model is told: {"hosts": [..], "secrets": [{"name","domain"}]}; {0}: there is no network. From a policy as it
 * is asked for, or, NULL, from a container. In `a`. */
struct str network_told(struct cntrs *c, const struct container *of, yyjson_val *policy, struct arena *a);

struct network_way { /* to be kept where it lies until the call has its box */
	struct session_gate gate;
	struct egress *egress;
	struct egress_policy policy;
	int64_t key;
	const char *authorities; /* a file of the host: what programs inside are to trust */
	const char *env[SESSION_GATE_ENV];
};
#define NETWORK_AUTHORITIES "/run/egress/authorities.pem" /* inside */
/* For a container with a policy. ERR_UNAVAILABLE, ERR_ENCRYPTED_CONTENT: its secrets cannot be read any more. In `a`.
 */
bool network_open(struct cntrs *c, const struct container *of, struct arena *a, struct network_way *ret, struct err *e);
