/* watch.h - the bounds of a box that runs. Inside session/ alone. */
#pragma once
#include "session/box.h"

/* Kills the box if it has broken a bound. `folder`: looks at the files in it, too; NULL: not now. */
void watch_box(struct box *b, const char *folder);
