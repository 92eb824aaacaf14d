/* s3_call.h - one request to the store, with its retries, and what its errors mean. Inside s3/ alone. Blocks. */
#pragma once
#include "base/arena.h"
#include "net/fetch.h"
#include "s3/s3.h"

struct s3 {
	struct arena arena; /* of what follows */
	struct str base;    /* "https://HOST/BUCKET" or "https://BUCKET.HOST" */
	struct str prefix;  /* "" or "some/folder/" */
	struct fetch_sign sign;
	const char *ca_file;
	struct str token; /* {0}: none */
	struct str keep;  /* names its connections */
	_Atomic bool stop;
};

struct s3_call {
	struct str method;
	struct str name;       /* {0}: the bucket itself */
	struct str query;      /* "uploads=": encoded, its names sorted, each with a '='; {0}: none */
	struct str body;       /* {0}: none */
	struct str headers[4]; /* further ones, the first {0} ends them */
	size_t most;           /* of the answer's body; 0: what is a list or an error, never more than 4 MiB */
};
/* true: an answer of 2xx, which is to be released (fetch_release()). */
bool s3_ask(struct s3 *s, const struct s3_call *c, struct fetch_answer *ret, struct err *e);
/* What the body of an answer says as an error, of any status; false if it is none. */
bool s3_error(const struct fetch_answer *got, struct err *e);

/* Percent-encoded, as signatures want it: all but letters, digits and "-._~". */
struct str s3_encode(struct arena *a, struct str text);
void s3_sha256(struct str bytes, uint8_t out[32]);
