/* shared_driver.h - for tests: SQLite as if it were a database of many nodes, each a store of this process. */
#pragma once
#include "store/driver.h"

/* Stores that are opened afterwards with one URL share it. */
void shared_driver_use(void);
/* From now on nothing is told (true), as when the connection of news is gone; false: it is there again, and so it is
 * told. */
void shared_driver_deaf(bool deaf);
