/* erase.h - all that a project has, or that an end user's `safety_identifier` is in, goes, also from the free pages of
 * the database. What is to go is kept first, so that a start after a crash goes on with it (erase_resume()). Blocks: a
 * worker thread, one at a time. */
#pragma once
#include "base/buf.h"
#include "store/store.h"

struct cntrs;
struct search;
struct erase {
	struct store *store;
	struct search *search;
	struct cntrs *containers;
};
struct erase_what {
	struct str project; /* its name; or {0}, and ... */
	struct str user;    /* ... the identifier */
	bool dry;           /* nothing goes: what would is counted */
};
/* Appends the receipt, a JSON object: counts by kind, when, and what stays and why. ERR_NOT_FOUND: no such project;
 * ERR_CONFLICT: something of it still runs. */
bool erase_run(const struct erase *with, const struct erase_what *what, struct buf *receipt, struct err *e);
/* Goes on with what an earlier process began. *what: what that was, in `a`; {0}: nothing. */
bool erase_resume(const struct erase *with, struct arena *a, struct str *what, struct err *e);
