/* chat_web_ask.h - a chat completion's request, said again as one of POST /v1/responses. Pure. */
#pragma once
#include "chat/chat_request.h"

/* The body, in `a`: streamed, not stored, with the search among its tools. `pass`: what the engine takes beside; NULL: nothing. */
struct str chat_web_ask(struct arena *a, const struct chat_create *c, const char *const *pass);
