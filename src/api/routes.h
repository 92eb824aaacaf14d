/* routes.h - what routes.c and api.c give each other. */
#pragma once
#include "net/server.h"

/* Fills the three calls of the service. */
void routes_setup(struct service *s);
