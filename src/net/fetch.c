/* fetch.c - one blocking HTTP(S) request over libcurl. */
#include "net/fetch.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/fetch_keep.h"
#include "net/url.h"

struct fetch_limits fetch_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "net/fetch_limits.def"
#undef LIMIT
};
struct guard fetch_guard;

struct transfer {
	const struct curl *curl;
	const struct fetch *f;
	struct fetch_answer *ret;
	CURL *h;
	size_t header_bytes;
	const char *refused; /* what the last address was that the guard refused */
	bool enough;         /* on_body wants no more */
	bool idle;           /* nothing came for too long */
	bool moved;          /* this answer points elsewhere: its body is nobody's */
	int64_t bytes;       /* given to on_body */
	int64_t due_us;      /* 0: never */
	int64_t last_us;     /* when something came; 0: not even a head yet */
};

/* What curl's codes mean here; all others: broken. */
static const struct {
	CURLcode code;
	enum fetch_fault fault;
} codes[] = {
    {CURLE_OK, FETCH_OK},
    {CURLE_UNSUPPORTED_PROTOCOL, FETCH_BAD_URL},
    {CURLE_URL_MALFORMAT, FETCH_BAD_URL},
    {CURLE_LOGIN_DENIED, FETCH_BAD_URL}, /* a redirect to a URL with a user name */
    {CURLE_COULDNT_RESOLVE_PROXY, FETCH_NO_NAME},
    {CURLE_COULDNT_RESOLVE_HOST, FETCH_NO_NAME},
    {CURLE_COULDNT_CONNECT, FETCH_UNREACHABLE},
    {CURLE_SSL_CONNECT_ERROR, FETCH_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, FETCH_TLS},
    {CURLE_SSL_CACERT_BADFILE, FETCH_TLS},
    {CURLE_OPERATION_TIMEDOUT, FETCH_TIMEOUT},
    {CURLE_TOO_MANY_REDIRECTS, FETCH_REDIRECTS},
    {CURLE_FILESIZE_EXCEEDED, FETCH_TOO_LARGE},
    {CURLE_ABORTED_BY_CALLBACK, FETCH_CANCELLED},
};

const char *fetch_fault_name(enum fetch_fault fault)
{
	static const char *const names[] = {
#define FAULT(name, text) text,
#include "net/fetch_faults.def"
#undef FAULT
	};
	return names[fault];
}

static enum fetch_fault fault_of(const struct transfer *t, CURLcode rc)
{
	if (t->enough)
		return FETCH_OK;
	if (t->idle)
		return FETCH_TIMEOUT;
	if (t->ret->body.over || t->header_bytes > (size_t)fetch_limits.header_bytes)
		return FETCH_TOO_LARGE;
	if (rc == CURLE_COULDNT_CONNECT && t->refused)
		return FETCH_REFUSED;
	long connects = 0;
	t->curl->easy_getinfo(t->h, CURLINFO_NUM_CONNECTS, &connects);
	if (rc == CURLE_UNSUPPORTED_PROTOCOL && connects && !t->ret->status)
		return FETCH_BROKEN; /* what answered speaks no HTTP */
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].code == rc)
			return codes[i].fault;
	return FETCH_BROKEN;
}

static void fetch_take_head(struct transfer *t)
{
	long status = 0;
	char *type = NULL;
	t->curl->easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &status);
	t->curl->easy_getinfo(t->h, CURLINFO_CONTENT_TYPE, &type);
	t->ret->status = (int)status;
	if (type && !t->ret->content_type.p)
		t->ret->content_type = str_copy(&t->ret->arena, str_of(type));
}

static bool fetch_redirects(int status)
{
	return status == 301 || status == 302 || status == 307 || status == 308;
}

/* A piece for on_body; 0: no more. */
static size_t fetch_hand_on(struct transfer *t, struct str piece)
{
	int64_t most = t->f->max_bytes ? t->f->max_bytes : fetch_limits.bytes;
	t->bytes += (int64_t)piece.n;
	if (t->f->any_status && t->bytes > most) {
		t->ret->body.over = true;
		return 0;
	}
	t->enough = !t->f->on_body(t->f->ctx, piece);
	return t->enough ? 0 : piece.n;
}

static size_t fetch_on_bytes(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct str piece = {p, size * n};
	t->last_us = clock_mono_us();
	fetch_take_head(t);
	t->moved = t->f->stay && fetch_redirects(t->ret->status);
	if (t->f->on_body && !t->moved && (t->f->any_status || t->ret->status == 200))
		return fetch_hand_on(t, piece);
	buf_add(&t->ret->body, piece);
	return t->ret->body.over ? 0 : piece.n;
}

/* A status line begins the headers of another answer: behind a redirect, or behind a 100. */
static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct str line = {p, size * n};
	t->last_us = clock_mono_us();
	t->header_bytes += line.n;
	if (t->header_bytes > (size_t)fetch_limits.header_bytes)
		return 0;
	if (str_starts(line, S("HTTP/")))
		buf_clear(&t->ret->headers);
	else
		buf_add(&t->ret->headers, line);
	return line.n;
}

struct str fetch_header(const struct fetch_answer *r, struct str name)
{
	struct str rest = buf_str(&r->headers);
	while (rest.n) {
		struct str line = str_cut(&rest, '\n'), key = str_cut(&line, ':');
		if (str_eq_nocase(key, name))
			return str_trim(line);
	}
	return (struct str){0};
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *t = ctx;
	t->idle = t->f->idle_ms && t->last_us && clock_mono_us() - t->last_us > t->f->idle_ms * 1000;
	return t->idle || (t->f->cancelled && *t->f->cancelled);
}

/* The name has been looked up; this very address is connected to. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer *t = ctx;
	const char *what = guard_refuses(t->f->guard, &to->addr);
	if (what)
		t->refused = what;
	return what ? CURL_SOCKET_BAD : socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static struct curl_slist *headers_of(const struct curl *curl, const struct fetch *f)
{
	/* No pause for a 100-continue; but an empty header would be signed and not sent. */
	struct curl_slist *list = f->sign ? NULL : curl->slist_append(NULL, "Expect:");
	struct arena a = {0};
	for (size_t i = 0; i < f->n_headers; i++) {
		struct str line = str_copy(&a, f->headers[i]);
		list = curl->slist_append(list, line.p);
	}
	arena_free(&a);
	return list;
}

#define SET(option, value) t->curl->easy_setopt(t->h, CURLOPT_##option, value)

static void set_bounds(struct transfer *t)
{
	const struct fetch *f = t->f;
	int64_t bytes = f->max_bytes ? f->max_bytes : fetch_limits.bytes;
	int64_t total = f->timeout_ms ? f->timeout_ms : fetch_limits.timeout_ms;
	SET(CONNECTTIMEOUT_MS, (long)(f->connect_ms ? f->connect_ms : fetch_limits.connect_ms));
	SET(TIMEOUT_MS, (long)(total > 0 ? total : 0));
	t->due_us = total > 0 ? clock_mono_us() + total * 1000 : 0;
	SET(FOLLOWLOCATION, f->follow ? 1L : 0L);
	SET(MAXREDIRS, (long)fetch_limits.redirects);
	buf_init(&t->ret->body, (size_t)bytes);
	if (!f->on_body) {
		SET(MAXFILESIZE_LARGE, (curl_off_t)bytes);
		SET(ACCEPT_ENCODING, ""); /* all that curl can undo */
	}
}

static void set_guard(struct transfer *t)
{
	if (t->f->guard) {
		SET(OPENSOCKETFUNCTION, on_open);
		SET(OPENSOCKETDATA, t);
		SET(DISALLOW_USERNAME_IN_URL, 1L);
	}
	if (t->f->guard || t->f->no_proxy || t->f->unix_path)
		SET(PROXY, "");
	if (t->f->unix_path)
		SET(UNIX_SOCKET_PATH, t->f->unix_path);
}

static void fetch_set_sign(struct transfer *t)
{
	const struct fetch_sign *s = t->f->sign;
	if (t->f->ca_file)
		SET(CAINFO, t->f->ca_file);
	if (s) {
		SET(AWS_SIGV4, s->scope);
		SET(USERNAME, s->id);
		SET(PASSWORD, s->secret);
	}
}

static void set_request(struct transfer *t, struct arena *a)
{
	const struct fetch *f = t->f;
	SET(URL, str_copy(a, f->url).p);
	SET(PROTOCOLS_STR, "http,https");
	SET(REDIR_PROTOCOLS_STR, "http,https");
	SET(USERAGENT, "antiphon/" ANTIPHON_VERSION);
	SET(NOSIGNAL, 1L);
	if (f->body.p) {
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)f->body.n);
		SET(POSTFIELDS, f->body.p);
	}
	if (str_eq(f->method, S("HEAD")))
		SET(NOBODY, 1L);
	else if (f->method.n && !str_eq(f->method, f->body.p ? S("POST") : S("GET")))
		SET(CUSTOMREQUEST, str_copy(a, f->method).p);
	SET(WRITEFUNCTION, fetch_on_bytes);
	SET(WRITEDATA, t);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, t);
	SET(NOPROGRESS, 0L);
	SET(XFERINFOFUNCTION, on_progress);
	SET(XFERINFODATA, t);
}

static void take_answer(struct transfer *t)
{
	char *url = NULL;
	fetch_take_head(t);
	t->curl->easy_getinfo(t->h, CURLINFO_EFFECTIVE_URL, &url);
	if (url)
		t->ret->url = str_copy(&t->ret->arena, str_of(url));
}

static enum fetch_fault fetch_refuse(struct fetch_answer *ret, enum fetch_fault fault, const char *why)
{
	snprintf(ret->why, sizeof ret->why, "%s", why);
	return ret->fault = fault;
}

static enum fetch_fault perform(struct transfer *t)
{
	char text[CURL_ERROR_SIZE] = "";
	SET(ERRORBUFFER, text);
	CURLcode rc = t->curl->easy_perform(t->h);
	SET(ERRORBUFFER, NULL);
	take_answer(t);
	enum fetch_fault fault = fault_of(t, rc);
	if (fault == FETCH_REFUSED)
		snprintf(text, sizeof text, "%s", t->refused);
	else if (fault == FETCH_TOO_LARGE)
		snprintf(text, sizeof text, "the answer has more than %zu bytes", (size_t)t->ret->body.max);
	else if (fault == FETCH_CANCELLED)
		snprintf(text, sizeof text, "cancelled");
	else if (t->idle)
		snprintf(text, sizeof text, "nothing came for %lld ms", (long long)t->f->idle_ms);
	if (fault == FETCH_OK)
		return fault;
	return fetch_refuse(t->ret, fault, *text ? text : t->curl->easy_strerror(rc));
}

/* Follows by hand what points to the same origin, so that method and body stay and nothing goes elsewhere. */
static enum fetch_fault fetch_perform_staying(struct transfer *t)
{
	struct str from = t->f->url;
	for (int64_t hop = 0;; hop++) {
		char *to = NULL;
		if (perform(t) != FETCH_OK || !fetch_redirects(t->ret->status))
			return t->ret->fault;
		t->curl->easy_getinfo(t->h, CURLINFO_REDIRECT_URL, &to);
		if (!to)
			return t->ret->fault;
		struct str next = str_copy(&t->ret->arena, str_of(to));
		if (!url_same_origin(from, next))
			return fetch_refuse(t->ret, FETCH_ELSEWHERE, "it redirects to another origin");
		if (hop == fetch_limits.redirects)
			return fetch_refuse(t->ret, FETCH_REDIRECTS, "too many redirects");
		int64_t left = (t->due_us - clock_mono_us()) / 1000;
		if (t->due_us)
			SET(TIMEOUT_MS, (long)(left > 1 ? left : 1));
		SET(URL, next.p);
		buf_clear(&t->ret->body);
		t->ret->content_type = (struct str){0};
		t->moved = false;
	}
}

static enum fetch_fault fetch_judge(const struct fetch *f, struct fetch_answer *ret)
{
	const char *why;
	enum guard_verdict verdict = f->guard ? guard_url(f->guard, f->url, &why) : GUARD_OPEN;
	if (verdict != GUARD_OPEN)
		return fetch_refuse(ret, verdict == GUARD_BAD_URL ? FETCH_BAD_URL : FETCH_REFUSED, why);
	if (memchr(f->url.p, 0, f->url.n))
		return fetch_refuse(ret, FETCH_BAD_URL, "not a valid URL");
	for (size_t i = 0; i < f->n_headers; i++)
		if (str_find(f->headers[i], '\n') < f->headers[i].n || str_find(f->headers[i], '\r') < f->headers[i].n)
			return fetch_refuse(ret, FETCH_BAD_URL, "a header holds a line break");
	return FETCH_OK;
}

enum fetch_fault fetch_run(const struct fetch *f, struct fetch_answer *ret)
{
	*ret = (struct fetch_answer){0};
	buf_init(&ret->body, 0);
	buf_init(&ret->headers, (size_t)fetch_limits.header_bytes);
	if (fetch_judge(f, ret) != FETCH_OK)
		return ret->fault;
	struct transfer t = {.curl = curl_load(), .f = f, .ret = ret};
	if (!t.curl)
		return fetch_refuse(ret, FETCH_UNAVAILABLE, "libcurl.so.4 can't be loaded: install libcurl4");
	struct arena a = {0};
	struct curl_slist *headers = headers_of(t.curl, f);
	t.h = keep_take(t.curl, f->keep, f->guard);
	t.curl->easy_setopt(t.h, CURLOPT_HTTPHEADER, headers);
	set_request(&t, &a);
	set_bounds(&t);
	set_guard(&t);
	fetch_set_sign(&t);
	if (f->stay)
		fetch_perform_staying(&t);
	else
		perform(&t);
	keep_give(t.curl, f->keep, f->guard, t.h);
	t.curl->slist_free_all(headers);
	arena_free(&a);
	return ret->fault;
}

void fetch_release(struct fetch_answer *r)
{
	buf_release(&r->body);
	buf_release(&r->headers);
	arena_free(&r->arena);
}
