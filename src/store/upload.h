/* upload.h - uploads: files that come in parts. What is known of them; rules as in file.h. */
#pragma once
#include "store/file.h"

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
