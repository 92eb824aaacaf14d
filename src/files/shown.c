/* shown.c - a file as it is answered. */
#include "files/shown.h"
#include "model/file.h"

void file_object_of(const struct stored_file *f, char id[ID_MAX], struct file_object *ret)
{
	*ret = (struct file_object){.id = id_text(id, "file-", &f->id), .filename = f->filename, .purpose = f->purpose,
	                            .bytes = f->bytes, .created_at = f->created_at, .expires_at = f->expires_at};
}
