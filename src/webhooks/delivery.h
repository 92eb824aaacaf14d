/* delivery.h - the delivery of webhooks: takes what is due out of the store's outbox and sends it (store/webhook.h).
 *
 * One loop of the process does it, the first that is attached. At least once, with the same webhook-id each time; an answer
 * outside the 200s is a failure. What fails is sent again, later each time, until api.webhook_keep_seconds are over. */
#pragma once
#include "webhooks/sender.h"

struct outbox;

void outbox_attach(struct api_loop *al);
void outbox_detach(struct api_loop *al);
/* Something was put into the outbox. Any thread. */
void outbox_wake(struct api *api);
