/* span.h - one span as OTLP's JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
 *
 * Names of attributes are those of OpenTelemetry's conventions where there are some (gen_ai.*, db.*, http.*). Pure. */
#pragma once
#include "trace/trace.h"
#include "wire/jout.h"

enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER = 2, SPAN_CLIENT = 3 };

struct span {
	const struct trace *trace;
	unsigned number; /* trace_span(); 0: the request's own, whose parent is the client's */
	enum span_kind kind;
	struct str name;
	int64_t from_us, to_us; /* since 1970 */
	bool failed;
	struct str why; /* of a failure */
};
/* Opens the span and its attributes; then span_str() and the like; then span_end(). */
void span_begin(struct jout *o, const struct span *s);
/* Left out when the value is {0}. */
void span_str(struct jout *o, const char *name, struct str value);
void span_int(struct jout *o, const char *name, int64_t value);
void span_end(struct jout *o, const struct span *s);
