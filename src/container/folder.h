/* folder.h - the folders of containers: what the code in one sees as /mnt/data.
 *
 * Each is a folder "boxes/KEY" in the data folder, for its owner alone. What lies in it was made by strangers' code: a
 * name in it may be anything, a file may become a link between two looks (session/share.h). What is put in is written beside it, synced, and gets its name there last. All functions block; any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct folders;
/* Makes "boxes" in `dir`. Then, before anything else, folders_sweep(). */
bool folders_new(struct str dir, struct folders **ret, struct err *e);
void folders_free(struct folders *f);
/* Removes what has no container (known() says so by key), and what was half written. */
bool folders_sweep(struct folders *f, bool (*known)(void *ctx, int64_t key, bool *ret, struct err *e), void *ctx,
		   struct err *e);
enum { FOLDER_PATH = 4096 };
/* Its absolute path, which is returned. It is there after folder_ready(). */
const char *folder_at(const struct folders *f, char out[FOLDER_PATH], int64_t key);
/* Likewise, of the folder with its skills (cntr_skills.h), which is there where it has some. */
const char *folder_skills_at(const struct folders *f, char out[FOLDER_PATH], int64_t key);
/* Not synced: that is for who keeps a file in it. */
bool folder_ready(struct folders *f, int64_t key, struct err *e);
/* A file that is there already is on the disk, with its way (share_sync()), and with the first of a list the folder of all
 * containers. */
bool folder_sync(struct folders *f, int64_t key, struct str path, struct str *way, struct err *e);
/* With all in it. Nobody works in it any more. */
void folder_remove(struct folders *f, int64_t key);

/* A file of the name (no '/') with all that is read from `from`, or what was there under that name in its place; synced.
 * *seen_ns: when it was changed. ERR_STORE_FULL. */
bool folder_put(struct folders *f, int64_t key, struct str name, int from, int64_t *seen_ns, struct err *e);
/* To read a file from; -1: ERR_NOT_FOUND, it is not there or no plain file. *bytes: its length. */
int folder_open(const struct folders *f, int64_t key, struct str path, int64_t *bytes, struct err *e);
/* One that is not there is no fault. */
bool folder_unlink(const struct folders *f, int64_t key, struct str path, struct err *e);
