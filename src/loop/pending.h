/* pending.h - memory is given back with nothing pending in it: rule 4 of loop.h, watched where AddressSanitizer is.
 *
 * A forgotten cancel shows itself otherwise only when its callback happens to run. Here it ends the program at the moment
 * the memory goes, whichever test was on its way. Elsewhere these functions do nothing. */
#pragma once
#include "loop/loop.h"

/* From now on xfree() and arenas are watched; operations of `l` are this thread's. NULL: the loop is gone. */
void pending_watch(struct loop *l);
/* A job or post is on its way between threads, and arrived. */
void pending_add(const void *op);
void pending_remove(const void *op);

/* --- loop.c --- */
/* What kind of operation of this loop is pending within; NULL: none. */
const char *loop_pending_in(const struct loop *l, const char *from, const char *to);
