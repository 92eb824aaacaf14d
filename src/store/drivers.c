/* drivers.c - which databases there are, by the scheme of their URL. */
#include "store/drivers.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const struct driver *drivers[] = {&sqlite_driver, &postgres_driver};

void driver_replace(const struct driver *from, const struct driver *to)
{
	for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
		if (drivers[i] == from)
			drivers[i] = to;
}

bool store_driver(const struct store_options *o, char *path, const struct driver **ret, struct err *e)
{
	struct str url = o->url;
	char made[PATH_MAX + 32];
	if (!url.n) {
		url.p = made;
		url.n = (size_t)snprintf(made, sizeof made, "sqlite:%.*s/antiphon.db", FMT(o->dir));
	}
	for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
		struct str scheme = str_of(drivers[i]->scheme);
		if (!str_starts(url, scheme))
			continue;
		size_t from = drivers[i]->whole_url ? 0 : scheme.n;
		if (url.n - from >= PATH_MAX)
			return fail(e, ERR_CONFIG, NULL, "the name of the store is too long");
		memcpy(path, url.p + from, url.n - from);
		path[url.n - from] = 0;
		*ret = drivers[i];
		return true;
	}
	return fail(e, ERR_CONFIG, NULL, "no store driver for \"%.*s\" (known: sqlite:PATH, postgres://USER@HOST/DATABASE)", FMT(url));
}
