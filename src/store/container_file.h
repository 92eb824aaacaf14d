/* container_file.h - the files of containers: what is known of them. Their bytes lie in the container's folder
 * (container/folder.h).
 *
 * The path is the identity: a file that is written again keeps its id, one that is gone loses it. Rules as in
 * container.h. ERR_NOT_FOUND: "File cfile_x not found on container cntr_y." */
#pragma once
#include "store/container.h"
#include "store/file.h"

enum container_source { CONTAINER_USER = 1, CONTAINER_ASSISTANT };
struct container_file {
	struct id id; /* "cfile" */
	int64_t created_at, bytes;
	int64_t seen_ns; /* when the file was changed, as it was seen last */
	enum container_source source;
	struct str path; /* below /mnt/data, without a slash at its beginning */
};

/* What came to pass in a container, all or nothing. */
struct container_change {
	const struct container_file *put; /* new ones, and those that are there with other bytes */
	size_t n_put;
	const int64_t *gone; /* keys */
	size_t n_gone;
	int64_t call; /* the call that did it ends; 0: none */
};
/* ERR_NOT_FOUND: the container was deleted meanwhile. */
bool container_files_change(struct store *s, const struct container *c, const struct container_change *ch,
			    struct err *e);
bool container_file_get(struct store *s, const struct container *c, struct str id, struct arena *a,
			struct container_file *ret, struct err *e);
struct container_file_page {
	struct container_file *list;
	size_t n;
	bool has_more;
};
/* q->name is not looked at. */
bool container_file_list(struct store *s, const struct container *c, const struct container_query *q, struct arena *a,
			 struct container_file_page *ret, struct err *e);
/* All of them, `most` at most, the oldest first. */
bool container_file_all(struct store *s, int64_t container, int64_t most, struct arena *a,
			struct container_file_page *ret, struct err *e);
/* A file of /v1/files that is to be put in. ERR_NOT_FOUND: "No such File object: x". */
bool container_file_source(struct store *s, int64_t project, struct str id, struct arena *a, struct stored_file *ret,
			   struct err *e);
