/* fetch.h - one blocking HTTP(S) request over libcurl, for worker threads and the command line.
 *
 * Everything is bounded: bytes (after decompression), headers, time, redirects; a row of fetch_limits.def stands behind each
 * member that is 0. With a guard each address is checked when the connection is made, so on each redirect too, and after
 * the name was looked up: a name that changes its mind gains nothing. A guarded request goes through no proxy, since then
 * the proxy would look the name up and connect where we cannot see; an unguarded one goes to an address that the operator
 * has named, through the environment's proxy if there is one.
 *
 * Blocks the calling thread: never on a loop. No cookies, no .netrc, no credentials but the headers and the signature that are given. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "net/guard.h"

struct fetch_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "net/fetch_limits.def"
#undef LIMIT
};
extern struct fetch_limits fetch_limits; /* set before threads start, constant after */
extern struct guard fetch_guard;         /* setting fetch.allow; likewise */

/* What came of it. */
enum fetch_fault {
#define FAULT(name, text) FETCH_##name,
#include "net/fetch_faults.def"
#undef FAULT
};

struct fetch_sign { /* AWS signature, version 4: over the method, the path, the query, the headers given and the date. The query must be
		     * encoded and sorted, and the body's sum be a header (x-amz-content-sha256). */
	const char *scope; /* "aws:amz:REGION:SERVICE" */
	const char *id, *secret;
};

struct fetch {
	struct str url;             /* http:// or https:// */
	struct str method;          /* {0}: GET, or POST when there is a body */
	const struct str *headers;  /* "Name: value"; without one User-Agent is antiphon/VERSION */
	size_t n_headers;
	struct str body;            /* {0}: none */
	const struct guard *guard;  /* NULL: the operator has named this address */
	int64_t max_bytes;          /* 0: fetch_limits.bytes */
	int64_t connect_ms;         /* 0: fetch_limits.connect_ms */
	int64_t timeout_ms;         /* 0: fetch_limits.timeout_ms; below 0: none */
	int64_t idle_ms;            /* without a byte of the body once its head is there; 0: no limit of its own */
	bool follow;                /* redirects, at most fetch_limits.redirects; else a 3xx is an answer like others */
	bool stay;                  /* redirects within the origin alone, with method and body; others: ELSEWHERE */
	bool no_proxy;              /* not even the environment's */
	const char *unix_path;      /* socket to connect through, or NULL */
	const char *ca_file;        /* PEM, instead of the system's authorities, or NULL */
	const struct fetch_sign *sign; /* NULL: not signed */
	/* Gets a 200's body in pieces, which then counts against no limit of bytes; false: enough, no fault. May be NULL.
	 * With `any_status` it gets every body, and max_bytes holds. ret->status and its headers are there by then. */
	bool (*on_body)(void *ctx, struct str piece);
	bool any_status;
	void *ctx;
	struct str keep; /* the connection is kept for this thread's next request with the same word; {0}: it is closed */
	const _Atomic bool *cancelled; /* set elsewhere: give up within about a second. May be NULL */
};

struct fetch_answer {
	enum fetch_fault fault;
	int status;              /* 0: none came */
	struct str url;          /* where the answer came from in the end; in `arena` */
	struct str content_type; /* as sent; {0}: none; in `arena` */
	struct buf headers;      /* of the last answer, as they came: fetch_header() */
	struct buf body;         /* what came, also of an answer with a fault */
	char why[256];           /* of a fault, for people; REFUSED: what the host is ("a loopback address") */
	struct arena arena;
};

/* Fills *ret, which is to be released whatever came. FETCH_OK: a whole answer, of any status. */
enum fetch_fault fetch_run(const struct fetch *f, struct fetch_answer *ret);
void fetch_release(struct fetch_answer *r);
/* The first header of that name, trimmed, borrowed; {0}: none. From the first piece of a body on. */
struct str fetch_header(const struct fetch_answer *r, struct str name);
const char *fetch_fault_name(enum fetch_fault fault);
