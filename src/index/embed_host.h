/* embed_host.h - the embedder of our own (engine/managed.h): fetched and started at the first need, started again when
 * it ends, at rest when nobody needs it.
 *
 * Who wants vectors takes it, asks at its address, and gives it back. Fetching is a script (tools/engine-install.sh), a
 * child like the engine itself: both end with us. Where it cannot be fetched, taking fails at once for a while
 * (index.embedder_again_ms, each time twice as long, at most an hour), then the next need tries again. The reason is
 * left in EMBED_WHY in the engine's folder, for `antiphon check`. Children live on the main loop; the struct is shared.
 */
#pragma once
#include <stdatomic.h>

#include "base/err.h"
#include "loop/loop.h"

#define EMBED_WHY "embedder.why"
enum { EMBED_HOST_DIMS = 384 };
extern const struct str embed_host_model;

struct embed_host;
/* `dir`: the engine's folder, {0}: the default. Nothing is started. Main thread. */
struct embed_host *embed_host_new(struct loop *main_loop, struct str dir);
/* Ends its children; who waits fails. Main thread, before its loop is closed. NULL is fine. */
void embed_host_stop(struct embed_host *h);
void embed_host_free(struct embed_host *h); /* nobody asks any more */

/* Any other thread. Waits until it has been started; while it is being fetched at most `fetch_ms`. *socket: its path,
 * good until the end. embed_host_give() must follow. ERR_UNAVAILABLE. */
bool embed_host_take(struct embed_host *h, int64_t fetch_ms, const _Atomic bool *cancelled, struct str *socket,
		     struct err *e);
void embed_host_give(struct embed_host *h);
/* It cannot be had for now. Any thread. */
bool embed_host_failed(struct embed_host *h);
