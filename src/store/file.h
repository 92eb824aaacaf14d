/* file.h - files: what is known of them. Their bytes: blob.h; those that come in parts: upload.h.
 *
 * A file's row is written after its bytes are kept, and removed before they are. A pending upload counts as the file
 * that it will be, so that a project's bounds (store.project_files, store.project_bytes) hold whenever it completes.
 * Rules as in store.h; an unknown id, or one of another project, is ERR_NOT_FOUND: "No such File object: x", and in upload.h
 * "No such Upload object: x". */
#pragma once
#include "store/store.h"

struct stored_file {
	struct id id;                  /* "file-": id.key is its blob's key */
	int64_t created_at, expires_at; /* seconds; 0: never */
	int64_t bytes;
	struct str purpose, filename;
};
/* ERR_STORAGE_LIMIT when the project has its fill; then the blob is still the caller's. */
void store_put_file(struct store_port *p, struct store_op *op, int64_t project, const struct stored_file *f);
/* The same for who may block. */
bool file_keep(struct store *s, int64_t project, const struct stored_file *f, struct err *e);
void store_get_file(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		    struct stored_file *ret);
/* The same for who may block. */
bool file_find(struct store *s, int64_t project, struct str id, struct arena *a, struct stored_file *ret, struct err *e);
/* Several at once, in the order asked; one that is missing has id.key 0. */
void store_get_files(struct store_port *p, struct store_op *op, int64_t project, const struct str *ids, size_t n,
		     struct arena *a, struct stored_file *ret);
struct file_query {
	struct str after, purpose; /* {0}: none */
	int64_t limit;
	bool ascending;
};
struct file_page {
	struct stored_file *files;
	size_t n;
	bool has_more;
};
void store_list_files(struct store_port *p, struct store_op *op, int64_t project, const struct file_query *q,
		      struct arena *a, struct file_page *ret);
/* Its bytes go, too, and its entries in vector stores. */
void store_delete_file(struct store_port *p, struct store_op *op, int64_t project, struct str id);

/* --- inside store/: changes that write a row, for those that write more with it --- */
struct store_request;
#define FILE_LIMIT_TEXT                                                                                                \
	"The project's storage is full: it may have only so many files and bytes (store.project_files, "               \
	"store.project_bytes; storage_bytes of its limits). Delete files that are not needed."

/* A file or an announced one counts for its project: fails with ERR_STORAGE_LIMIT. 1 change, 4 binds, the text. */
void file_count(struct store_request *r, int64_t project, int64_t bytes);
/* 1 change, 8 binds; the id's random part, purpose and name. */
void file_insert(struct store_request *r, int64_t project, const struct stored_file *f);
