/* playback.h - a replay told to one more reader (SSE), also while it is being written. */
#pragma once
#include "door/request.h"

/* Takes the exchange over: sends the events after sequence number `after` (-1: all) of that project's
 * response, then ends. false: nothing to play back (the exchange is untouched). With `ended_only` a
 * response that still runs counts as nothing. `obfuscate` < 0: as it was first sent. */
bool playback_start(struct request *rq, int64_t project, struct str id, int64_t after, int obfuscate, bool ended_only);
