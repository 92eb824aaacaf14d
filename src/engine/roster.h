/* roster.h - members of fleets that are found: by a file, by DNS (fleet/lookup.h). Inside engine/ alone.
 *
 * One loop does it for all, the one that watches engines; the look-ups are made on a thread of their own. A look-up that fails, or finds nothing,
 * changes nothing: what was true is better than nothing at all. */
#pragma once
#include "engine/table.h"

struct roster;
/* Looks at once, and again every fleet.lookup_ms. NULL: there is nothing to be looked up. */
struct roster *roster_open(struct engine_port *p);
void roster_close(struct roster *r);
