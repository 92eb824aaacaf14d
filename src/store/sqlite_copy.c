/* sqlite_copy.c - the database as it is at one moment, in a file of its own. */
#include "store/sqlite_copy.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

enum { COPY_BUSY_MS = 5000 };

static bool sqlite_copy_run(sqlite3 *sq, const char *copy)
{
	sqlite3_stmt *st = NULL;
	sqlite3_busy_timeout(sq, COPY_BUSY_MS);
	bool ok = sqlite3_prepare_v2(sq, "VACUUM INTO ?1", -1, &st, NULL) == SQLITE_OK &&
		  sqlite3_bind_text(st, 1, copy, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(st) == SQLITE_DONE;
	sqlite3_finalize(st);
	return ok;
}

bool sqlite_copy(const char *path, const char *copy, struct err *e)
{
	/* Made first, empty: what is copied must not be readable to others for a moment. */
	unlink(copy);
	int fd = open(copy, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(e, ERR_STORE, NULL, "cannot make the copy %s: %m", copy);
	close(fd);
	sqlite3 *sq = NULL;
	bool ok = sqlite3_open_v2(path, &sq, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK && sqlite_copy_run(sq, copy);
	if (!ok)
		fail(e, ERR_STORE, NULL, "cannot copy the store %s: %s", path, sqlite3_errmsg(sq));
	sqlite3_close(sq);
	return ok;
}
