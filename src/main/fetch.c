/* fetch.c - blocking HTTP for the command line (libcurl). */
#include "main/fetch.h"

#include <curl/curl.h>
#include <string.h>

#include "wire/json.h"

enum { ANSWER_MAX = 64 << 20 };

void fetch_setup(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
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
	curl_easy_getinfo(t->h, CURLINFO_RESPONSE_CODE, &t->f->status);
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
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no 100-continue pause */
	if (f->body.p)
		list = curl_slist_append(list, "Content-Type: application/json");
	if (f->key && *f->key) {
		struct buf line;
		buf_init(&line, 8192);
		buf_fmt(&line, "Authorization: Bearer %s", f->key);
		buf_byte(&line, 0);
		if (!line.over)
			list = curl_slist_append(list, line.p);
		buf_release(&line);
	}
	return list;
}

bool fetch_run(struct fetch *f, struct err *e)
{
	CURL *h = curl_easy_init();
	struct transfer t = {f, h, false};
	struct curl_slist *headers = headers_for(f);
	char text[CURL_ERROR_SIZE] = "";
	buf_init(&f->out, ANSWER_MAX);
	curl_easy_setopt(h, CURLOPT_URL, f->url);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, text);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "antiphon/" ANTIPHON_VERSION);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, &t);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)(f->connect_ms ? f->connect_ms : 5000));
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)f->total_ms);
	if (f->socket)
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, f->socket);
	if (f->local || f->socket)
		curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	if (f->body.p) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.n);
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, f->body.p);
	}
	CURLcode rc = curl_easy_perform(h);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &f->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(h);
	f->refused = rc == CURLE_COULDNT_CONNECT;
	if (rc == CURLE_OK || t.stopped)
		return true;
	return fail(e, ERR_ENGINE, NULL, "%s: %s", f->url, *text ? text : curl_easy_strerror(rc));
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
