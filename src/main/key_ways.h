/* key_ways.h - where keys, projects and their limits are: at the running server, or else in the store itself. Main
 * thread. */
#pragma once
#include "main/remote.h"
#include "store/keys.h"

struct key_ways {
	struct args *args;
	struct str socket;   /* the running server, or {0} */
	struct store *store; /* else */
	struct key_making making;
};
bool ways_open(struct key_ways *w, struct err *e);
void ways_close(struct key_ways *w);
