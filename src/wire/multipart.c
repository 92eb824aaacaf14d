/* multipart.c - multipart/form-data bodies, taken while they come. */
#include "wire/multipart.h"

#include <string.h>

#include "base/arena.h"
#include "wire/json.h"

static bool multipart_bad(struct err *e, const char *why)
{
	return fail(e, ERR_BAD_REQUEST, NULL, "Could not parse the multipart form: %s.", why);
}

/* --- header values --------------------------------------------------------------------------------------- */

/* The three characters that browsers, and the SDKs with them, escape so in names (WHATWG HTML, 4.10.21.8). */
static int percent(const char *p)
{
	static const struct {
		char text[4];
		int c;
	} rows[] = {{"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}};
	for (int i = 0; i < 3; i++)
		if (!memcmp(p, rows[i].text, 3))
			return rows[i].c;
	return -1;
}

/* Cuts `token` [ "=" (token | quoted-string) ] and the ';' behind it off the front of *rest. The value of a quoted
 * string is unescaped into `a`. false: malformed. */
static bool parameter(struct arena *a, struct str *rest, struct str *name, struct str *value)
{
	*rest = str_trim(*rest);
	size_t i = 0;
	while (i < rest->n && rest->p[i] != '=' && rest->p[i] != ';')
		i++;
	*name = str_trim((struct str){rest->p, i});
	*value = (struct str){0};
	if (i == rest->n || rest->p[i] == ';') {
		*rest = (struct str){rest->p + i + (i < rest->n), rest->n - i - (i < rest->n)};
		return name->n > 0;
	}
	i++;
	while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t'))
		i++;
	if (i == rest->n || rest->p[i] != '"') {
		*rest = (struct str){rest->p + i, rest->n - i};
		*value = str_trim(str_cut(rest, ';'));
		return true;
	}
	char *out = arena_bytes(a, rest->n);
	size_t n = 0;
	for (i++; i < rest->n && rest->p[i] != '"'; i++) {
		/* Browsers send a Windows path's backslashes as they are. */
		bool escape = rest->p[i] == '\\' && i + 1 < rest->n && (rest->p[i + 1] == '"' || rest->p[i + 1] == '\\');
		int hex = rest->p[i] == '%' && i + 2 < rest->n ? percent(rest->p + i) : -1;
		out[n++] = hex >= 0 ? (char)hex : rest->p[escape ? ++i : i];
		i += hex >= 0 ? 2 : 0;
	}
	if (i >= rest->n)
		return false;
	*value = (struct str){out, n};
	*rest = str_trim((struct str){rest->p + i + 1, rest->n - i - 1});
	if (rest->n && rest->p[0] != ';')
		return false;
	str_cut(rest, ';');
	return true;
}

static int multipart_hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* UTF-8''na%20me (RFC 5987); {0} for other character sets. */
static struct str extended(struct arena *a, struct str v)
{
	struct str set = str_cut(&v, '\'');
	str_cut(&v, '\'');
	if (!str_eq_nocase(set, S("UTF-8")))
		return (struct str){0};
	char *out = arena_bytes(a, v.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < v.n; i++) {
		int hi = i + 2 < v.n ? multipart_hex_of(v.p[i + 1]) : -1,
		    lo = i + 2 < v.n ? multipart_hex_of(v.p[i + 2]) : -1;
		bool escape = v.p[i] == '%' && hi >= 0 && lo >= 0;
		out[n++] = escape ? (char)(hi * 16 + lo) : v.p[i];
		i += escape ? 2 : 0;
	}
	return (struct str){out, n};
}

static bool clean(struct str s)
{
	return utf8_valid(s) && !memchr(s.p ? s.p : "", 0, s.n);
}

static bool disposition(struct arena *a, struct str value, struct multipart_head *h, struct err *e)
{
	struct str rest = value, name, v, kind = str_trim(str_cut(&rest, ';')), wide = {0};
	if (!str_eq_nocase(kind, S("form-data")))
		return multipart_bad(e, "a part's Content-Disposition is not form-data");
	while ((rest = str_trim(rest)).n) {
		if (!parameter(a, &rest, &name, &v))
			return multipart_bad(e, "a part's Content-Disposition is malformed");
		if (str_eq_nocase(name, S("name")) && !h->name.p)
			h->name = v;
		else if (str_eq_nocase(name, S("filename")) && !h->filename.p)
			h->filename = v;
		else if (str_eq_nocase(name, S("filename*")) && v.p)
			wide = extended(a, v);
	}
	if (wide.p)
		h->filename = wide;
	if (!clean(h->name) || !clean(h->filename))
		return multipart_bad(e, "a part's name is not valid UTF-8, or has a NUL in it");
	return true;
}

/* The lines of a part's head, the empty one left out. */
static bool multipart_read_head(struct multipart *m, struct err *e)
{
	struct arena a = {0};
	struct multipart_head h = {0};
	struct str rest = buf_str(&m->head);
	bool ok = true, placed = false;
	while (ok && rest.n) {
		struct str line = str_cut(&rest, '\n'), value = line;
		if (!str_trim(line).n)
			continue;
		struct str name = str_cut(&value, ':');
		value = str_trim(value);
		if (name.n == line.n) {
			ok = multipart_bad(e, "a part's header has no colon");
		} else if (str_eq_nocase(name, S("content-disposition"))) {
			ok = !placed ? disposition(&a, value, &h, e)
				     : multipart_bad(e, "a part has two Content-Dispositions");
			placed = true;
		} else if (str_eq_nocase(name, S("content-type"))) {
			h.type = value;
		} else if (str_eq_nocase(name, S("content-transfer-encoding")) && !str_eq_nocase(value, S("binary")) &&
			   !str_eq_nocase(value, S("8bit")) && !str_eq_nocase(value, S("7bit"))) {
			ok = multipart_bad(e, "a part has a Content-Transfer-Encoding");
		}
	}
	if (ok && !h.name.n)
		ok = multipart_bad(e, "a part has no name");
	ok = ok && m->events->part(m, &h, e);
	arena_free(&a);
	return ok;
}

/* --- the machine ----------------------------------------------------------------------------------------- */

bool multipart_type(struct str content_type)
{
	return str_eq_nocase(str_trim(str_cut(&content_type, ';')), S("multipart/form-data"));
}

static bool boundary_char(char c)
{
	bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
	return letter || (c && strchr("'()+_,-./:=? ", c));
}

static bool take_boundary(struct multipart *m, struct str b, struct err *e)
{
	if (!b.n || b.n > MULTIPART_BOUNDARY || b.p[b.n - 1] == ' ')
		return multipart_bad(e, "the Content-Type has no boundary of 1 to 70 characters");
	for (size_t i = 0; i < b.n; i++)
		if (!boundary_char(b.p[i]))
			return multipart_bad(e, "the boundary has characters that it may not have");
	memcpy(m->mark, "\r\n--", 4);
	memcpy(m->mark + 4, b.p, b.n);
	m->n_mark = b.n + 4;
	m->matched = 2; /* the first boundary may be the first bytes */
	return true;
}

bool multipart_init(struct multipart *m, const struct multipart_events *events, struct str content_type, unsigned most,
		    struct err *e)
{
	struct arena a = {0};
	struct str rest = content_type, name, value, boundary = {0};
	bool ok = true;
	*m = (struct multipart){.events = events, .most = most};
	buf_init(&m->head, MULTIPART_HEAD);
	str_cut(&rest, ';');
	while (ok && (rest = str_trim(rest)).n) {
		ok = parameter(&a, &rest, &name, &value) || multipart_bad(e, "the Content-Type is malformed");
		if (ok && str_eq_nocase(name, S("boundary")) && !boundary.p)
			boundary = value;
	}
	ok = ok && take_boundary(m, boundary, e);
	arena_free(&a);
	return ok;
}

void multipart_release(struct multipart *m)
{
	buf_release(&m->head);
}

static bool multipart_give(struct multipart *m, struct str s, struct err *e)
{
	if (!s.n)
		return true;
	if (m->at == MP_DATA)
		return m->events->bytes(m, s, e);
	m->preface += s.n;
	return m->preface <= MULTIPART_PREFACE || multipart_bad(e, "no boundary stands at its beginning");
}

/* A part's bytes, or what stands before the first boundary, up to the next boundary. Its CR stands only at its
 * front, so what turns out not to be one is looked at again from the byte that did not fit. */
static bool data(struct multipart *m, struct str *in, struct err *e)
{
	while (in->n) {
		if (!m->matched) {
			const char *cr = memchr(in->p, '\r', in->n);
			size_t n = cr ? (size_t)(cr - in->p) : in->n;
			if (!multipart_give(m, (struct str){in->p, n}, e))
				return false;
			*in = (struct str){in->p + n, in->n - n};
			if (!in->n)
				break;
		}
		if (*in->p != m->mark[m->matched]) {
			size_t had = m->matched;
			m->matched = 0;
			if (!multipart_give(m, (struct str){m->mark, had}, e))
				return false;
			if (had)
				continue;
		}
		m->matched++;
		*in = (struct str){in->p + 1, in->n - 1};
		if (m->matched < m->n_mark)
			continue;
		bool ended = m->at == MP_PREFACE || m->events->part_end(m, e);
		m->at = MP_AFTER;
		return ended;
	}
	return true;
}

/* Up to the empty line behind a part's head. */
static bool head(struct multipart *m, struct str *in, struct err *e)
{
	while (in->n) {
		size_t n = str_find(*in, '\n'), take = n < in->n ? n + 1 : n;
		buf_add(&m->head, (struct str){in->p, take});
		*in = (struct str){in->p + take, in->n - take};
		if (m->head.over)
			return multipart_bad(e, "a part's headers are too large");
		struct str got = buf_str(&m->head);
		bool empty = str_eq(got, S("\r\n"));
		if (!empty && (got.n < 4 || memcmp(got.p + got.n - 4, "\r\n\r\n", 4)))
			continue;
		if (m->parts++ >= m->most)
			return multipart_bad(e, "it has too many parts");
		m->at = MP_DATA;
		m->matched = 0;
		return multipart_read_head(m, e);
	}
	return true;
}

/* Behind a boundary: "--" ends the form, a line break begins a part. */
static bool after(struct multipart *m, struct str *in, struct err *e)
{
	char c = *in->p;
	*in = (struct str){in->p + 1, in->n - 1};
	if (m->at == MP_AFTER && (c == ' ' || c == '\t'))
		return true;
	if (m->at == MP_AFTER && (c == '\r' || c == '-'))
		m->at = c == '\r' ? MP_LINE : MP_DASH;
	else if (m->at == MP_DASH && c == '-')
		m->at = MP_DONE;
	else if (m->at == MP_LINE && c == '\n')
		m->at = MP_HEAD;
	else
		return multipart_bad(e, "something follows a boundary on its line");
	buf_clear(&m->head);
	return true;
}

bool multipart_feed(struct multipart *m, struct str in, struct err *e)
{
	bool ok = true;
	while (ok && in.n && m->at != MP_DONE)
		if (m->at == MP_PREFACE || m->at == MP_DATA)
			ok = data(m, &in, e);
		else
			ok = (m->at == MP_HEAD ? head : after)(m, &in, e);
	return ok;
}

bool multipart_end(struct multipart *m, struct err *e)
{
	return m->at == MP_DONE || multipart_bad(e, m->at == MP_PREFACE ? "it has no parts" : "it is cut off");
}
