/* call_text.c - what a call of ours tells of its text while the engine writes it. */
#include "turn/call_text.h"

#include "model/call.h"
#include "model/call_input.h"
#include "turn/turn_output_parts.h"

bool call_text_told(const struct hosted_call *c)
{
	return c->tool && c->tool->hosted && c->tool->hosted->text.delta && !c->tool->hosted->text.arguments;
}

bool call_text_raw(const struct hosted_call *c)
{
	struct str text = str_trim(buf_str(&c->text));
	return c->tool->hosted->text.raw && text.n && text.p[0] != '{';
}

void call_text_tell(struct turn *t, struct hosted_call *c)
{
	size_t from = c->told.n;
	if (call_text_raw(c))
		buf_add(&c->told, (struct str){c->text.p + from, c->text.n - from});
	else
		call_text_more(buf_str(&c->text), c->tool->hosted->text.member, &c->read, &c->told);
	if (c->told.n > from)
		tell_hosted_text(&t->out.teller, &c->item->at, c->tool->hosted, (struct str){c->told.p + from, c->told.n - from});
}

void call_text_end(struct turn *t, struct hosted_call *c)
{
	struct str whole = json_str(json_get(c->args, c->tool->hosted->text.member)), told = buf_str(&c->told);
	if (!str_starts(whole, told))
		whole = told;
	if (whole.n > told.n) {
		tell_hosted_text(&t->out.teller, &c->item->at, c->tool->hosted, (struct str){whole.p + told.n, whole.n - told.n});
		buf_add(&c->told, (struct str){whole.p + told.n, whole.n - told.n});
	}
	tell_hosted_text_end(&t->out.teller, &c->item->at, c->tool->hosted, whole.p ? whole : S(""), false);
}

void call_text_arguments(struct turn *t, struct hosted_call *c)
{
	struct str text = c->text.n ? str_copy(&t->arena, buf_str(&c->text)) : S("{}");
	c->item->hosted.arguments = text;
	tell_hosted_text(&t->out.teller, &c->item->at, c->tool->hosted, text);
	tell_hosted_text_end(&t->out.teller, &c->item->at, c->tool->hosted, text, c->approval.n);
}
