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
	int64_t project;
	struct str policy, skills; /* JSON; {0}: no network, no skills */
	struct str secrets;        /* of its network, sealed; {0}: none */
	bool ended;                /* expired, and its files are gone */
};
bool container_expired(const struct container *c);
#define CONTAINER_EXPIRED "Container is expired."
/* ERR_BAD_REQUEST, CONTAINER_EXPIRED. */
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
/* ERR_CONFLICT: something lies in it, has run in it, or its time is over. Nothing is done then. */
bool container_delete_unused(struct store *s, int64_t key, struct err *e);
