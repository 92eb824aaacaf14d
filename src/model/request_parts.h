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

/* request_tools.c: `tools`, and those that items of the input bring. */
bool tools_take(struct reader *r, struct err *e);
/* request_choice.c: `tool_choice`, its shape and then its meaning. */
field_check tool_choice_check;
bool choice_take(struct reader *r, struct err *e);
/* request_format.c: `text`, its format's shape and then its meaning. */
field_check format_check;
bool text_take(struct reader *r, struct err *e);
/* request_echo.c: everything that is only repeated, and the list of what was not applied. */
void echo_take(struct reader *r);
