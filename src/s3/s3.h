/* s3.h - an object store that speaks Amazon's S3, over libcurl (net/fetch.h), which signs (AWS signature, version 4).
 *
 * An object's name is told below the prefix of the store's settings. A request that the store is too busy for, or whose
 * connection broke, is sent again after a pause (blobs.tries, blobs.retry_ms). Bytes that go are signed with their
 * SHA-256, so that the store refuses what was changed on its way. All functions block: worker threads; any thread.
 *
 * Errors: NOT_FOUND; UNAVAILABLE: it may go better later; CONFIG: a setting or a right is wrong, and what there is to
 * do about it (s3_faults.def); STORE_FULL; TOO_LARGE. Their words are for the operator. */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "s3/limits.h"

struct s3_options {
	struct str url; /* http(s)://HOST[:PORT], without a path */
	struct str bucket, prefix, region;
	bool virtual_host;           /* BUCKET.HOST/NAME; else HOST/BUCKET/NAME */
	struct str ca_file;          /* PEM, instead of the system's authorities; {0}: these */
	struct str credentials_file; /* {0}: of the environment (s3_credentials.h) */
};
struct s3;
/* ERR_CONFIG: a setting is not what it should be, or there are no credentials. Nothing is sent. */
bool s3_new(const struct s3_options *o, struct s3 **ret, struct err *e);
void s3_free(struct s3 *s);
/* Whoever waits for the store gives up within about a second, and so does whoever asks. */
void s3_stop(struct s3 *s);

/* Whole; replaces one of that name. Acknowledged by the store when it returns true. */
bool s3_put(struct s3 *s, struct str name, struct str bytes, struct err *e);
struct s3_piece {
	int64_t at, total; /* total: the object's length, which is told */
	size_t most;
	struct buf bytes; /* initialised by the callee; to be released whatever came */
};
/* `most` bytes from `at` on, fewer at its end; `at` at its end or behind it: none. An object that was put is compared
 * with its checksum where all of it comes. */
bool s3_get(struct s3 *s, struct str name, struct s3_piece *p, struct err *e);
/* What is not there is no fault. */
bool s3_delete(struct s3 *s, struct str name, struct err *e);
