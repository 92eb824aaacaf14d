/* routes.h - what routes.c and api.c give each other. */
#pragma once
#include "net/server.h"

struct route;

/* Fills the three calls of the service. */
void routes_setup(struct service *s);
/* The row for a method and a path without arguments; NULL: there is none. */
const struct route *routes_find(enum method m, struct str path);
