/* arena.c - memory that is released together. */
#include "base/arena.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 512, KEPT = 4096, LARGEST = 256 * 1024, ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data[] */
	_Alignas(ALIGN) char data[];
};

struct arena_undo {
	struct arena_undo *next;
	void (*undo)(void *);
	void *obj;
};

void (*memory_watch)(const void *p, size_t n);

static void give_back(void *p)
{
#ifdef __SANITIZE_ADDRESS__
	if (memory_watch && p)
		memory_watch(p, malloc_usable_size(p));
#endif
	free(p);
}

static void out_of_memory(size_t n)
{
	fprintf(stderr, "antiphon: out of memory (%zu bytes)\n", n);
	abort();
}

void *xalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);
	if (!p)
		out_of_memory(n);
	return p;
}

void *xrealloc(void *p, size_t n)
{
#ifdef __SANITIZE_ADDRESS__
	if (memory_watch && p)
		memory_watch(p, malloc_usable_size(p)); /* it may move */
#endif
	void *q = realloc(p, n ? n : 1);
	if (!q)
		out_of_memory(n);
	return q;
}

void xfree(void *p)
{
	give_back(p);
}

/* Empty, and the newest. */
static void arena_block_new(struct arena *a, size_t size)
{
	struct arena_block *b = malloc(sizeof *b + size);
	if (!b)
		out_of_memory(size);
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	a->total += size;
	a->at = b->data;
	a->end = b->data + size;
}

/* A block of its own, put behind the newest so that its free room stays in use. It comes zeroed: much at once is pages of the
 * system's, which are made when they are first touched. */
static void *arena_block_own(struct arena *a, size_t n)
{
	struct arena_block *own = calloc(1, sizeof *own + n);
	if (!own)
		out_of_memory(n);
	own->size = n;
	a->total += n;
	if (a->blocks) {
		own->next = a->blocks->next;
		a->blocks->next = own;
	} else {
		a->blocks = own;
		a->at = a->end = own->data + n;
	}
	return own->data;
}

/* *zeroed: it is. */
static void *arena_take(struct arena *a, size_t n, size_t align, bool *zeroed)
{
	uintptr_t at = ((uintptr_t)a->at + align - 1) & ~(uintptr_t)(align - 1);
	if (a->at && at + n <= (uintptr_t)a->end) {
		a->at = (char *)(at + n);
		return (void *)at;
	}
	size_t size = a->total / 8; /* little is unused of a small one, thousands of which live at a time */
	size = size < FIRST ? FIRST : size > LARGEST ? LARGEST : size;
	if (n > size / 2) {
		*zeroed = true;
		return arena_block_own(a, n);
	}
	arena_block_new(a, size);
	a->at += n;
	return a->blocks->data;
}

void arena_start(struct arena *a, size_t n)
{
	if (!a->blocks)
		arena_block_new(a, n);
}

void *arena_alloc(struct arena *a, size_t n)
{
	bool zeroed = false;
	void *p = arena_take(a, n, ALIGN, &zeroed);
	return zeroed ? p : memset(p, 0, n);
}

char *arena_bytes(struct arena *a, size_t n)
{
	bool zeroed;
	return arena_take(a, n ? n : 1, 1, &zeroed);
}

void arena_defer(struct arena *a, void (*undo)(void *), void *obj)
{
	struct arena_undo *u = new(a, struct arena_undo);
	*u = (struct arena_undo){a->undo, undo, obj};
	a->undo = u;
}

static void run_undos(struct arena *a)
{
	while (a->undo) {
		struct arena_undo *u = a->undo;
		a->undo = u->next;
		u->undo(u->obj);
	}
}

void arena_free(struct arena *a)
{
	run_undos(a);
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		give_back(b);
	}
	*a = (struct arena){0};
}

void arena_join(struct arena *to, struct arena *from)
{
	struct arena_block *last = from->blocks;
	struct arena_undo *oldest = from->undo;
	while (last && last->next)
		last = last->next;
	while (oldest && oldest->next)
		oldest = oldest->next;
	if (!to->blocks) {
		to->blocks = from->blocks;
		to->at = from->at;
		to->end = from->end;
	} else if (last) { /* behind the newest, whose free room stays in use */
		last->next = to->blocks->next;
		to->blocks->next = from->blocks;
	}
	if (oldest) {
		oldest->next = to->undo;
		to->undo = from->undo;
	}
	to->total += from->total;
	*from = (struct arena){0};
}

void arena_reset(struct arena *a)
{
	run_undos(a);
	struct arena_block *keep = NULL;
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		if (!keep && b->size <= KEPT) {
			keep = b;
			continue;
		}
		give_back(b);
	}
	*a = (struct arena){0};
	if (keep) {
		keep->next = NULL;
		a->blocks = keep;
		a->at = keep->data;
		a->end = keep->data + keep->size;
		a->total = keep->size;
	}
}
