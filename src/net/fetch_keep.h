/* fetch_keep.h - libcurl's handles with their open connections, a few a thread. Inside net/fetch.c's reach alone.
 *
 * A handle is one thread's, so that nothing is shared; it goes with its thread. Connections of one word are never used
 * for another, nor those made under one guard for a request under another: who may not reach an address does not find a
 * way there that stands open. */
#pragma once
#include "net/curl.h"
#include "net/guard.h"

/* A handle as new, but for its connections. `word` {0}: none are there. */
CURL *keep_take(const struct curl *c, struct str word, const struct guard *guard);
/* Back again: kept, or with `word` {0} closed. */
void keep_give(const struct curl *c, struct str word, const struct guard *guard, CURL *h);
