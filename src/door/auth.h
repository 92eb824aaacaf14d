/* auth.h - who asks, and may this page or host ask at all? Included by request.h. Loop thread. */
#pragma once
#include "base/err.h"

struct api_options;
struct request;

/* Is that origin in server.cors? */
bool cors_lists(const struct api_options *o, struct str origin);
/* Host and Origin: what keeps a web page in the user's browser out of a server that asks for no key. */
bool auth_origin(struct request *rq, struct err *e);
/* The key; sets rq->project. */
bool auth_key(struct request *rq, struct err *e);
/* Refuses an Origin that is neither this server nor in server.cors, whoever asks: no preflight protects a
 * WebSocket, and its page may read what comes. */
bool auth_page(struct request *rq, struct err *e);
/* A route of the console: a browser that has signed in (sign_in.h), or this machine while no key was ever made. No other page can ask:
 * the header x-antiphon-console needs a preflight, which nobody gets. Sets rq->project. */
bool auth_console(struct request *rq, struct err *e);
/* A route of the owner's, for no key: over the owner's own socket, from this machine while no key was ever made, or signed in to the
 * console. Sets rq->project. */
bool auth_owner(struct request *rq, struct err *e);
/* A route for admin keys, and for whom auth_owner() lets in. Sets rq->project. */
bool auth_admin(struct request *rq, struct err *e);
/* Is this machine's owner asking without a key, since none was ever made? */
bool auth_unlocked(const struct request *rq);
/* Its session's secret; {0}: no cookie of ours. */
struct str auth_session(const struct request *rq);
