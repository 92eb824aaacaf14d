/* attach.h - what `ask` sends beside its text: standard input and files. Main thread. */
#pragma once
#include "main/config.h"
#include "wire/json.h"

/* Reads all of a file ("-": standard input); at most 32 MB. In `a`. */
bool attach_read(struct arena *a, const char *path, struct str *ret, struct err *e);
/* Is there something on standard input that was meant for us (a pipe or a file, no terminal)? */
bool attach_stdin(void);
/* Writes the content part of one file: text as input_text, images as input_image, others as input_file. */
bool attach_part(struct arena *a, struct jout *o, struct str path, struct err *e);
