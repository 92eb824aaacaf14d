/* check_files.h - `antiphon check`: where the bytes of files lie, tried. Main thread; blocks. */
#pragma once
#include "main/check_say.h"

/* Nothing is said where they lie in the data folder. */
void check_files(struct check *c);
