/* span.c - one span as OTLP's JSON. */
#include "trace/span.h"

#include <sodium.h>
#include <stdio.h>

static void put_hex64(struct jout *o, const char *name, uint64_t id)
{
	char text[17];
	int n = snprintf(text, sizeof text, "%016llx", (unsigned long long)id);
	jo_key(o, str_of(name));
	jo_str(o, (struct str){text, (size_t)n});
}

static void put_hex(struct jout *o, const char *name, const uint8_t *id, size_t size)
{
	char text[33];
	sodium_bin2hex(text, sizeof text, id, size);
	jo_key(o, str_of(name));
	jo_str(o, (struct str){text, 2 * size});
}

/* 64 bits are text in this JSON. */
static void put_int64(struct jout *o, const char *name, int64_t v, const char *tail)
{
	char text[40];
	int n = snprintf(text, sizeof text, "%lld%s", (long long)v, tail);
	jo_key(o, str_of(name));
	jo_str(o, (struct str){text, (size_t)n});
}

void span_begin(struct jout *o, const struct span *s)
{
	jo_obj(o);
	put_hex(o, "traceId", s->trace->id, sizeof s->trace->id);
	put_hex64(o, "spanId", trace_span(s->trace, s->number));
	if (s->number)
		put_hex64(o, "parentSpanId", trace_span(s->trace, 0));
	else if (!sodium_is_zero(s->trace->parent, sizeof s->trace->parent))
		put_hex(o, "parentSpanId", s->trace->parent, sizeof s->trace->parent);
	if (s->trace->state.n)
		jo_kstr(o, "traceState", s->trace->state);
	jo_kstr(o, "name", s->name);
	jo_kint(o, "kind", s->kind);
	put_int64(o, "startTimeUnixNano", s->from_us, "000");
	put_int64(o, "endTimeUnixNano", s->to_us > s->from_us ? s->to_us : s->from_us, "000");
	jo_key(o, S("attributes"));
	jo_arr(o);
}

static void attribute_begin(struct jout *o, const char *name)
{
	jo_obj(o);
	jo_kstr(o, "key", str_of(name));
	jo_key(o, S("value"));
	jo_obj(o);
}

static void attribute_end(struct jout *o)
{
	jo_obj_end(o);
	jo_obj_end(o);
}

void span_str(struct jout *o, const char *name, struct str value)
{
	if (!value.p)
		return;
	attribute_begin(o, name);
	jo_kstr(o, "stringValue", value);
	attribute_end(o);
}

void span_int(struct jout *o, const char *name, int64_t value)
{
	attribute_begin(o, name);
	put_int64(o, "intValue", value, "");
	attribute_end(o);
}

void span_end(struct jout *o, const struct span *s)
{
	enum { STATUS_ERROR = 2 };
	jo_arr_end(o);
	if (s->failed) {
		jo_key(o, S("status"));
		jo_obj(o);
		jo_kint(o, "code", STATUS_ERROR);
		if (s->why.n)
			jo_kstr(o, "message", s->why);
		jo_obj_end(o);
	}
	jo_obj_end(o);
}
