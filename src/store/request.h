/* request.h - one operation on its way between a loop and the driver.
 *
 * It belongs to the port from its start until it is completed, also when its op was cancelled meanwhile. A
 * write's changes, binds and bytes lie in one allocation. Its loop's thread, but for request_finished(). */
#pragma once
#include "store/core.h"

struct store_request {
	struct apply apply;
	struct store_port *port; /* NULL: a thread waits (store_write) */
	struct store_op *op;     /* NULL: cancelled */
	/* On the loop, before done(), unless cancelled. false: it was sent again. */
	bool (*settle)(struct store_request *r);
	void *ret; /* for settle() */
	struct arena *arena;
	struct deferred deferred;
	struct store_request *next, *prev;
	struct claim *claim; /* released with the request; NULL: none */
	bool waited;
	struct change *changes;
	struct bind *binds;
	char *bytes, *bytes_end;
	size_t n_binds, cap_changes, cap_binds;
};

struct store_request *request_new(struct store_port *p, struct store_op *op, size_t changes, size_t binds,
				  size_t bytes);
/* Adds a change; the strings of its binds are copied. */
void request_add(struct store_request *r, enum statement stmt, const struct bind *binds, unsigned n);
#define ADD(r, stmt, ...)                                                                                              \
	request_add(r, stmt, (const struct bind[]){__VA_ARGS__},                                                       \
		    sizeof((const struct bind[]){__VA_ARGS__}) / sizeof(struct bind))
/* The change just added must change a row; the text is copied. */
void request_must(struct store_request *r, enum err_code code, struct str text);
/* Gives it to the driver; a full queue completes it later with that error. */
void request_send(struct store_request *r);
/* Completes `op` from a deferred call; e NULL: success. For what was done at once (reads, refusals). */
void request_later(struct store_port *p, struct store_op *op, const struct err *e);
/* The driver's finished(). */
void request_finished(void *store, struct apply *list);
/* Sends and waits; frees the request. For threads that may block; r->port is NULL. */
bool store_write(struct store *s, struct store_request *r, struct err *e);

/* --- conversation.c --- */
enum { CONVERSATION_CHANGES = 3, CONVERSATION_BINDS = 10 }; /* of one conversation_add(), at most */
/* Appends an item to a conversation, unless it is there or the conversation is not. `kept`: the same list
 * inserts the item for its context. */
void conversation_add(struct store_request *r, int64_t project, int64_t conversation, const struct turn_item *it,
		      bool kept);
size_t conversation_bytes(const struct turn_item *items, size_t n);

/* --- record.c --- */
/* What else shall go with a turn: changes, binds and bytes to make room for. */
struct record_room {
	size_t changes, binds, bytes;
};
/* A request that writes a turn (nothing at all without `store` and `idem`), not yet sent. NULL: it cannot be made,
 * `op` learns why. */
struct store_request *record_request(struct store_port *p, struct store_op *op, const struct turn_record *t,
				     struct record_room room);

/* --- run.c --- */
/* A background run as it now stands. */
struct run_now {
	const struct id *id;
	int64_t now, created_at, tries;
	bool found, ended, kept, obfuscated; /* found false: none (any more) */
	char status[16];                     /* once it has ended */
};
/* Inside a snapshot. */
bool run_look(struct store_port *p, int64_t project, const struct id *id, struct run_now *ret, struct err *e);
