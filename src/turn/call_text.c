/* call_text.c - what a call of ours tells of its text while the engine writes it. */
#include "turn/call_text.h"

#include "model/call_input.h"
#include "model/tell_shell.h"
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

/* --- a list of texts ------------------------------------------------------------------------------------------------ */

static void list_event(struct turn *t, struct hosted_call *c, enum event_type type, struct str text)
{
	tell_listed(&t->out.teller, &c->item->at, type, c->list.n, text);
}

static void list_begin(struct turn *t, struct hosted_call *c)
{
	buf_clear(&c->list.text);
	list_event(t, c, c->tool->hosted->text.added, S(""));
}

static void list_ended(struct turn *t, struct hosted_call *c)
{
	struct jout o = {.b = &c->list.ended, .comma = c->list.n > 0};
	list_event(t, c, c->tool->hosted->text.done, buf_str(&c->list.text));
	jo_str(&o, buf_str(&c->list.text));
	c->list.n++;
}

static void list_tell(struct turn *t, struct hosted_call *c)
{
	const struct hosted_text *text = &c->tool->hosted->text;
	for (;;) {
		size_t from = c->list.text.n;
		switch (call_list_next(buf_str(&c->text), text->member, &c->list.at, &c->list.text)) {
		case LIST_WAITS:
			return;
		case LIST_BEGINS:
			list_begin(t, c);
			break;
		case LIST_GOES_ON:
			list_event(t, c, text->delta, (struct str){c->list.text.p + from, c->list.text.n - from});
			break;
		case LIST_ENDS:
			list_ended(t, c);
		}
	}
}

/* What is left of one that has begun, or all of one that has not. */
static void list_rest(struct turn *t, struct hosted_call *c, struct str whole)
{
	size_t from = c->list.text.n;
	if (str_starts(whole, buf_str(&c->list.text)))
		buf_add(&c->list.text, (struct str){whole.p + from, whole.n - from});
	if (c->list.text.n > from)
		list_event(t, c, c->tool->hosted->text.delta, (struct str){c->list.text.p + from, c->list.text.n - from});
	list_ended(t, c);
}

static void list_end(struct turn *t, struct hosted_call *c)
{
	yyjson_val *all = json_get(c->args, c->tool->hosted->text.member);
	if (c->list.at.inside)
		list_rest(t, c, json_str(yyjson_arr_get(all, (size_t)c->list.n)));
	c->list.at.inside = false;
	for (size_t i = (size_t)c->list.n; i < yyjson_arr_size(all); i++) {
		list_begin(t, c);
		list_rest(t, c, json_str(yyjson_arr_get(all, i)));
	}
}

struct str call_text_list(struct turn *t, const struct hosted_call *c)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_key(&o, c->tool->hosted->text.member);
	jo_arr(&o);
	if (c->list.ended.n)
		jo_raw(&o, buf_str(&c->list.ended));
	if (c->list.at.inside)
		jo_str(&o, buf_str(&c->list.text));
	jo_arr_end(&o);
	jo_obj_end(&o);
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return json;
}

/* --- one text ------------------------------------------------------------------------------------------------------- */

void call_text_tell(struct turn *t, struct hosted_call *c)
{
	size_t from = c->list.text.n;
	if (c->tool->hosted->text.added) {
		list_tell(t, c);
		return;
	}
	if (call_text_raw(c))
		buf_add(&c->list.text, (struct str){c->text.p + from, c->text.n - from});
	else
		call_text_more(buf_str(&c->text), c->tool->hosted->text.member, &c->list.read, &c->list.text);
	if (c->list.text.n > from)
		tell_hosted_text(&t->out.teller, &c->item->at, c->tool->hosted, (struct str){c->list.text.p + from, c->list.text.n - from});
}

void call_text_end(struct turn *t, struct hosted_call *c)
{
	if (c->tool->hosted->text.added) {
		list_end(t, c);
		return;
	}
	struct str whole = json_str(json_get(c->args, c->tool->hosted->text.member)), told = buf_str(&c->list.text);
	if (!str_starts(whole, told))
		whole = told;
	if (whole.n > told.n) {
		tell_hosted_text(&t->out.teller, &c->item->at, c->tool->hosted, (struct str){whole.p + told.n, whole.n - told.n});
		buf_add(&c->list.text, (struct str){whole.p + told.n, whole.n - told.n});
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
