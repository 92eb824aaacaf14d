/* hold.h - while somebody copies the data folder, bytes whose rows are removed stay.
 *
 * A lock on the folder files/ itself: who copies has a shared one from before it reads the rows until
 * it has the bytes that they name; who removes bytes locks it alone for that moment, or puts it off. The system lets go
 * of the lock when its holder dies. Any thread, any process. */
#pragma once
#include "base/err.h"

/* Waits for a removal under way. The number is given back by hold_end(); -1: ERR_CONFIG. */
int hold_begin(const char *dir, struct err *e);
/* For a removal; `files`: a descriptor of the folder. -1: somebody copies. Does not wait. */
int hold_try(int files);
void hold_end(int hold);
