/* shell_items.c - items of shells: what is told of them in events. */
#include "model/shell_items.h"

enum { ENTRY_MAX = 512 << 20 }; /* bytes of what one command put out, as JSON; its texts are bounded far below */

void shell_command_tell(struct event ev, int index, struct str command, shell_told *told, void *ctx)
{
	ev.command_index = index;
	ev.type = EV_SHELL_COMMAND_ADDED;
	ev.text = S("");
	told(ctx, &ev);
	ev.type = EV_SHELL_COMMAND_DELTA;
	ev.text = command;
	told(ctx, &ev);
	ev.type = EV_SHELL_COMMAND_DONE;
	told(ctx, &ev);
}

void shell_commands_tell(yyjson_val *commands, struct event ev, shell_told *told, void *ctx)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(commands, i, max, one) shell_command_tell(ev, (int)i, json_str(one), told, ctx);
}

/* Of a text that is empty the live API says nothing. */
static void shell_items_text(struct jout *o, yyjson_val *entry, struct str name)
{
	if (json_str(json_get(entry, name)).n)
		jo_member(o, entry, name);
}

static void shell_entry_tell(yyjson_val *entry, struct event *ev, struct buf *b, shell_told *told, void *ctx)
{
	struct jout o = {.b = b};
	bool says = json_str(json_get(entry, S("stdout"))).n || json_str(json_get(entry, S("stderr"))).n;
	jo_obj(&o);
	shell_items_text(&o, entry, S("stderr"));
	shell_items_text(&o, entry, S("stdout"));
	jo_obj_end(&o);
	ev->type = EV_SHELL_OUTPUT_DELTA;
	ev->raw = buf_str(b);
	if (says)
		told(ctx, ev);
	buf_clear(b);
	o = (struct jout){.b = b};
	jo_arr(&o);
	jo_val(&o, entry);
	jo_arr_end(&o);
	ev->type = EV_SHELL_OUTPUT_DONE;
	ev->raw = buf_str(b);
	told(ctx, ev);
	buf_clear(b);
}

void shell_output_tell(yyjson_val *item, struct event ev, shell_told *told, void *ctx)
{
	size_t i, max;
	yyjson_val *one;
	struct buf b;
	buf_init(&b, ENTRY_MAX);
	yyjson_arr_foreach(json_get(item, S("output")), i, max, one)
	{
		ev.command_index = (int)i;
		shell_entry_tell(one, &ev, &b, told, ctx);
	}
	buf_release(&b);
}

void shell_reference(struct jout *o, struct str container)
{
	jo_key(o, S("environment"));
	jo_obj(o);
	jo_kstr(o, "type", S("container_reference"));
	jo_kstr(o, "container_id", container);
	jo_obj_end(o);
}
