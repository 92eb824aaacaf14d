/* container.h - containers: what is known of them, and the calls that run in them. Their files: container_file.h; the
 * folders and sessions: container/.
 *
 * All functions block: worker threads, any. An unknown id, or one of another project, is ERR_NOT_FOUND: "Container with
 * id 'x' not found." One that has expired keeps its row for a day, to be named so; its files are gone, and nothing
 * brings it back. */
#pragma once
#include "base/arena.h"
#include "store/store.h"

struct container {
	struct id id;                              /* "cntr" */
	int64_t created_at, active_at, expires_at; /* seconds; active_at: last use */
	int64_t minutes;                           /* of life after the last use */
	int64_t memory;                            /* bytes */
	struct str name;
	struct str policy, skills; /* JSON; {0}: no network, no skills */
	bool ended;                /* expired, and its files are gone */
};
bool container_expired(const struct container *c);
/* ERR_BAD_REQUEST, "Container is expired." */
bool container_living(const struct container *c, struct err *e);

/* Its times are set from created_at. ERR_BAD_REQUEST: the project has `most` that live. */
bool container_put(struct store *s, int64_t project, const struct container *c, int64_t most, struct err *e);
bool container_get(struct store *s, int64_t project, struct str id, struct arena *a, struct container *ret,
		   struct err *e);
struct container_query {
	struct str after, name; /* an id; {0}: none, any */
	int64_t limit;
	bool ascending;
};
struct container_page {
	struct container *list;
	size_t n;
	bool has_more;
};
bool container_list(struct store *s, int64_t project, const struct container_query *q, struct arena *a,
		    struct container_page *ret, struct err *e);
/* It was used just now; `c` is changed likewise. Fails as container_living(). */
bool container_touch(struct store *s, struct container *c, struct err *e);
/* Its row goes, with those of its files and calls. One that is gone already is no fault. */
bool container_delete(struct store *s, int64_t key, struct err *e);

/* --- the journal of calls --- */

/* A call begins, durably; the container was used. *cut: calls that an end of the server cut off here, told once.
 * ERR_BAD_REQUEST as container_living(). */
bool container_call_begin(struct store *s, const struct container *c, const struct id *call, int64_t *cut,
			  struct err *e);
/* It has ended without having told of files (container_file.h). */
bool container_call_end(struct store *s, int64_t call, struct err *e);

/* --- for the sweeper --- */

enum { CONTAINER_SLICE = 64 };
/* Some that have expired and are to be ended. */
bool container_late(struct store *s, int64_t ret[CONTAINER_SLICE], size_t *n, struct err *e);
/* The rows of its files and calls go. ERR_CONFLICT: it was used meanwhile. */
bool container_end(struct store *s, int64_t key, struct err *e);
/* The rows of those that expired a day ago. */
bool container_forget(struct store *s, struct err *e);
/* May this key have a folder? */
bool container_has_folder(struct store *s, int64_t key, bool *ret, struct err *e);
