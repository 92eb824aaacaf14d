/* http.c - requests out of bytes. */
#include "net/http.h"

#include <string.h>

#include "base/arena.h"

enum { KEEP = 4096 };

static int http_refuse(struct http *h, enum err_code code, const char *why)
{
	fail(h->err, code, NULL, "%s", why);
	return HPE_USER;
}

static int on_url(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;
	buf_add(&h->text, (struct str){at, n});
	h->target.n += n;
	return 0;
}

static int too_many_fields(struct http *h)
{
	return http_refuse(h, ERR_HEAD_TOO_LARGE, "The request has too many headers.");
}

static int http_on_name(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;
	if (h->in_body)
		return 0; /* trailers are read and dropped */
	struct http_field *f = h->n_fields ? &h->fields[h->n_fields - 1] : NULL;
	if (!f || f->value) {
		if (h->n_fields >= net_limits.header_count)
			return too_many_fields(h);
		if (h->n_fields == h->cap_fields) {
			h->cap_fields = h->cap_fields ? 2 * h->cap_fields : 16;
			h->fields = xrealloc(h->fields, h->cap_fields * sizeof *h->fields);
		}
		f = &h->fields[h->n_fields++];
		*f = (struct http_field){.name = (uint32_t)h->text.n};
	}
	buf_add(&h->text, (struct str){at, n});
	f->n_name += (uint32_t)n;
	return 0;
}

static int on_name_done(llhttp_t *p)
{
	struct http *h = p->data;
	if (!h->in_body)
		h->fields[h->n_fields - 1].value = (uint32_t)h->text.n;
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;
	if (h->in_body)
		return 0;
	buf_add(&h->text, (struct str){at, n});
	h->fields[h->n_fields - 1].n_value += (uint32_t)n;
	return 0;
}

static struct str field_name(const struct http *h, const struct http_field *f)
{
	return (struct str){h->text.p + f->name, f->n_name};
}

static struct str field_value(const struct http *h, const struct http_field *f)
{
	return str_trim((struct str){h->text.p + f->value, f->n_value});
}

/* A name, an IPv4 or a bracketed IPv6 address, with or without a port: nothing that another server
 * on the way could read as two hosts. */
static bool host_is_plain(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
		if (!letter && !(c >= '0' && c <= '9') && !char_in((char)c, ".-_:[]%~"))
			return false;
	}
	return true;
}

/* What llhttp leaves to us. */
static int check_fields(struct http *h)
{
	unsigned hosts = 0, codings = 0;
	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct http_field *f = &h->fields[i];
		struct str name = field_name(h, f), value = field_value(h, f);
		if (str_eq_nocase(name, S("host"))) {
			hosts++;
			if (!host_is_plain(value))
				return http_refuse(h, ERR_BAD_REQUEST, "The Host header is malformed.");
		} else if (str_eq_nocase(name, S("transfer-encoding"))) {
			codings++;
			if (!str_eq_nocase(value, S("chunked")))
				return http_refuse(h, ERR_BAD_REQUEST,
						   "The only Transfer-Encoding understood is chunked.");
		} else if (str_eq_nocase(name, S("expect"))) {
			if (!str_eq_nocase(value, S("100-continue")))
				return http_refuse(h, ERR_EXPECTATION,
						   "The only expectation understood is 100-continue.");
			h->expect_continue = !h->old;
		}
	}
	if (hosts > 1)
		return http_refuse(h, ERR_BAD_REQUEST, "The request has more than one Host header.");
	if (hosts == 0 && !h->old)
		return http_refuse(h, ERR_BAD_REQUEST, "The request has no Host header.");
	if (codings > 1 || (codings && h->old))
		return http_refuse(h, ERR_BAD_REQUEST, "Transfer-Encoding is not allowed here.");
	h->chunked = codings == 1;
	return 0;
}

static enum method method_of(uint8_t m)
{
	switch (m) {
	case HTTP_GET:
		return METHOD_GET;
	case HTTP_HEAD:
		return METHOD_HEAD;
	case HTTP_POST:
		return METHOD_POST;
	case HTTP_DELETE:
		return METHOD_DELETE;
	case HTTP_PUT:
		return METHOD_PUT;
	case HTTP_PATCH:
		return METHOD_PATCH;
	case HTTP_OPTIONS:
		return METHOD_OPTIONS;
	default:
		return METHOD_OTHER;
	}
}

static int http_on_head(llhttp_t *p)
{
	struct http *h = p->data;
	h->method = method_of(p->method);
	h->method_text = str_of(llhttp_method_name((llhttp_method_t)p->method));
	h->target.p = h->text.p ? h->text.p : "";
	if (p->http_major != 1 || p->http_minor > 1)
		return http_refuse(h, ERR_BAD_REQUEST, "The only HTTP versions spoken here are 1.1 and 1.0.");
	h->old = p->http_minor == 0;
	int bad = check_fields(h);
	if (bad)
		return bad;
	h->keep_alive = llhttp_should_keep_alive(p) && p->method != HTTP_CONNECT;
	h->length = h->chunked ? 0 : p->content_length;
	/* "Upgrade" is an offer that one may pass over: the request is answered as any other. */
	p->upgrade = 0;
	h->in_body = true;
	h->head_seen = 0;
	h->paused = true;
	return HPE_PAUSED;
}

static int http_on_body(llhttp_t *p, const char *at, size_t n)
{
	struct http *h = p->data;
	h->head_seen = 0; /* what is counted from here on is chunk framing and trailers */
	h->body(h, (struct str){at, n});
	return 0;
}

static int http_on_end(llhttp_t *p)
{
	struct http *h = p->data;
	h->paused = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = http_on_name,
    .on_header_field_complete = on_name_done,
    .on_header_value = on_value,
    .on_headers_complete = http_on_head,
    .on_body = http_on_body,
    .on_message_complete = http_on_end,
};

void http_init(struct http *h, void (*body)(struct http *, struct str))
{
	*h = (struct http){.body = body};
	buf_init(&h->text, (size_t)net_limits.head_bytes);
	llhttp_init(&h->parser, HTTP_REQUEST, &settings); /* strict: no lenient flag is ever set */
	h->parser.data = h;
}

void http_release(struct http *h)
{
	buf_release(&h->text);
	xfree(h->fields);
	h->fields = NULL;
	h->n_fields = h->cap_fields = 0;
}

void http_next(struct http *h)
{
	if (h->text.cap > KEEP)
		buf_release(&h->text);
	buf_clear(&h->text);
	h->n_fields = 0;
	h->head_seen = 0;
	h->in_body = h->expect_continue = h->chunked = false;
	h->target = (struct str){0};
	h->length = 0;
}

static enum http_step http_bad(struct http *h, struct err *e)
{
	const char *why = llhttp_get_error_reason(&h->parser);
	fail(e, ERR_BAD_REQUEST, NULL, "The request is not well-formed HTTP/1.1: %s.",
	     why && *why ? why : "syntax error");
	return STEP_BAD;
}

/* How much of `n` bytes llhttp may see before the limit of heads is asked again. In a body the count
 * starts anew with every piece of it, so that only framing can use it up. */
static size_t http_bounded(const struct http *h, size_t n)
{
	size_t left = (size_t)net_limits.head_bytes - h->head_seen;
	return n < left ? n : left;
}

enum http_step http_feed(struct http *h, struct str *in, struct err *e)
{
	h->err = e;
	if (!in->p)
		*in = S("");
	while (in->n || h->paused) {
		bool in_body = h->in_body;
		size_t n = http_bounded(h, in->n);
		if (h->paused) {
			h->paused = false;
			llhttp_resume(&h->parser);
		}
		size_t before = h->head_seen += n;
		enum llhttp_errno got = llhttp_execute(&h->parser, in->p, n);
		if (got == HPE_PAUSED) {
			size_t used = (size_t)(llhttp_get_error_pos(&h->parser) - in->p);
			*in = (struct str){in->p + used, in->n - used};
			return in_body ? STEP_END : STEP_HEAD;
		}
		if (got != HPE_OK)
			return e->code ? STEP_BAD : http_bad(h, e);
		*in = (struct str){in->p + n, in->n - n};
		if (h->head_seen == before && h->head_seen >= (size_t)net_limits.head_bytes) {
			fail(e, ERR_HEAD_TOO_LARGE, NULL, "The request's headers are larger than %lld bytes.",
			     (long long)net_limits.head_bytes);
			return STEP_BAD;
		}
	}
	return STEP_MORE;
}

struct str http_field(const struct http *h, struct str name)
{
	for (unsigned i = 0; i < h->n_fields; i++)
		if (str_eq_nocase(field_name(h, &h->fields[i]), name))
			return field_value(h, &h->fields[i]);
	return (struct str){0};
}

void http_split_target(struct str target, struct str *path, struct str *query)
{
	target.n = str_find(target, '#');
	if (str_starts(target, S("http://")) || str_starts(target, S("https://"))) {
		size_t skip = target.p[4] == 's' ? 8 : 7;
		while (skip < target.n && target.p[skip] != '/' && target.p[skip] != '?')
			skip++;
		target = (struct str){target.p + skip, target.n - skip};
		if (target.n == 0 || target.p[0] == '?') {
			*path = S("/");
			str_cut(&target, '?');
			*query = target;
			return;
		}
	}
	*path = str_cut(&target, '?');
	*query = target;
}
