/* tell_call.c - the events of calls, between output_item.added and output_item.done. */
#include "model/tell_call.h"

/* --- calls that the client runs --------------------------------------------------------------------------- */

/* Calls of the two tools for screens are items of one type. */
static enum call_kind call_kind_begun(yyjson_val *item)
{
	enum call_kind kind = call_kind_of_item(item_type_of(item));
	return kind == CALL_COMPUTER && json_get(item, S("action")) ? CALL_COMPUTER_PREVIEW : kind;
}

struct str call_begun(struct arena *a, yyjson_val *item)
{
	enum item_type type = item_type_of(item);
	enum call_kind kind = call_kind_begun(item);
	struct function_tool tool = {.own = json_str(json_get(item, S("name"))),
				     .space = json_str(json_get(item, S("namespace"))),
				     .given = item};
	struct call c = {.tool = &tool,
			 .call_id = json_str(json_get(item, S("call_id"))),
			 .caller = json_str(json_get(json_get(item, S("caller")), S("caller_id"))),
			 .begun = true,
			 .args = json_get(item, S("operation"))};
	struct buf b;
	if (kind >= CALL_OURS || call_rows[kind].call != type || !c.call_id.p)
		return (struct str){0};
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "id", json_str(json_get(item, S("id"))));
	jo_kstr(&o, "type", str_of(item_rows[type].wire));
	if (item_rows[type].flags & ITEM_STATUS)
		jo_kstr(&o, "status", S("in_progress"));
	call_rows[kind].write(&o, &c);
	jo_obj_end(&o);
	struct str json = str_copy(a, buf_str(&b));
	buf_release(&b);
	return json;
}

static const struct call_text {
	enum event_type delta, done;
} call_texts[CALL_KINDS] = {
    [CALL_FUNCTION] = {EV_ARGUMENTS_DELTA, EV_ARGUMENTS_DONE},
    [CALL_CUSTOM] = {EV_CUSTOM_INPUT_DELTA, EV_CUSTOM_INPUT_DONE},
};

void tell_call(struct teller *to, const struct told *at, enum call_kind kind, struct str piece)
{
	if (call_texts[kind].delta)
		tell(to, at, call_texts[kind].delta, piece);
}

static void tell_commands(struct teller *to, const struct told *at, yyjson_val *commands)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(commands, i, max, one)
	{
		struct event ev = tell_event(at, EV_SHELL_COMMAND_ADDED);
		ev.command_index = (int)i;
		ev.text = S("");
		to->emit(to, &ev);
		ev.type = EV_SHELL_COMMAND_DELTA;
		ev.text = json_str(one);
		to->emit(to, &ev);
		ev.type = EV_SHELL_COMMAND_DONE;
		to->emit(to, &ev);
	}
}

void tell_call_end(struct teller *to, const struct told *at, enum call_kind kind, const struct call_said *said)
{
	if (call_texts[kind].done) {
		struct event ev = tell_event(at, call_texts[kind].done);
		ev.text = said->text;
		ev.name = said->name;
		to->emit(to, &ev);
	}
	tell_commands(to, at, said->commands);
}

/* --- calls that we run ------------------------------------------------------------------------------------ */

void tell_hosted(struct teller *to, const struct told *at, const struct hosted *h, enum tool_phase phase, bool ran,
		 bool failed)
{
	enum event_type type = hosted_event(h, phase, ran, failed);
	if (type)
		tell(to, at, type, (struct str){0});
}

void tell_hosted_text(struct teller *to, const struct told *at, const struct hosted *h, struct str piece)
{
	tell(to, at, h->text.delta, piece);
}

void tell_hosted_text_end(struct teller *to, const struct told *at, const struct hosted *h, struct str text,
			  bool approved)
{
	if (approved) /* live says it twice of what was approved */
		tell_hosted(to, at, h, TOOL_BEGUN, false, false);
	tell(to, at, h->text.done, text);
}

void tell_extra(struct teller *to, const struct told *at, const struct hosted_extra *extra)
{
	if (extra->begun)
		tell(to, at, extra->begun, (struct str){0});
}

void tell_extra_end(struct teller *to, const struct told *at, const struct hosted_extra *extra, bool failed)
{
	enum event_type type = failed ? extra->failed : extra->ended;
	if (type)
		tell(to, at, type, (struct str){0});
}
