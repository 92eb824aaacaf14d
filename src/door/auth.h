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
