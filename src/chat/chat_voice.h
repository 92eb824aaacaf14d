/* chat_voice.h - chat completions that answer with sound: an engine that can (voice.engine) gets them as they are. */
#pragma once
#include "chat/chat_request.h"
#include "door/request.h"

/* Hands the request on. false: *e, and it is still the caller's to answer. */
bool chat_voice(struct request *rq, struct err *e);
