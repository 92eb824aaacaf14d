/* outbox.h - how an event gets into the outbox, with the change that it tells of (webhook.h). */
#pragma once
#include "store/look.h"

enum { OUTBOX_CHANGES = 2, OUTBOX_BINDS = 12 }; /* of one outbox_add() */
/* An event for the project's webhook endpoints, about `subject` (an id); nothing for NULL. */
void outbox_add(struct store_request *r, int64_t project, const struct webhook_event *ev, struct str subject);
size_t outbox_bytes(const struct webhook_event *ev);
