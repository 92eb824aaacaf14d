/* trace.c - which trace a request belongs to. */
#include "trace/trace.h"

#include <sodium.h>
#include <string.h>

enum { PARENT_TEXT = 55 }; /* 00-32 digits-16 digits-2 digits */

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes of lower-case digits; false: others, or all of them zero. */
static bool read_hex(const char *p, uint8_t *out, size_t n, bool zero_too)
{
	bool any = zero_too;
	for (size_t i = 0; i < n; i++) {
		int high = digit_of(p[2 * i]), low = digit_of(p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		any |= out[i] != 0;
	}
	return any;
}

/* Later versions may be longer; what is known of them stands at the same places. */
static bool read_parent(struct str s, struct trace *t)
{
	uint8_t version, flags;
	struct trace read = {0};
	if (s.n < PARENT_TEXT || s.p[2] != '-' || s.p[35] != '-' || s.p[52] != '-' ||
	    !read_hex(s.p, &version, 1, true) || version == 0xff || (version == 0 && s.n != PARENT_TEXT) ||
	    (s.n > PARENT_TEXT && s.p[PARENT_TEXT] != '-'))
		return false;
	if (!read_hex(s.p + 3, read.id, sizeof read.id, false) ||
	    !read_hex(s.p + 36, read.parent, sizeof read.parent, false) || !read_hex(s.p + 53, &flags, 1, true))
		return false;
	read.sampled = flags & 1;
	*t = read;
	return true;
}

static bool state_is_clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] > 0x7e)
			return false;
	return s.n <= TRACE_STATE_MAX;
}

void trace_begin(struct trace *t, struct str traceparent, struct str state, struct arena *a)
{
	*t = (struct trace){0};
	if (!read_parent(traceparent, t)) {
		randombytes_buf(t->id, sizeof t->id);
		t->sampled = true;
	} else if (state.n && state_is_clean(state)) {
		t->state = str_copy(a, state);
	}
	do
		randombytes_buf(&t->span, sizeof t->span);
	while (!t->span);
}

uint64_t trace_span(const struct trace *t, unsigned n)
{
	uint64_t id = t->span + n * 0x9e3779b97f4a7c15u; /* odd, so that no two numbers meet */
	return id ? id : 1;
}

struct str trace_headers(const struct trace *t, unsigned n, struct arena *a)
{
	char id[33];
	if (!t->span)
		return S("");
	sodium_bin2hex(id, sizeof id, t->id, sizeof t->id);
	struct str parent = str_fmt(a, "traceparent: 00-%s-%016llx-%s\r\n", id, (unsigned long long)trace_span(t, n),
				    t->sampled ? "01" : "00");
	return t->state.n ? str_fmt(a, "%.*stracestate: %.*s\r\n", FMT(parent), FMT(t->state)) : parent;
}
