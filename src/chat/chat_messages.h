/* chat_messages.h - `messages` of a chat completion. Inside chat/ alone. */
#pragma once
#include "chat/chat_reader.h"

/* One element's shape, then what they mean together. */
extern const struct field chat_message_item;
bool chat_take_messages(struct chat_reader *r, struct err *e);
