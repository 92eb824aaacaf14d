/* file.h - files and uploads: bodies, checked, and their objects. Pure. */
#pragma once
#include "wire/fields.h"

struct file_object {
	struct str id, filename, purpose;
	int64_t bytes, created_at, expires_at; /* expires_at 0: null */
};
void file_write(struct jout *o, const struct file_object *f);

enum { FILE_NAME_CHARS = 255, FILE_BATCH_SECONDS = 30 * 86400 };
/* The fields of POST /v1/files beside the file; {0}: not given. */
struct file_form {
	struct str purpose, anchor, seconds;
};
/* *life: seconds until the file expires, 0: never (batch files: 30 days). */
bool file_form_read(const struct file_form *f, int64_t *life, struct err *e);
/* The last part of a path as a client gave it. Refused: nothing left, over FILE_NAME_CHARS, control characters. */
bool file_name_read(struct str given, const char *param, struct str *ret, struct err *e);

struct upload_body { /* borrowed from the document */
	struct str filename, purpose, mime_type;
	int64_t bytes, life; /* of the file; as above */
};
bool upload_read(yyjson_val *body, int64_t most, struct upload_body *ret, struct err *e);
struct complete_body {
	struct str *part_ids; /* in `a` */
	size_t n;
	struct str md5; /* 32 hex digits; {0}: none */
};
bool complete_read(struct arena *a, yyjson_val *body, struct complete_body *ret, struct err *e);

struct upload_object {
	struct str id, filename, purpose, status;
	int64_t bytes, created_at, expires_at;
	const struct file_object *file; /* NULL: null */
};
void upload_write(struct jout *o, const struct upload_object *u);
