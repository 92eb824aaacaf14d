/* s3_call.c - one request to the store, with its retries, and what its errors mean. */
#include "s3/s3_call.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "s3/s3_xml.h"

enum { ANSWER_MOST = 4 << 20, HEADERS = 8, RETRY_AFTER_MS = 2000, NAP_MS = 50, DOUBLINGS_MOST = 8 };

static const struct {
	const char *code;
	enum err_code becomes;
	bool again;
	const char *what;
} s3_faults[] = {
#define FAULT(code, becomes, again, what) {code, ERR_##becomes, again, what},
#include "s3/s3_faults.def"
#undef FAULT
};

void s3_sha256(struct str bytes, uint8_t out[32])
{
	EVP_Digest(bytes.p, bytes.n, out, NULL, EVP_sha256(), NULL);
}

struct str s3_encode(struct arena *a, struct str text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_bytes(a, 3 * text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || char_in((char)c, "-._~")) {
			out[n++] = (char)c;
		} else {
			out[n++] = '%';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 15];
		}
	}
	out[n] = 0;
	return (struct str){out, n};
}

/* --- what went wrong --------------------------------------------------------------------------------------------- */

static bool s3_fail(struct err *e, enum err_code code, const char *fmt, struct str what, const char *help)
{
	if (code == ERR_UNAVAILABLE)
		e->retry_after_ms = RETRY_AFTER_MS;
	return fail(e, code, NULL, fmt, FMT(what), help);
}

/* An answer's error. *again: it may go better the next time. */
static void s3_judge(const struct fetch_answer *got, struct err *e, bool *again)
{
	struct arena a = {0};
	struct str code = s3_xml_find(&a, buf_str(&got->body), S("Code"));
	struct str said = s3_xml_find(&a, buf_str(&got->body), S("Message"));
	*again = got->status >= 500 || got->status == 429;
	for (size_t i = 0; i < sizeof s3_faults / sizeof *s3_faults; i++)
		if (str_eq(code, str_of(s3_faults[i].code))) {
			*again = s3_faults[i].again;
			s3_fail(e, s3_faults[i].becomes, "S3 answered %.*s: %s", code, s3_faults[i].what);
		}
	said.n = said.n < 200 ? said.n : 200;
	if (!e->code && code.n)
		s3_fail(e, ERR_UNAVAILABLE, "S3 answered %.*s: %s", code,
			said.n ? str_copy(&a, said).p : "it says no more");
	else if (!e->code && got->status == 404) /* of a HEAD, or of a store that says little */
		s3_fail(e, ERR_NOT_FOUND, "S3 %.*s%s", S("has no such object"), "");
	else if (!e->code)
		s3_fail(e,
			got->status == 507       ? ERR_STORE_FULL
			: got->status / 100 == 5 ? ERR_UNAVAILABLE
						 : ERR_CONFIG,
			"S3 answered %.*s%s", str_fmt(&a, "%d", got->status),
			got->status == 403   ? ": look at the key, and at what it may do"
			: got->status == 301 ? ": the bucket has another address: set blobs.url and blobs.region"
					     : "");
	arena_free(&a);
}

bool s3_error(const struct fetch_answer *got, struct err *e)
{
	struct s3_xml x = {.rest = buf_str(&got->body)};
	struct s3_xml_part p;
	bool again;
	if (!s3_xml_next(&x, &p) || !str_eq(p.name, S("Error")))
		return false;
	s3_judge(got, e, &again);
	return true;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static struct str s3_address(struct s3 *s, const struct s3_call *c, struct arena *a)
{
	return str_fmt(a, "%.*s/%.*s%.*s%s%.*s", FMT(s->base), FMT(c->name.p ? s->prefix : S("")),
		       FMT(c->name.p ? c->name : S("")), c->query.n ? "?" : "", FMT(c->query.p ? c->query : S("")));
}

static bool s3_take(void *ctx, struct str piece)
{
	buf_add(ctx, piece);
	return true;
}

static bool s3_try(struct s3 *s, const struct s3_call *c, struct fetch_answer *ret, struct err *e, bool *again)
{
	struct arena a = {0};
	struct buf body;
	struct str headers[HEADERS];
	uint8_t sum[32];
	char hex[65];
	size_t n = 0;
	size_t most = c->most > ANSWER_MOST ? c->most : ANSWER_MOST;
	s3_sha256(c->body.p ? c->body : S(""), sum);
	headers[n++] = str_fmt(&a, "x-amz-content-sha256: %s", sodium_bin2hex(hex, sizeof hex, sum, sizeof sum));
	if (c->body.p)
		headers[n++] = S("Content-Type: application/octet-stream");
	if (s->token.n)
		headers[n++] = str_fmt(&a, "x-amz-security-token: %.*s", FMT(s->token));
	for (size_t i = 0; i < sizeof c->headers / sizeof *c->headers && c->headers[i].p; i++)
		headers[n++] = c->headers[i];
	buf_init(&body, most);
	struct fetch f = {.url = s3_address(s, c, &a),
			  .method = c->method,
			  .headers = headers,
			  .n_headers = n,
			  .body = c->body,
			  .max_bytes = (int64_t)most,
			  .connect_ms = s3_limits.connect_ms,
			  .timeout_ms = s3_limits.request_ms,
			  .on_body = s3_take,
			  .any_status = true,
			  .ctx = &body,
			  .keep = s->keep,
			  .cancelled = &s->stop,
			  .sign = &s->sign,
			  .ca_file = s->ca_file};
	fetch_run(&f, ret);
	buf_release(&ret->body);
	ret->body = body; /* taken in pieces, so that no one else's decoding changes it */
	arena_free(&a);
	if (ret->fault == FETCH_OK && ret->status / 100 == 2)
		return true;
	*again = ret->fault != FETCH_CANCELLED && ret->fault != FETCH_TLS && ret->fault != FETCH_BAD_URL;
	if (ret->fault == FETCH_OK)
		s3_judge(ret, e, again);
	else
		s3_fail(e, ERR_UNAVAILABLE, "S3 is not reached: %.*s (%s)", str_of(fetch_fault_name(ret->fault)),
			ret->why);
	fetch_release(ret);
	return false;
}

static bool s3_pause(struct s3 *s, int64_t nth)
{
	int64_t ms = s3_limits.retry_ms << (nth < DOUBLINGS_MOST ? nth : DOUBLINGS_MOST);
	ms = ms / 2 + (int64_t)randombytes_uniform((uint32_t)ms / 2 + 1); /* so that not all come back at once */
	for (; ms > 0 && !s->stop; ms -= NAP_MS)
		nanosleep(&(struct timespec){0, (ms < NAP_MS ? ms : NAP_MS) * 1000000L}, NULL);
	return !s->stop;
}

bool s3_ask(struct s3 *s, const struct s3_call *c, struct fetch_answer *ret, struct err *e)
{
	bool again = false;
	for (int64_t nth = 0;; nth++) {
		struct err why = {0};
		if (s3_try(s, c, ret, &why, &again))
			return true;
		if (!again || nth + 1 >= s3_limits.tries || !s3_pause(s, nth)) {
			if (!e->code)
				*e = why;
			return false;
		}
		log_at(LOG_INFO, "S3 is asked again", "try=%lld reason=\"%s\"", (long long)nth + 2, why.msg);
	}
}
