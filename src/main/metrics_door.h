/* metrics_door.h - a listener of its own for GET /metrics (metrics.listen), for who must not reach the API.
 *
 * A service on loop 0; nothing but /metrics and /health is there, and no key is asked for. Loop 0's thread. */
#pragma once
#include "main/address.h"
#include "net/server.h"

struct api;
struct metrics_door;

/* At each of the addresses. ERR_CONFIG. */
bool metrics_door_open(struct loop *l, struct addresses *at, struct api *api, struct metrics_door **ret, struct err *e);
/* NULL is fine. The loop runs no more. */
void metrics_door_free(struct metrics_door *d);
