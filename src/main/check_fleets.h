/* check_fleets.h - `antiphon check`: engines by URL, and the members of fleets. Main thread. */
#pragma once
#include "engine/engine.h"
#include "main/check_say.h"

/* Who is a member, and does each answer? */
void check_fleets(struct check *c, const struct engines_config *all);
/* What the running server holds of those that get no calls now. */
void check_states(struct check *c, struct str socket);
