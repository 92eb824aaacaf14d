/* limits_cmd.h - `keys limit`, `projects limit`: what a key or a project may use at most. Main thread. */
#pragma once
#include "main/key_ways.h"

/* Sets what `words` say (NAME=VALUE; VALUE none: no limit), and prints what there is now. `key`: the holder is a key's
 * id, else a project's name. */
bool limits_cmd_set(struct key_ways *w, bool key, struct str holder, char **words, int n, struct err *e);
/* Prints all of keys, or of projects. */
bool limits_cmd_list(struct key_ways *w, bool key, struct err *e);
