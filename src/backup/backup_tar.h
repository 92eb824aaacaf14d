/* backup_tar.h - a copy of the data folder (backup.h) as one tar file. Blocks.
 *
 * The copy is made and checked as a folder first, so that no byte of a broken one leaves; then it goes into the tar
 * (pax), and the folder goes. It takes the room of both for a moment. */
#pragma once
#include "backup/backup.h"

/* b->to ends in ".tar": it stands there when it is whole and synced. "-": it is written to `out`, and the copy stands
 * in the data folder meanwhile, as "backup". */
bool backup_tar_wanted(struct str to);
bool backup_tar_make(struct backup *b, int out, struct err *e);
