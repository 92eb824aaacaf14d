/* beside.c - a store that is read beside the process that owns it. */
#include "store/beside.h"

#include <limits.h>
#include <unistd.h>

#include "store/blobs.h"
#include "store/drivers.h"
#include "store/node.h"

bool store_beside(const struct store_options *o, struct store **ret, struct err *e)
{
	char path[PATH_MAX];
	struct db_options d = {.path = path, .vfs = o->vfs};
	struct arena a = {0};
	const struct driver *driver;
	if (!store_driver(o, path, &driver, e))
		return false;
	struct store *s = xalloc(sizeof *s);
	s->driver = driver;
	s->node = xalloc(sizeof *s->node);
	bool ok = driver->beside(&d, &s->db, e);
	if (ok)
		s->reader = driver->attach(s->db);
	ok = ok && blobs_look(s, str_copy(&a, o->dir).p, e);
	arena_free(&a);
	if (ok)
		*ret = s;
	else
		store_beside_close(s);
	return ok;
}

void store_beside_close(struct store *s)
{
	sealer_close(s);
	if (s->reader)
		s->driver->detach(s->reader);
	if (s->db)
		s->driver->close(s->db);
	blobs_close(s);
	xfree(s->node);
	xfree(s);
}
