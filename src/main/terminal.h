/* terminal.h - texts of strangers on a terminal: no control characters, no escape sequences. Main thread. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

/* Cut and padded to `width` characters; 0: as long as it is. */
void terminal_print(struct str s, int width);
/* The first line of it and no more than `most` characters, with "..." for what is left out. */
void terminal_line(struct str s, int most);
/* "2026-11-29 13:40:01", in UTC. */
const char *terminal_time(struct arena *a, int64_t seconds);
