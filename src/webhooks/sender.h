/* sender.h - a loop's threads that send webhooks: one signed POST each, past the guard of net/fetch.h.
 *
 * A sending lives in an arena of its own. It is the sender's from sender_send() until sent() is called, on the loop, once;
 * when the sender is freed meanwhile, it is dropped without a call. */
#pragma once
#include "door/request.h"
#include "loop/workers.h"
#include "net/fetch.h"

struct sender;

struct sending {
	struct job job;
	struct arena arena; /* which holds the sending itself, and all that it points at */
	struct sender *sender;
	struct sending *next, *prev;
	void (*sent)(struct sending *);
	int64_t project;
	struct str url, id, body;      /* id: the header webhook-id */
	struct str secret, old_secret; /* sealed; old_secret empty: none */
	enum fetch_fault fault;
	int status; /* of the answer; 0: none came */
	char why[200];
};

struct sender *sender_new(struct api_loop *al);
void sender_free(struct sender *s);
/* true: an answer in the 200s came. */
bool sending_arrived(const struct sending *s);
/* false: too many wait; the sending stays the caller's. */
bool sender_send(struct sender *sender, struct sending *s, void (*sent)(struct sending *));

/* A secret as the store keeps it, in `a`. */
struct str webhook_secret_seal(struct api_loop *al, int64_t project, struct str secret, struct arena *a);
