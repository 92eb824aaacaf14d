/* conversations.h - the life of the requests to /v1/conversations. Loop thread. */
#pragma once
#include "door/request.h"

/* Forgets the requests of this loop whose clients left. */
void conversations_cancel(struct api_loop *al);
