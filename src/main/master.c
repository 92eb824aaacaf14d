/* master.c - where the master secret stands. */
#include "main/master.h"

#include <stdlib.h>

/* Several nodes on one store share a master secret; one alone may make its own. */
struct seal_options master_options(const struct config *c, struct str data, struct arena *a)
{
	const char *given = getenv("ANTIPHON_MASTER_SECRET");
	struct seal_options o = {.secret = given && *given ? str_copy(a, str_of(given)) : (struct str){0},
				 .file = c->store_master_secret_file,
				 .make = !c->store_master_secret_file.n};
	if (o.make)
		o.file = str_fmt(a, "%.*s/master.key", FMT(data));
	return o;
}
