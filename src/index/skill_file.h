/* skill_file.h - what a skill and its files may be called, and a file on its way between the box and the server:
 *
 *   "RUNS PATH BYTES\n" path bytes      RUNS 0 or 1: may it be run? PATH, BYTES: their lengths
 *
 * Pure; any thread. Both sides have it: the server believes nothing of what comes out of a box. */
#pragma once
#include "base/buf.h"

enum { SKILL_NAME_MAX = 64, SKILL_DESCRIPTION_MAX = 1024 /* characters */, SKILL_PATH = 1024, SKILL_PATH_PART = 255, SKILL_DEPTH = 32 };

/* Lower-case letters, digits, hyphens: a plain part of a path. */
bool skill_name_good(struct str name);
/* 1 to 1024 characters of UTF-8, without NUL. */
bool skill_description_good(struct str description);
/* Is it relative, without "..", empty or overlong parts, backslashes and control characters, and UTF-8? */
bool skill_path_good(struct str path);

/* One file in the form above, cut off *in. false: it is damaged. */
bool skill_file_cut(struct str *in, struct str *path, bool *runs, struct str *bytes);
void skill_file_add(struct buf *out, struct str path, bool runs, struct str bytes);
