/* share.h - the folder that a box sees as /mnt/data, handled from outside while programs inside do with it what they
 * like.
 *
 * No link is ever followed, no name leads out, nothing but plain files with one name is seen, and nobody waits for a
 * pipe (openat2(2)): what is exchanged meanwhile is missed, never mistaken. Paths are relative to the folder,
 * "a/b.png". Bounds: session.folder_files, _bytes, _depth. Blocks; any thread. */
#pragma once
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

struct share_file {
	struct str path; /* bytes as the file system has them, perhaps not UTF-8 */
	int64_t bytes, mtime_ns, ino;
};
struct share_list {
	struct share_file *at; /* in the order of their paths */
	size_t n;
	int64_t bytes; /* of all in the list */
	int64_t names; /* of all that was seen, folders and links too */
	bool cut;      /* there is more than the bounds permit */
};

/* Makes it, empty, with its parents, so that boxes can write in it; fine when it is there. ERR_STORE. */
bool share_make(const char *folder, struct err *e);
/* Removes it and all in it; fine when it is not there. */
bool share_erase(const char *folder, struct err *e);
/* What is in it, in `a`. ERR_STORE: it cannot be read. */
bool share_list(struct arena *a, const char *folder, struct share_list *ret, struct err *e);
/* A descriptor (close-on-exec) to read one file by, and its state; -1: ERR_NOT_FOUND. */
int share_open(const char *folder, struct str path, struct stat *ret, struct err *e);
/* A new file, which must not be there, to be written: programs inside may change it. Folders on the way are made.
 * -1: ERR_INVALID_VALUE (it is there, or its path leads out), ERR_STORE. */
int share_create(const char *folder, struct str path, struct err *e);
/* A file and its way are on the disk: its bytes, and the folders down to it, to their own place in the folder above. *way: the
 * last one's path, {0} at first, so that a list in the order of paths syncs each folder once. ERR_NOT_FOUND, ERR_STORE. */
bool share_sync(const char *folder, struct str path, struct str *way, struct err *e);
/* false: ERR_NOT_FOUND. */
bool share_remove(const char *folder, struct str path, struct err *e);
