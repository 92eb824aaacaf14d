/* file_write.h - changes that write a file's row (file.c), for those that write more with it (upload.c). */
#pragma once
#include "store/file.h"
#include "store/look.h"

#define FILE_LIMIT_TEXT                                                                                                \
	"The project's storage is full: it may have only so many files and bytes (store.project_files, "               \
	"store.project_bytes; storage_bytes of its limits). Delete files that are not needed."

/* A file or an announced one counts for its project: fails with ERR_STORAGE_LIMIT. 1 change, 4 binds, the text. */
void file_count(struct store_request *r, int64_t project, int64_t bytes);
/* 1 change, 8 binds; the id's random part, purpose and name. */
void file_insert(struct store_request *r, int64_t project, const struct stored_file *f);
