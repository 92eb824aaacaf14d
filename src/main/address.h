/* address.h - where the server listens: addresses from the settings.
 *
 * Main thread, before the loops run. */
#pragma once
#include "base/arena.h"
#include "main/config.h"

struct address {
	struct str host; /* numeric, without brackets; or "unix:PATH" */
	int port;        /* as configured; the real one once bound */
	bool loopback;   /* reaches this machine only (also unix sockets) */
	bool may_lack;   /* ::1 of the default: skipped where IPv6 is missing */
};
struct addresses {
	struct address *at;
	size_t n;
	bool loopback; /* all of them are */
};

/* Reads server.listen; names are resolved ("localhost" is both loopback addresses). */
bool addresses_read(struct arena *a, const struct config_list *list, struct addresses *ret, struct err *e);
/* "http://127.0.0.1:8080", brackets around IPv6; unix: "unix:PATH". In `a`. */
struct str address_url(struct arena *a, const struct address *at, bool tls);
