/* query.h - blocking HTTP for the command line, over net/fetch.h: ask, check, keys, and the look for other engines.
 *
 * Any thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct query {
	const char *url;              /* "http://127.0.0.1:8080/v1/models" */
	const char *socket;           /* unix socket to connect through, or NULL */
	const char *key;              /* Authorization: Bearer, or NULL */
	const char *project;          /* OpenAI-Project, or NULL */
	struct str body;              /* {0}: GET; else POST as JSON */
	bool gone;                    /* with no body: DELETE */
	int64_t connect_ms, total_ms; /* 0: 5 s, none */
	bool local;                   /* never through a proxy */
	/* Called with the pieces of a 200 answer when set; others go to `out`. false: stop, no failure. */
	bool (*on_body)(void *ctx, struct str piece);
	void *ctx;
	const _Atomic bool *stop; /* set to true elsewhere: give up (may be NULL) */
	struct buf out;           /* the answer (at most 64 MB); to be released */
	long status;
	bool refused; /* nobody listens there */
};

/* false: no HTTP answer at all (*e: ERR_ENGINE with curl's text). */
bool query_run(struct query *q, struct err *e);
void query_release(struct query *q);
/* The message of an error body in OpenAI's form, else the start of the body. */
struct str query_error(struct arena *a, const struct query *q);
