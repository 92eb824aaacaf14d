/* call_text.h - what a call of ours tells of its text (hosted.h) while the engine writes it. Inside turn/ alone. Loop thread. */
#pragma once
#include "turn/hosted_call.h"

/* Has it a text that is told as it comes? */
bool call_text_told(const struct hosted_call *c);
/* Are its arguments that text itself, and no JSON? */
bool call_text_raw(const struct hosted_call *c);
/* What has come since the last time. */
void call_text_tell(struct turn *t, struct hosted_call *c);
/* What the arguments say now that they are whole; what was told must be its beginning. */
void call_text_end(struct turn *t, struct hosted_call *c);
/* The arguments that a list of texts (hosted.h) has been told of, as JSON. In t->arena. */
struct str call_text_list(struct turn *t, const struct hosted_call *c);
/* Arguments that are told at once. */
void call_text_arguments(struct turn *t, struct hosted_call *c);
