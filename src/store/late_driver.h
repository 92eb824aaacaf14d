/* late_driver.h - SQLite behind a driver that does not answer at once, for tests.
 *
 * Reads are answered by threads of its own, after a while that is drawn (none, or some turns of a loop), in any order: as
 * a database on a network would. Whoever asks has to live with it: leave in the middle, stop, be cancelled. */
#pragma once

/* Every store that is opened afterwards has it. The seed of what is drawn; 0 and 1 are seeds as any other. */
void late_driver_use(unsigned seed);
