/* request.h - one operation on its way between a loop and the driver.
 *
 * It belongs to the port from its start until it is completed, also when its op was cancelled meanwhile. A
 * write's changes, binds and bytes lie in one allocation. Its loop's thread, but for request_finished(). */
#pragma once
#include "store/core.h"

struct request_blob { /* to be kept before the changes are tried (inlay.h) */
	int64_t key;
	struct str bytes; /* in the request's own block */
};
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
	struct look *look;   /* it is the request of a read (look.h); NULL: a write */
	struct look *before; /* what must be read before it is sent; NULL: nothing */
	struct request_blob *blobs; /* on the heap; NULL: none */
	size_t n_blobs;
	void *held;          /* on the heap, freed with it: values that were not known when it was made */
	struct arena sealed; /* what the driver gets in place of changes whose values are sealed (sealed.h) */
	struct change *changes;
	struct bind *binds;
	char *bytes, *bytes_end;
	size_t n_binds, cap_changes, cap_binds;
};

/* Without room for changes; `op` is busy with it from now on. */
void request_init(struct store_request *r, struct store_port *p, struct store_op *op);
struct store_request *request_new(struct store_port *p, struct store_op *op, size_t changes, size_t binds,
				  size_t bytes);
/* Adds a change; the strings of its binds are copied. */
void request_add(struct store_request *r, enum statement stmt, const struct bind *binds, unsigned n);
#define ADD(r, stmt, ...)                                                                                              \
	request_add(r, stmt, (const struct bind[]){__VA_ARGS__},                                                       \
		    sizeof((const struct bind[]){__VA_ARGS__}) / sizeof(struct bind))
/* The change just added must change a row; the text is copied. */
void request_must(struct store_request *r, enum err_code code, struct str text);
/* Gives it to the driver (after what must be read before; a look to one that does not answer at once). A full queue
 * completes it later with that error. */
void request_send(struct store_request *r);
/* It fails with that, unless it has failed before. */
void request_fail(struct store_request *r, const struct err *e);
/* Completes it from a deferred call. */
void request_later(struct store_request *r);
/* Completes `op` from a deferred call; e NULL: success. For what needs neither read nor write. */
void request_done(struct store_port *p, struct store_op *op, const struct err *e);
void request_free(struct store_request *r);
/* The driver's finished() and answered(). */
void request_finished(void *store, struct apply *list);
void request_answered(void *store, struct db_read *read);
/* Sends and waits; frees the request. For threads that may block; r->port is NULL. */
bool store_write(struct store *s, struct store_request *r, struct err *e);
