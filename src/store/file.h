/* file.h - files and uploads: what is known of them. Their bytes: blob.h.
 *
 * A file's row is written after its bytes are kept, and removed before they are. A pending upload counts as the file
 * that it will be, so that a project's bounds (store.project_files, store.project_bytes) hold whenever it completes.
 * Rules as in store.h; an unknown id, or one of another project, is ERR_NOT_FOUND: "No such File object: x",
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

/* --- uploads --------------------------------------------------------------------------------------------- */

enum upload_status { UPLOAD_PENDING = 1, UPLOAD_COMPLETED, UPLOAD_CANCELLED, UPLOAD_EXPIRED };
struct stored_upload {
	struct id id; /* "upload" */
	int64_t created_at, expires_at, bytes, file_seconds; /* file_seconds: life of its file; 0: no end */
	struct str purpose, filename, mime_type;
	enum upload_status status; /* a pending one that is late reads as expired */
	struct id file;            /* of a completed one */
};
void store_put_upload(struct store_port *p, struct store_op *op, int64_t project, const struct stored_upload *u);
void store_get_upload(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		      struct stored_upload *ret);
struct upload_parts {
	const struct str *ids; /* in the order of the file */
	size_t n;
	int64_t *keys, bytes; /* results: of their blobs; all their bytes */
};
/* The same, and of its parts what is asked for. ERR_INVALID_VALUE, param part_ids: no part of it, or named twice. */
void store_get_upload_parts(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			    struct stored_upload *ret, struct upload_parts *parts);
/* The part's blob is kept. ERR_BAD_REQUEST: the upload is over, or has too many parts or bytes. */
void store_put_part(struct store_port *p, struct store_op *op, int64_t project, const struct id *upload,
		    const struct id *part, int64_t bytes);
/* Ends a pending upload: with its file, whose blob is kept, or cancelled (f NULL). ERR_BAD_REQUEST: it is over. */
void store_end_upload(struct store_port *p, struct store_op *op, int64_t project, const struct stored_upload *u,
		      const struct stored_file *f);
