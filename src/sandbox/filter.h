/* filter.h - the system calls that a program in a box is refused (seccomp(2), by libseccomp). */
#pragma once
#include "base/err.h"

/* A new descriptor (close-on-exec) to read the filter from, as bwrap --seccomp takes it; -1: ERR_CONFIG. It is made
 * once; any thread. */
int filter_open(struct err *e);
