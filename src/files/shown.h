/* shown.h - a file as it is answered, by /v1/files and /v1/uploads. Loop thread. */
#pragma once
#include "door/file_form.h"
#include "store/file.h"

/* A file as it is answered; `id` holds its id's text. */
struct file_object;
void file_object_of(const struct stored_file *f, char id[ID_MAX], struct file_object *ret);
