/* access.h - a request that was answered is counted, and logged where server.access_log says so. */
#pragma once
#include "net/server.h"

struct api_loop;
struct request;

/* The service's ended(). `rq` NULL: its head was not understood. `route`: a number of LABEL_ROUTE. */
void access_ended(struct api_loop *al, struct exchange *x, const struct request *rq, unsigned route, int status);
