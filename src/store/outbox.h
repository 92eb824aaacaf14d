/* outbox.h - the outbox of webhooks: what their endpoints (webhook.h) still have to be told. Included by store.h, which has
 * the rules.
 *
 * An event goes in with the change that it tells of, and stays until it was delivered or given up. */
#pragma once
#include "store/store.h"

/* What goes into it together with something else (run.h). */
struct webhook_event {
	struct id id;
	struct str type; /* "response.completed" */
	int64_t most;    /* events that may wait for one endpoint; further ones are counted as dropped */
};

struct delivery {
	struct id event, endpoint;
	int64_t project, created_at, tries, dropped; /* dropped: by its endpoint so far */
	int64_t since; /* from when on it is tried: created_at, or when it was sent again */
	struct str type, subject;                    /* subject: id of what the event tells of */
	struct str url, secret, old_secret;          /* as they now are; old_secret empty: none */
};
struct delivery_place {
	int64_t endpoint, event;
};
struct delivery_query {
	int64_t now_ms, after; /* after: key of an endpoint; those behind it come first */
	size_t most;
	size_t most_endpoint;  /* how many one endpoint may be told at once */
	const struct delivery_place *under_way; /* those that are being told now, copied */
	size_t n_under_way;
};
struct delivery_list {
	struct delivery *at;
	size_t n;
	int64_t next_ms; /* when further ones are due; 0: none wait */
};
void store_find_deliveries(struct store_port *p, struct store_op *op, const struct delivery_query *q, struct arena *a,
			   struct delivery_list *ret);
/* How a try ended. It leaves the outbox, and is kept as over (past_delivery.h), or waits for the next try. */
struct delivery_end {
	int64_t due_ms;   /* the next try; 0: there is none */
	bool delivered;
	int64_t answer;   /* HTTP status; 0: none came */
	struct str fault; /* what was wrong; {0}: nothing. Copied */
};
void store_end_delivery(struct store_port *p, struct store_op *op, const struct delivery *d, const struct delivery_end *how);

/* --- inside store/: an event goes in --- */
struct store_request;
enum { OUTBOX_CHANGES = 2, OUTBOX_BINDS = 12 }; /* of one outbox_add() */
/* An event for the project's webhook endpoints, about `subject` (an id); nothing for NULL. */
void outbox_add(struct store_request *r, int64_t project, const struct webhook_event *ev, struct str subject);
size_t outbox_bytes(const struct webhook_event *ev);
