/* notify.h - tells the service manager what becomes of the server (systemd's sd_notify protocol: a datagram to the socket
 * that NOTIFY_SOCKET names; https://www.freedesktop.org/software/systemd/man/sd_notify.html). */
#pragma once
#include "base/str.h"

/* `state`: "READY=1", "STOPPING=1". Without a service manager that asks for it nothing happens; one that does not listen is
 * let be. Any thread. */
void notify_manager(struct str state);
