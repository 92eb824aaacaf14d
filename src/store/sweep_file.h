/* sweep_file.h - the sweeper's part that takes away bytes beside the database, and batches. Inside store/ alone.
 *
 * Inside a slice's snapshot, when nothing else is found. false: s->err. */
#pragma once
#include "store/sweep.h"

bool sweep_inlays(struct slice *s);
bool sweep_files(struct slice *s);
bool sweep_skills(struct slice *s);
bool sweep_batches(struct slice *s);
