/* file_threads.h - what reads and writes files has threads of its own, and may outlive its client. Loop thread. */
#pragma once
#include "door/request.h"
#include "loop/workers.h"

struct disk {
	struct workers *workers, *fetchers, *searchers, *readers; /* NULL until somebody needs them */
	struct leftover *leftovers;
	size_t n_intakes; /* files that are being sent */
};
void disk_attach(struct api_loop *al);
/* Their jobs are done, or skipped, before the loop is closed. */
struct workers *disk_workers(struct api_loop *al);
/* Likewise, for what may wait for others: attachments. */
struct workers *disk_fetchers(struct api_loop *al);
/* Likewise, for what is made of a form that was sent (file_form.h, work()): reading a skill may take half a minute. */
struct workers *disk_readers(struct api_loop *al);
/* Likewise, for vector stores: their rows, their searches. */
struct workers *disk_searchers(struct api_loop *al);

/* What still waits for a write when its client has left. Its owner removes it; at the loop's end end() is called
 * instead, which frees it. */
struct leftover {
	struct leftover *next, **at; /* at NULL: not listed */
	void (*end)(struct leftover *);
};
void leftover_add(struct api_loop *al, struct leftover *l, void (*end)(struct leftover *));
void leftover_remove(struct leftover *l); /* listed or not */
/* The loop has ended. */
void disk_detach(struct api_loop *al);
