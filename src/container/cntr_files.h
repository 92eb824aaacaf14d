/* cntr_files.h - files are put into containers, read and removed.
 *
 * All functions block: worker threads, any. */
#pragma once
#include "container/cntrs.h"
#include "store/container_file.h"

/* What can be read from `from`, as "HEX-name". ERR_STORAGE_LIMIT: more files or bytes than a container may have. */
bool cntr_put(struct cntrs *c, const struct container *to, struct str name, int from, int64_t bytes, struct arena *a,
	      struct container_file *ret, struct err *e);
/* A file of /v1/files, as "ID-name". One that is in it already stays as it is. */
bool cntr_copy(struct cntrs *c, int64_t project, const struct container *to, struct str file, struct arena *a,
	       struct container_file *ret, struct err *e);
/* What can be read from `from`, under that name (folder.h). One that is in it already stays as it is. */
bool cntr_put_named(struct cntrs *c, const struct container *to, struct str name, int from, int64_t bytes, struct arena *a,
		    struct container_file *ret, struct err *e);
/* To read it from; -1. */
int cntr_open(struct cntrs *c, const struct container *of, const struct container_file *f, int64_t *bytes,
	      struct err *e);
bool cntr_remove(struct cntrs *c, const struct container *of, const struct container_file *f, struct err *e);
