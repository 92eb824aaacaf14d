/* folder_name.h - names of files in containers. Pure. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

enum { FOLDER_INNER = 1024 /* bytes of a path below /mnt/data */ };
/* May this be a file's path in a container: relative, no empty part, no "." or "..", no control bytes, UTF-8? */
bool folder_path_fits(struct str path);
/* "PREFIX-NAME" as one name of at most 255 bytes: of a name that is too long the end stays. In `a`. */
struct str folder_name(struct arena *a, struct str prefix, struct str name);
