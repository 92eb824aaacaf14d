/* trace.h - which trace a request belongs to: https://www.w3.org/TR/trace-context/ (version 00).
 *
 * A client's `traceparent` is gone on with; without one, or with one that cannot be read, a trace begins here. Spans
 * below the request's own have numbers, from which their ids follow, so that what is asked elsewhere can be told its
 * parent before the span itself is known. Pure, but for random ids. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

struct trace {
	uint8_t id[16];    /* of the trace */
	uint8_t parent[8]; /* the client's span; zeros: none */
	uint64_t span;     /* the request's own; 0: there is no trace */
	bool sampled;      /* the client wants it kept, or it begins here */
	struct str state;  /* `tracestate`, passed on as it came */
};
enum { TRACE_STATE_MAX = 512 };

/* `state` is copied. */
void trace_begin(struct trace *t, struct str traceparent, struct str state, struct arena *a);
/* The id of span number `n` (0: the request's own). */
uint64_t trace_span(const struct trace *t, unsigned n);
/* Header lines for who is asked under span number `n`, "traceparent: ...\r\n" and perhaps tracestate. "" without a
 * trace. In `a`. */
struct str trace_headers(const struct trace *t, unsigned n, struct arena *a);
