/* paths.h - folders, and the door of a running server: the unix socket in its data folder. Any thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* Makes the folder and its parents (mode 0700 each); fine when it is there. */
bool folder_make(struct str path, struct err *e);
/* The path without a relative start, for texts. In `a`. */
struct str path_absolute(struct arena *a, struct str path);
/* DIR/antiphon.sock, or when that is longer than a socket's name may be (107 bytes), a name through
 * /proc/self/fd that stays good as long as this process lives. In `a`. `e` when DIR can't be opened. */
bool socket_path(struct arena *a, struct str dir, struct str *ret, struct err *e);
