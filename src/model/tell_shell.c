/* tell_shell.c - the events of a shell's items. */
#include "model/tell_shell.h"

enum { ENTRY_MAX = 512 << 20 }; /* bytes of what one command put out, as JSON; its texts are bounded far below */

void tell_listed(struct teller *to, const struct told *at, enum event_type type, int nth, struct str text)
{
	struct event ev = tell_event(at, type);
	ev.command_index = nth;
	ev.text = text;
	to->emit(to, &ev);
}

void tell_commands(struct teller *to, const struct told *at, yyjson_val *commands)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(commands, i, max, one)
	{
		tell_listed(to, at, EV_SHELL_COMMAND_ADDED, (int)i, S(""));
		tell_listed(to, at, EV_SHELL_COMMAND_DELTA, (int)i, json_str(one));
		tell_listed(to, at, EV_SHELL_COMMAND_DONE, (int)i, json_str(one));
	}
}

/* Of a text that is empty the live API says nothing. */
static void shell_says(struct jout *o, yyjson_val *entry, struct str name)
{
	if (json_str(json_get(entry, name)).n)
		jo_member(o, entry, name);
}

static void tell_raw_nth(struct teller *to, const struct told *at, enum event_type type, int nth, struct buf *json)
{
	struct event ev = tell_event(at, type);
	ev.command_index = nth;
	ev.raw = buf_str(json);
	to->emit(to, &ev);
	buf_clear(json);
}

static void tell_entry(struct teller *to, const struct told *at, int nth, yyjson_val *entry, struct buf *b)
{
	struct jout o = {.b = b}, all = {.b = b};
	bool says = json_str(json_get(entry, S("stdout"))).n || json_str(json_get(entry, S("stderr"))).n;
	if (says) {
		jo_obj(&o);
		shell_says(&o, entry, S("stderr"));
		shell_says(&o, entry, S("stdout"));
		jo_obj_end(&o);
		tell_raw_nth(to, at, EV_SHELL_OUTPUT_DELTA, nth, b);
	}
	jo_arr(&all);
	jo_val(&all, entry);
	jo_arr_end(&all);
	tell_raw_nth(to, at, EV_SHELL_OUTPUT_DONE, nth, b);
}

void tell_shell_output(struct teller *to, const struct told *at, yyjson_val *item)
{
	size_t i, max;
	yyjson_val *one;
	struct buf b;
	buf_init(&b, ENTRY_MAX);
	yyjson_arr_foreach(json_get(item, S("output")), i, max, one) tell_entry(to, at, (int)i, one, &b);
	buf_release(&b);
}
