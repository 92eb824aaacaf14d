/* fetch.c - blocking HTTP for the command line (libcurl).
 *
 * libcurl is loaded when it is first needed: it pulls in some 25 libraries, which took longer than everything
 * else in the start of a server that hardly ever needs it. */
#include "main/fetch.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "wire/json.h"

enum { ANSWER_MAX = 64 << 20 };

#define CURL_FUNCTIONS(X)                                                                                              \
	X(global_init)                                                                                                 \
	X(easy_init)                                                                                                   \
	X(easy_setopt) X(easy_perform) X(easy_getinfo) X(easy_cleanup) X(easy_strerror) X(slist_append)                \
	    X(slist_free_all)

static struct {
#define MEMBER(f) __typeof__(curl_##f) *f;
	CURL_FUNCTIONS(MEMBER)
#undef MEMBER
	bool loaded;
} curl;

static void load(void)
{
	void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	bool all = lib != NULL;
#define FIND(f) all = all && (*(void **)&curl.f = dlsym(lib, "curl_" #f)) != NULL;
	CURL_FUNCTIONS(FIND)
#undef FIND
	curl.loaded = all && curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static bool loaded(struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	return curl.loaded || fail(e, ERR_CONFIG, NULL, "libcurl.so.4 can't be loaded: install libcurl4");
}

struct transfer {
	struct fetch *f;
	CURL *h;
	bool stopped;
};

static size_t on_bytes(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	struct str piece = {p, size * n};
	curl.easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &t->f->status);
	if (t->f->on_body && t->f->status == 200) {
		t->stopped = !t->f->on_body(t->f->ctx, piece);
		return t->stopped ? 0 : piece.n;
	}
	buf_add(&t->f->out, piece);
	return t->f->out.over ? 0 : piece.n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *t = ctx;
	return t->f->stop && *t->f->stop;
}

static struct curl_slist *headers_for(const struct fetch *f)
{
	struct curl_slist *list = curl.slist_append(NULL, "Expect:"); /* no 100-continue pause */
	if (f->body.p)
		list = curl.slist_append(list, "Content-Type: application/json");
	if (f->key && *f->key) {
		struct buf line;
		buf_init(&line, 8192);
		buf_fmt(&line, "Authorization: Bearer %s", f->key);
		buf_byte(&line, 0);
		if (!line.over)
			list = curl.slist_append(list, line.p);
		buf_release(&line);
	}
	return list;
}

bool fetch_run(struct fetch *f, struct err *e)
{
	buf_init(&f->out, ANSWER_MAX);
	if (!loaded(e))
		return false;
	CURL *h = curl.easy_init();
	struct transfer t = {f, h, false};
	struct curl_slist *headers = headers_for(f);
	char text[CURL_ERROR_SIZE] = "";
	curl.easy_setopt(h, CURLOPT_URL, f->url);
	curl.easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(h, CURLOPT_ERRORBUFFER, text);
	curl.easy_setopt(h, CURLOPT_USERAGENT, "antiphon/" ANTIPHON_VERSION);
	curl.easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	curl.easy_setopt(h, CURLOPT_WRITEFUNCTION, on_bytes);
	curl.easy_setopt(h, CURLOPT_WRITEDATA, &t);
	curl.easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl.easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl.easy_setopt(h, CURLOPT_XFERINFODATA, &t);
	curl.easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)(f->connect_ms ? f->connect_ms : 5000));
	curl.easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)f->total_ms);
	if (f->socket)
		curl.easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, f->socket);
	if (f->local || f->socket)
		curl.easy_setopt(h, CURLOPT_NOPROXY, "*");
	if (f->body.p) {
		curl.easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.n);
		curl.easy_setopt(h, CURLOPT_POSTFIELDS, f->body.p);
	}
	CURLcode rc = curl.easy_perform(h);
	curl.easy_getinfo(h, CURLINFO_RESPONSE_CODE, &f->status);
	curl.slist_free_all(headers);
	curl.easy_cleanup(h);
	f->refused = rc == CURLE_COULDNT_CONNECT;
	if (rc == CURLE_OK || t.stopped)
		return true;
	return fail(e, ERR_ENGINE, NULL, "%s: %s", f->url, *text ? text : curl.easy_strerror(rc));
}

void fetch_release(struct fetch *f)
{
	buf_release(&f->out);
}

struct str fetch_error(struct arena *a, const struct fetch *f)
{
	yyjson_val *v;
	struct err ignore = {0};
	struct str body = buf_str(&f->out), message = {0};
	if (json_parse(a, body, &v, &ignore)) {
		yyjson_val *error = json_get(v, S("error"));
		message = json_str(yyjson_is_str(error) ? error : json_get(error, S("message")));
	}
	if (!message.p)
		message = body.n ? (struct str){body.p, body.n < 200 ? body.n : 200} : S("no text");
	return str_fmt(a, "%ld: %.*s", f->status, FMT(message));
}
