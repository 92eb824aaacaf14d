/* help.h - what the program says of its commands, and of what went wrong. Main thread. */
#pragma once
#include <stdio.h>

#include "base/err.h"

/* All commands, on one screen; 0. */
int help_all(FILE *out);
/* The help of a command that there is, on stdout; 0. */
int help_for(const char *command);
/* "antiphon: what happened" on stderr. */
void complain(const struct err *e);
