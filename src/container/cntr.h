/* cntr.h - containers as they are used: rows (store/container.h), folders (folder.h), and their end.
 *
 * `struct cntrs` is one per process; it outlives who uses it, and has a thread of its own that ends what has expired.
 * All functions block: worker threads, any. Errors are those of store/container.h; a file that is not there is "No such
 * File object: x". */
#pragma once
#include "container/limits.h"
#include "store/container_file.h"

struct cntrs;
struct folders;
bool cntrs_new(struct store *s, struct str dir, struct cntrs **ret, struct err *e);
void cntrs_free(struct cntrs *c);
struct store *cntrs_store(const struct cntrs *c);
struct folders *cntrs_folders(const struct cntrs *c);

/* --- containers --- */
struct cntr_want {
	struct id id;                    /* key 0: a new one */
	struct str name, policy, skills; /* JSON; {0}: none */
	int64_t minutes, memory;         /* 0: the default */
	const struct str *files;         /* ids of files to be copied in */
	size_t n_files;
};
/* The files first: one that is not there, and nothing is made. */
bool cntr_make(struct cntrs *c, int64_t project, const struct cntr_want *w, struct arena *a, struct container *ret,
	       struct err *e);
/* One that lives; it was used just now. */
bool cntr_use(struct cntrs *c, int64_t project, struct str id, struct arena *a, struct container *ret, struct err *e);
/* Gone at once; what runs in it ends, its folder goes soon. */
bool cntr_drop(struct cntrs *c, const struct container *of, struct err *e);
/* While it is held (a call runs), it does not expire, and its folder stays. */
void cntr_hold(struct cntrs *c, int64_t key);
void cntr_release(struct cntrs *c, int64_t key);
/* What runs in it is ended when it goes: set once, before the first container is used. */
void cntrs_on_end(struct cntrs *c, void (*end)(void *ctx, int64_t key), void *ctx);

/* --- files --- */
/* What can be read from `from`, as "HEX-name". ERR_STORAGE_LIMIT: more files or bytes than a container may have. */
bool cntr_put(struct cntrs *c, const struct container *to, struct str name, int from, int64_t bytes, struct arena *a,
	      struct container_file *ret, struct err *e);
/* A file of /v1/files, as "ID-name". One that is in it already stays as it is. */
bool cntr_copy(struct cntrs *c, int64_t project, const struct container *to, struct str file, struct arena *a,
	       struct container_file *ret, struct err *e);
/* To read it from; -1. */
int cntr_open(struct cntrs *c, const struct container *of, const struct container_file *f, int64_t *bytes,
	      struct err *e);
bool cntr_remove(struct cntrs *c, const struct container *of, const struct container_file *f, struct err *e);
