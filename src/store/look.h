/* look.h - a read on its way between a loop and the driver. Inside store/ alone.
 *
 * A noun's own struct begins with struct look. It is one allocation, zeroed, which belongs to the port until it is
 * completed, as any request does. Arguments are copied in; results reach the asker when it is completed on its loop, and
 * never once its op was cancelled. work() may run on any thread, also when the asker is gone: it touches the look, its
 * arena and its scratch, and nothing of the port, the loop or the asker. A driver that answers at once (driver.h) runs
 * it inside look_start(): then arguments are not copied, and results are written to the asker's memory directly. */
#pragma once
#include "store/request.h"

struct look {
	struct store_request request; /* first */
	struct db_read read;
	bool (*work)(struct look *l, struct err *e);
	/* A read before a write, or after it: on the loop, when work() succeeded. Then `write` is sent, if it is (still) set. */
	bool (*then)(struct look *l, struct err *e);
	struct store_request *write; /* owned */
	bool anyway;                 /* then() and the write happen though the op was cancelled */
	struct db_reader *reader;    /* inside work() */
	struct arena *arena;         /* for results */
	struct arena *to, own;       /* the asker's, NULL: none; the look's */
	struct buf *scratch, own_scratch; /* empty when work() begins, bounded by store.context_bytes */
	struct look_out {
		void *to, *from;
		size_t n;
	} outs[2];
	unsigned n_outs;
	/* what nearly every noun asks with */
	int64_t project, now;
	struct str text; /* of an id */
	struct id id;
};

/* The noun's struct of `size` bytes; `a`: where results shall lie, NULL: they go with the look. */
void *look_new(struct store_port *p, struct store_op *op, size_t size, int64_t project, struct arena *a);
/* Arguments that work() reads, as copies. */
struct str look_str(struct look *l, struct str s);
const struct str *look_strs(struct look *l, const struct str *s, size_t n);
struct page_query look_page(struct look *l, const struct page_query *q);
void *look_copy(struct look *l, const void *p, size_t n);
/* Where work() writes what shall reach `ret`; begins as a copy of it. At most two. */
void *look_out(struct look *l, void *ret, size_t n);
/* Asks the driver. The op learns the outcome later. */
void look_start(struct look *l, bool (*work)(struct look *l, struct err *e));
/* For a request that must not be sent before something was read: request_send() asks, then() runs, then it goes. */
void look_before(struct look *l, struct store_request *write, bool (*work)(struct look *l, struct err *e),
		 bool (*then)(struct look *l, struct err *e));
/* From a request's settle(): the look takes its op over, and its request as `write`, which then() may send again or free
 * (request_free(), `write` set to NULL). Returns false, for settle() to return. */
bool look_after(struct look *l, struct store_request *done, bool (*work)(struct look *l, struct err *e),
		bool (*then)(struct look *l, struct err *e));

/* Inside work(): a statement; the same one many times, in one round trip where that counts (driver.h). */
bool look_query(struct look *l, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row, void *ctx,
		struct err *e);
bool look_each(struct look *l, const struct each *each, struct err *e);

/* Inside work(): an item's JSON, whole, in l->arena, of its three cells (inlay.h). {0}: its bytes cannot be read. */
struct str look_item(struct look *l, const struct cell *cells);

/* For request.c. On the loop, once it is answered: false, it went on as a write. */
bool look_end(struct look *l);
void look_release(struct look *l);
