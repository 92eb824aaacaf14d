/* cntrs.h - what containers of a process share: rows (store/container.h), folders (folder.h), and their end.
 *
 * `struct cntrs` is one per process; it outlives who uses it, and has a thread of its own that ends what has expired.
 * All functions block; any thread. */
#pragma once
#include "store/container_life.h"

struct cntrs;
struct egress;
struct folders;
/* `out`: the way out of boxes; outlives it. */
bool cntrs_new(struct store *s, struct egress *out, struct str dir, struct cntrs **ret, struct err *e);
void cntrs_free(struct cntrs *c);
struct store *cntrs_store(const struct cntrs *c);
struct folders *cntrs_folders(const struct cntrs *c);
struct egress *cntrs_egress(const struct cntrs *c);
/* What runs in a container is ended when it goes: set once, before the first one is used. */
void cntrs_on_end(struct cntrs *c, void (*end)(void *ctx, int64_t key), void *ctx);

/* While it is held (a call runs), it does not expire, and its folder stays. Returns a flag, valid while it is held, that is set
 * when its row is gone (cntr_doom()). */
const _Atomic bool *cntr_hold(struct cntrs *c, int64_t key);
void cntr_release(struct cntrs *c, int64_t key);
/* For who holds it: it is his alone until cntr_leave(). false: another has it for longer than wait_ms, or *stop (may be NULL)
 * was set meanwhile. */
bool cntr_enter(struct cntrs *c, int64_t key, int64_t wait_ms, const _Atomic bool *stop);
void cntr_leave(struct cntrs *c, int64_t key);
/* Its files and their rows are one's to change between these, who also holds it: a call's end must not take for new what is on its
 * way to its row. Waits for as long as others copy files into it. */
void cntr_files_enter(struct cntrs *c, int64_t key);
void cntr_files_leave(struct cntrs *c, int64_t key);
/* Its row is gone: what runs in it ends, its folder follows when nobody holds it. */
void cntr_doom(struct cntrs *c, int64_t key);
