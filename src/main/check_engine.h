/* check_engine.h - `antiphon check`: an engine is tried. Main thread. */
#pragma once
#include "main/check_say.h"

/* The settings of an engine to try. */
struct trial_target {
	struct str url;
	const char *key, *model; /* NULL: none; the engine's first */
	bool codex;              /* is it enough for Codex? */
};
/* Tries the engine and says what it can do. */
void check_engine(struct check *c, const struct trial_target *t);
