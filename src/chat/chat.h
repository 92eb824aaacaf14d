/* chat.h - the life of the requests to POST /v1/chat/completions. Loop thread. */
#pragma once
#include "door/request.h"

/* Ends every chat completion of this loop. */
void chats_cancel(struct api_loop *al);
