/* request_parts.h - what the request's files share: one reading of one body. Inside model/ alone. */
#pragma once
#include "model/request.h"
#include "model/parts.h"

struct reader {
	struct arena *a;
	yyjson_val *body;
	struct create *c;
	bool filled; /* from a prompt template */
	struct buf out; /* where an echo is rendered before take() */
};

/* What was rendered into r->out, as a string of the arena; the buffer is empty again. */
struct str take(struct reader *r);
