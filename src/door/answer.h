/* answer.h - how a request is answered: JSON, or an error in OpenAI's form. Included by request.h. Loop thread. */
#pragma once
#include "base/err.h"

struct exchange;
struct request;

/* Ends the exchange with a JSON body, or with an error in OpenAI's form. */
void answer_json(struct request *rq, int status, struct str json);
void answer_error(struct exchange *x, const struct err *e);
/* The error headers (Retry-After, retry-after-ms, x-should-retry) of `e`; its body, in `a`. */
void error_headers(struct exchange *x, const struct err *e);
struct str error_body(struct arena *a, const struct err *e);
