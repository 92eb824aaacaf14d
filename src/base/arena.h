/* arena.h - memory that is released together.
 *
 * An arena belongs to one lifetime (connection, turn, call); everything taken from it lives until
 * arena_free(). Out of memory is fatal, so nothing here returns NULL; hostile sizes are refused
 * before they come here. One thread at a time. */
#pragma once
#include <stddef.h>

struct arena_block;
struct arena_undo;

struct arena {
	struct arena_block *blocks; /* newest first */
	struct arena_undo *undo;    /* newest first */
	char *at, *end;             /* free room in the newest block */
	size_t total;               /* bytes got from the system */
};

#define new(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define new_array(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (n)))

/* A fresh arena is {0}. Its first block gets room for n bytes: for owners that know what they will need, and live by the
 * thousand. One that is not fresh stays as it is.
 */
void arena_start(struct arena *a, size_t n);
/* Zeroed and aligned for any type. */
void *arena_alloc(struct arena *a, size_t n);
/* Not zeroed, byte aligned. */
char *arena_bytes(struct arena *a, size_t n);
/* Calls undo(obj) in arena_free(), newest first. */
void arena_defer(struct arena *a, void (*undo)(void *), void *obj);
/* Runs the undos and releases everything; the arena is {0} again. */
void arena_free(struct arena *a);
/* All of `from` lives in `to` from now on; `from` is {0} again. */
void arena_join(struct arena *to, struct arena *from);
/* Like arena_free() but keeps one small block for the next user of the same arena. */
void arena_reset(struct arena *a);

/* The only malloc of the house: never NULL (out of memory is fatal). xfree(NULL) is fine. */
void *xalloc(size_t n);  /* zeroed */
void *xrealloc(void *p, size_t n);
void xfree(void *p);

/* In builds with AddressSanitizer: hears of all memory that is about to be given back (loop/pending.c). NULL: nobody. */
extern void (*memory_watch)(const void *p, size_t n);
