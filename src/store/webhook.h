/* webhook.h - webhook endpoints. What they still have to be told: outbox.h. Included by store.h, which has the rules.
 *
 * An event goes into the outbox in the transaction of what it tells of, once for each endpoint of the project that wants
 * its type, and stays there until it was delivered, given up (past_delivery.h), or its endpoint is deleted. Secrets come and go sealed
 * (seal.h); nothing here opens them. */
#pragma once
#include "store/store.h"

struct stored_webhook {
	struct id id;
	int64_t created_at, updated_at; /* seconds */
	struct str name, url;
	struct str types;  /* a JSON array of strings */
	struct str hint;   /* what may be shown of the secret */
	struct str secret, old_secret; /* not in lists; old_secret empty: it counts no longer */
};
/* `secret` and `id` are the caller's. ERR_BAD_REQUEST: the project has `most` of them. Copied before it returns. */
void store_put_webhook(struct store_port *p, struct store_op *op, int64_t project, const struct stored_webhook *w, int64_t most);
/* ERR_NOT_FOUND, here and below: "Webhook endpoint with id 'x' not found." */
void store_get_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		       struct stored_webhook *ret);
struct webhook_page {
	struct stored_webhook *list; /* newest first */
	size_t n;
	bool has_more;
};
/* `after`: an id, also of one that is gone; {0}: from the newest. */
void store_list_webhooks(struct store_port *p, struct store_op *op, int64_t project, struct str after, int64_t limit,
			 struct arena *a, struct webhook_page *ret);
/* Sets those of name, url and types that are not {0}. */
void store_set_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str id,
		       const struct stored_webhook *w);
/* A new secret; the one before counts too until `old_until` (seconds; 0: no longer). */
void store_rotate_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct str secret,
			  struct str hint, int64_t old_until);
/* What it was not told yet goes with it. */
void store_delete_webhook(struct store_port *p, struct store_op *op, int64_t project, struct str id);
