/* sse.c - Server-Sent Events, both ways (WHATWG HTML, 9.2 "Server-sent events"). */
#include "wire/sse.h"

#include <string.h>

void sse_init(struct sse *s, size_t max, struct sse_resume *resume)
{
	*s = (struct sse){.resume = resume, .sender = "the engine"};
	buf_init(&s->line, max);
	buf_init(&s->data, max);
	buf_init(&s->event, max);
	if (!resume)
		return;
	resume->retry_ms = -1;
	buf_init(&resume->id, max);
	buf_init(&resume->next_id, max);
}

void sse_release(struct sse *s)
{
	buf_release(&s->line);
	buf_release(&s->data);
	buf_release(&s->event);
	if (s->resume) {
		buf_release(&s->resume->id);
		buf_release(&s->resume->next_id);
	}
}

/* What is only borrowed goes before the next line is added, and before the bytes that it stands in. */
static void own_data(struct sse *s)
{
	if (s->whole.p)
		buf_add(&s->data, s->whole);
	s->whole = (struct str){0};
}

/* A data line: lines of one event are joined by LF. An event has one, as a rule, which comes whole; it is not copied, and
 * thousands of streams that wait keep no room for it. */
static void add_data(struct sse *s, struct str value, bool kept)
{
	if (s->has_data) {
		own_data(s);
		buf_byte(&s->data, '\n');
		buf_add(&s->data, value);
	} else {
		buf_clear(&s->data);
		if (kept)
			buf_add(&s->data, value);
		else
			s->whole = value;
	}
	s->has_data = true;
}

static void take_id(struct sse_resume *r, struct str value)
{
	if (str_find(value, 0) < value.n)
		return;
	buf_clear(&r->next_id);
	buf_add(&r->next_id, value);
}

static void take_retry(struct sse_resume *r, struct str value)
{
	int64_t ms;
	if (value.n && value.p[0] != '-' && str_int(value, &ms))
		r->retry_ms = ms;
}

/* A comment has an empty name; other names mean nothing. */
static void take_field(struct sse *s, struct str line, bool kept)
{
	struct str name = str_cut(&line, ':');
	if (line.n && line.p[0] == ' ') {
		line.p++;
		line.n--;
	}
	if (str_eq(name, S("data"))) {
		add_data(s, line, kept);
	} else if (str_eq(name, S("event"))) {
		buf_clear(&s->event);
		buf_add(&s->event, line);
	} else if (s->resume && str_eq(name, S("id"))) {
		take_id(s->resume, line);
	} else if (s->resume && str_eq(name, S("retry"))) {
		take_retry(s->resume, line);
	}
}

/* Event and data are emptied before emit(), so that a reader who stops leaves nothing behind and may even
 * release *s inside. */
static bool dispatch(struct sse *s, bool (*emit)(void *ctx, struct str event, struct str data), void *ctx)
{
	struct str event = buf_str(&s->event), data = s->whole.p ? s->whole : buf_str(&s->data);
	bool any = s->has_data;
	s->event.n = s->data.n = 0;
	s->whole = (struct str){0};
	s->has_data = false;
	if (s->resume) {
		buf_clear(&s->resume->id);
		buf_add(&s->resume->id, buf_str(&s->resume->next_id));
	}
	return !any || emit(ctx, event, data);
}

/* Offset of the first CR or LF, or in.n. *lf keeps where the next LF stands (or the end), so that a stream of
 * lone CRs is not searched anew for each line. */
static size_t line_end(struct str in, const char **lf)
{
	if (!*lf || *lf < in.p)
		*lf = in.p + str_find(in, '\n');
	return str_find((struct str){in.p, (size_t)(*lf - in.p)}, '\r');
}

static bool sse_too_long(const struct sse *s, struct err *e)
{
	return fail(e, ERR_ENGINE, NULL, "%s sent an event of more than %zu bytes", s->sender, (size_t)s->line.max);
}

bool sse_feed(struct sse *s, struct str in, bool (*emit)(void *ctx, struct str event, struct str data), void *ctx,
	      struct err *e)
{
	const char *lf = NULL;
	while (in.n) {
		if (s->cr && in.p[0] == '\n') { /* the other half of a CRLF */
			in.p++;
			in.n--;
		}
		s->cr = false;
		size_t end = line_end(in, &lf);
		struct str line = {in.p, end};
		bool kept = s->line.n || end == in.n;
		if (kept) {
			buf_add(&s->line, line);
			line = buf_str(&s->line);
		}
		if (s->line.over || line.n > s->line.max)
			return sse_too_long(s, e);
		if (end == in.n)
			break;
		s->cr = in.p[end] == '\r';
		in.p += end + 1;
		in.n -= end + 1;
		if (!s->started && str_starts(line, S("\xef\xbb\xbf"))) {
			line.p += 3;
			line.n -= 3;
		}
		s->started = true;
		if (line.n) {
			take_field(s, line, kept);
			buf_clear(&s->line);
			if (s->data.over || s->event.over)
				return sse_too_long(s, e);
		} else {
			buf_clear(&s->line); /* it held a byte-order mark at most */
			if (!dispatch(s, emit, ctx))
				return true;
		}
	}
	own_data(s);
	return !s->data.over || sse_too_long(s, e);
}
