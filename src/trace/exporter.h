/* exporter.h - the thread that sends spans to a collector by OTLP/HTTP in JSON (libcurl, net/fetch.h).
 *
 * One a process. Who makes spans never waits: they are put into a bounded queue, and dropped and counted
 * (antiphon_trace_spans_total) when it is full or the collector does not take them. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct trace_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "trace/limits.def"
#undef LIMIT
};
extern struct trace_limits trace_limits; /* set before exporter_open(), constant after */

struct exporter_options {          /* strings are copied */
	struct str endpoint;       /* "http://127.0.0.1:4318"; /v1/traces is put behind it; {0}: no traces at all */
	const struct str *headers; /* "Name: value" */
	size_t n_headers;
	struct str service; /* service.name */
	bool content;       /* texts of users and models go along */
};
/* ERR_CONFIG. Before the loops run. */
bool exporter_open(const struct exporter_options *o, struct err *e);
/* Sends what waits, but not for longer than a moment. The loops run no more. Idempotent. */
void exporter_close(void);
/* Any thread. */
bool exporter_on(void);
bool exporter_content(void);
/* `spans`: n spans (span.h) joined by commas, of one trace: all of them or none. Copied. Any thread. */
void exporter_add(struct str spans, size_t n);
