/* erase_door.h - POST /admin/erase: a project's or an end user's state is erased, on a thread of its own. Loop 0.
 *
 *   {"project": NAME} or {"user": IDENTIFIER}, "dry_run": true: what would go is counted. Answers with the receipt
 * (erase/erase.h). */
#pragma once
#include "engine/sent.h"
#include "erase/erase.h"
#include "loop/loop.h"

struct exchange;
struct erase_door;
/* Goes on with what a process before this one began. What engines were `sent` lately is forgotten with each erasure. */
struct erase_door *erase_door_new(struct loop *l, const struct erase *with, struct sent *sent);
void erase_door_take(struct erase_door *d, struct exchange *x);
/* What is under way is waited for. */
void erase_door_free(struct erase_door *d);
