/* environment.h - the environment of programs in a box that stays. Pure. */
#pragma once

enum { ENVIRONMENT_MOST = 24 + 64, ENVIRONMENT_ROOM = 8400 };

/* `python`: a folder of packages, or NULL. `more`: what the box's gate adds, at most 64, NULL at its end; or NULL. Fills
 * `env`, NULL at its end; strings are constant, in `room`, or those of `more`. */
void environment_make(const char *python, char *const *more, const char *env[ENVIRONMENT_MOST],
		      char room[ENVIRONMENT_ROOM]);
