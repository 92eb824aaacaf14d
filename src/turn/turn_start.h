/* turn_start.h - the birth of a turn, and its reader's coming and going. Loop thread. */
#pragma once
#include "turn/turn_machine.h"

/* Takes the request over. `kind`: turn_kind.h, NULL: a response. */
void turn_start(struct request *rq, const struct turn_kind *kind);

struct reply_lane;
struct turn_link;
/* turn_start() for the body of a WebSocket's response.create; `rq` is its handshake, `lane` and `link` are the socket's. */
void turn_start_lane(struct request *rq, struct str body, struct reply_lane *lane, struct turn_link *link);

/* A turn in the arena, which it takes over; in no step yet. */
struct turn *turn_new(struct api_loop *al, int64_t project, struct arena *a, const struct id *id, int64_t began_us, enum phase first);
/* Reads t->key.body, which came over a WebSocket or not. false: t->error. */
bool turn_read(struct turn *t, bool socket);
/* The request is known whole, and where it is answered: headers that tell of it. */
void turn_known(struct turn *t);
