/* batch.h - batches as they look outside: bodies, lines and answers of their files, checked and written. Pure. */
#pragma once
#include "wire/json.h"

enum batch_status {
	BATCH_VALIDATING = 1,
	BATCH_FAILED,
	BATCH_IN_PROGRESS,
	BATCH_FINALIZING,
	BATCH_COMPLETED,
	BATCH_EXPIRED,
	BATCH_CANCELLING,
	BATCH_CANCELLED,
	BATCH_STATES
};
extern const char *const batch_status_names[BATCH_STATES];

struct batch_body {
	struct str input_file_id, endpoint;
	struct str metadata;    /* a JSON object; {0}: null */
	int64_t output_seconds; /* life of what it writes; 0: no end */
};
bool batch_body_read(struct arena *a, yyjson_val *body, struct batch_body *ret, struct err *e);

struct batch_counts {
	int64_t total, completed, failed;         /* lines */
	int64_t input, cached, output, reasoning; /* tokens */
};
struct batch_object {
	struct str id, endpoint, input_file, output_file, error_file, model, errors,
	    metadata; /* {0}: null; errors: a JSON array */
	enum batch_status status;
	int64_t at[BATCH_STATES]; /* when it came into that status, in seconds; 0: never */
	int64_t expires_at;
	struct batch_counts counts;
};
void batch_write(struct jout *o, const struct batch_object *b);

/* One line of an input file. */
struct batch_line {
	struct str custom_id, model; /* model {0}: the body names none */
	struct str body;             /* JSON, in `a` */
};
enum { BATCH_CUSTOM_ID = 512 /* bytes of a custom_id */ };
struct batch_fault { /* of an input file; `code` and `param` are constants, param may be NULL */
	const char *code, *param;
	int64_t line; /* from 1; 0: of the file */
	char message[256];
};
/* `endpoint`: the batch's. false: *fault, but for its line number. */
bool batch_line_read(struct arena *a, struct str text, struct str endpoint, struct batch_line *ret,
		     struct batch_fault *fault);
/* Always false. */
bool batch_fault(struct batch_fault *f, const char *code, const char *param, const char *message, ...)
    __attribute__((format(printf, 4, 5)));
void batch_fault_write(struct jout *o, const struct batch_fault *f);

/* One line of an output or error file: what was answered to a line, or why it was not. */
struct batch_answer_text {
	struct str custom_id, request_id, body; /* body: JSON */
	int status;                             /* 0: no response, but `code` and `message` */
	struct str code, message;
};
void batch_answer_write(struct buf *b, const struct batch_answer_text *t);

/* What an answer counts for its batch. */
struct batch_use {
	int64_t input, cached, output, reasoning;
	struct str model;
	bool cancelled; /* it is a response that was cut off */
};
void batch_use_read(yyjson_val *body, struct batch_use *ret);
