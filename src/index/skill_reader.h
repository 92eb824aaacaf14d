/* skill_reader.h - what antiphon-reader says of skills (reader_main.c), in the box.
 *
 *   k, u  a zip on standard input: "ok NAME DESCRIPTION FILES BYTES\n" name description, lengths and sums in the head;
 *         u: then its files as skill_zip.h has them. "no WORD\n" detail: skill_faults.def
 *   p     files in that form on standard input: "ok 0 0 0 0\n" and a zip */
#pragma once
#include "base/str.h"

/* max: bytes of output. bounds: "FILES,FILE_BYTES,BYTES". The exit status. */
int skill_reader(int mode, struct str in, size_t max, struct str bounds);
