/* file_threads.c - threads for files, and what waits for them. */
#include "door/file_threads.h"

void disk_attach(struct api_loop *al)
{
	al->disk = xalloc(sizeof *al->disk);
}

void leftover_add(struct api_loop *al, struct leftover *l, void (*end)(struct leftover *))
{
	*l = (struct leftover){.next = al->disk->leftovers, .at = &al->disk->leftovers, .end = end};
	if (l->next)
		l->next->at = &l->next;
	al->disk->leftovers = l;
}

void leftover_remove(struct leftover *l)
{
	if (!l->at)
		return;
	*l->at = l->next;
	if (l->next)
		l->next->at = l->at;
	l->at = NULL;
}

struct workers *disk_workers(struct api_loop *al)
{
	enum { THREADS = 2, QUEUE = 256 };
	if (!al->disk->workers)
		al->disk->workers = workers_new("files", THREADS, QUEUE);
	return al->disk->workers;
}

struct workers *disk_fetchers(struct api_loop *al)
{
	enum { THREADS = 4, QUEUE = 1024 };
	if (!al->disk->fetchers)
		al->disk->fetchers = workers_new("attach", THREADS, QUEUE);
	return al->disk->fetchers;
}

struct workers *disk_readers(struct api_loop *al)
{
	enum { THREADS = 2, QUEUE = 256 };
	if (!al->disk->readers)
		al->disk->readers = workers_new("forms", THREADS, QUEUE);
	return al->disk->readers;
}

struct workers *disk_searchers(struct api_loop *al)
{
	enum { THREADS = 4, QUEUE = 1024 };
	if (!al->disk->searchers)
		al->disk->searchers = workers_new("search", THREADS, QUEUE);
	return al->disk->searchers;
}

void disk_detach(struct api_loop *al)
{
	while (al->disk->leftovers)
		al->disk->leftovers->end(al->disk->leftovers);
	workers_free(al->disk->workers);
	workers_free(al->disk->fetchers);
	workers_free(al->disk->searchers);
	workers_free(al->disk->readers);
	xfree(al->disk);
	al->disk = NULL;
}
