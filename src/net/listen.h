/* listen.h - listening sockets: made, taken from a file system or a port, and who else holds that port.
 *
 * Blocking (name look-up, /proc): at start only. */
#pragma once
#include "net/server.h"

/* Opens a non-blocking listening socket. *is_unix and *port (may be NULL) are told. < 0: failure. */
int listen_open(const struct listen_options *o, bool *is_unix, int *port, struct err *e);
/* Removes the file of "unix:PATH"; nothing for other hosts. */
void listen_forget(struct str host);
