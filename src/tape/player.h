/* player.h - an engine that says what a recording has: GET /v1/models and POST /v1/chat/completions. Loop thread. */
#pragma once
#include "net/server.h"
#include "tape/tape.h"

struct player;
/* `at`: where it listens; *port gets the port. The tape outlives it. */
bool player_open(struct loop *l, const struct tape *t, const struct listen_options *at, int *port, struct player **ret,
		 struct err *e);
void player_free(struct player *p);
