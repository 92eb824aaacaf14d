/* log_play.h - the events of a background run told to one reader, from the store, also while it runs.
 *
 * Any number of readers, on any loop; a reader that leaves or is slow changes nothing: the run goes on at its own speed. */
#pragma once
#include "door/request.h"
#include "net/reply.h"

/* Takes the reply over: sends the events of that project's run after sequence number `after` (-1: all), then ends. */
void log_play(struct api_loop *al, struct reply *r, int64_t project, struct str id, int64_t after);
/* The same for a request. `obfuscate`: pad the deltas. */
void log_play_request(struct request *rq, struct str id, int64_t after, bool obfuscate);
/* Was this response object (JSON) made in the background? Also known when the run itself is forgotten. */
bool made_in_background(struct arena *a, struct str json);
