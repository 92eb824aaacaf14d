/* environment.h - the environment of programs in a box that stays. Pure. */
#pragma once

enum { ENVIRONMENT_MOST = 24, ENVIRONMENT_ROOM = 8400 };

/* `python`: a folder of packages, or NULL. Fills `env`, NULL at its end; strings are constant or in `room`. */
void environment_make(const char *python, const char *env[ENVIRONMENT_MOST], char room[ENVIRONMENT_ROOM]);
