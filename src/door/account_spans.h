/* account_spans.h - the spans of a response or a chat completion, for a collector (trace/exporter.h).
 *
 * Made at its end, out of its phases: one for the request, below it one for each call of an engine, each call of a
 * hosted tool and the write that kept it. Names and attributes are those of OpenTelemetry's conventions for generative
 * AI, as far as there are some. Texts of users and models go along with otel.content alone. */
#pragma once
#include "door/account.h"

/* Nothing without a collector, or when the client has said that its trace is not kept. */
void account_spans(const struct account *a);
