/* blob_sweeper.h - the thread that removes what is no longer needed from a place which other nodes have, too, or which
 * is far away: what was dropped, and from time to time what is older than blobs.grace_seconds and known by no row (a
 * crash between the bytes and the row, or between the row's end and the bytes'). Any number of nodes may do it at once:
 * what makes it sound is the age. Inside store/ alone. */
#pragma once
#include "store/store.h"

struct blob_sweeper;
/* Makes the place `owner`'s if it is nobody's. The database, the blobs and the lender are open; *ret stays NULL where
 * nobody else comes. ERR_CONFIG: the place is another's, or cannot be used, and why. One that does not answer is asked
 * again later. */
bool blob_sweeper_start(struct store *s, struct str owner, struct blob_sweeper **ret, struct err *e);
void blob_sweeper_wake(struct blob_sweeper *w);
void blob_sweeper_stop(struct blob_sweeper *w); /* NULL: nothing */
