/* postgres_writer.h - what the writing thread does: what has gathered is one transaction in one round trip. Inside the
 * PostgreSQL driver.
 *
 * Its connection holds the advisory lock of this node's number, so that no second process is this node, and so that a
 * commit of which nothing was heard can be asked for: once a new connection has the lock, the old one's transaction is over,
 * and the node's row in antiphon_written says whether it was committed. */
#pragma once
#include "store/postgres.h"

extern const struct write_verbs postgres_writes;
/* Connects, and takes the node's lock once there is a number; at an opening, before the thread runs. */
bool postgres_writer_connect(struct db *db, struct err *e);
/* The driver's take_number(). */
bool postgres_take_number(struct db *db, int64_t number, struct err *e);
