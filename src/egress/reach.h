/* reach.h - the way to a host: its name is looked up once, and the connection goes to an address that was found then.
 * Blocks. */
#pragma once
#include <stdatomic.h>

#include "egress/ask.h"
#include "egress/egress.h"

/* May this be reached at all? Pure. */
enum refusal reach_refuses(const struct egress_policy *p, const struct ask *a);
/* A socket that does not block; -1: *why. *cut, set elsewhere, gives up. */
int reach_connect(const struct ask *a, const _Atomic bool *cut, enum refusal *why);
