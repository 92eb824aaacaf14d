/* container_life.h - the calls that run in containers, and the end of those that expired.
 *
 * Rules as in container.h. */
#pragma once
#include "store/container.h"

/* --- the journal of calls --- */

struct container_began {
	int64_t cut; /* calls that an end of the server cut off here; told once */
	bool before; /* an earlier process of the server has run calls here, and this one none yet */
};
/* A call begins, durably; the container was used. It ends with what it left (container_files_change()). ERR_BAD_REQUEST as
 * container_living(). */
bool container_call_begin(struct store *s, const struct container *c, const struct id *call,
			  struct container_began *ret, struct err *e);

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
