/* rebuild.c - a finished response told again as a stream of events. */
#include "replay/rebuild.h"

#include <sodium.h>
#include <string.h>

#include "model/hosted.h"
#include "wire/json_swap.h"

struct rebuild {
	struct reply *reply;
	struct buf b;
	int64_t seq, after;
	struct str item_id;
	int output_index;
};

static void send(struct rebuild *r, struct event ev)
{
	ev.seq = r->seq++;
	if (ev.seq <= r->after)
		return;
	buf_clear(&r->b);
	event_write(&r->b, &ev);
	reply_event(r->reply, event_rows[ev.type].wire, buf_str(&r->b), ev.seq, event_delta(&ev));
}

static struct event at(const struct rebuild *r, enum event_type type, int index)
{
	return (struct event){.type = type, .item_id = r->item_id, .output_index = r->output_index,
	                      .content_index = index, .summary_index = index};
}

static void send_text(struct rebuild *r, enum event_type type, int index, struct str text)
{
	struct event ev = at(r, type, index);
	ev.text = text;
	send(r, ev);
}

static void send_raw(struct rebuild *r, enum event_type type, int index, struct str raw)
{
	struct event ev = at(r, type, index);
	ev.raw = raw;
	send(r, ev);
}

static const struct part_kind {
	struct str type, member;
	enum event_type added, delta, text_done, done;
} part_kinds[] = {
	{STR("output_text"), STR("text"), EV_PART_ADDED, EV_TEXT_DELTA, EV_TEXT_DONE, EV_PART_DONE},
	{STR("refusal"), STR("refusal"), EV_PART_ADDED, EV_REFUSAL_DELTA, EV_REFUSAL_DONE, EV_PART_DONE},
	{STR("reasoning_text"), STR("text"), EV_PART_ADDED, EV_REASONING_DELTA, EV_REASONING_DONE, EV_PART_DONE},
	{STR("summary_text"), STR("text"), EV_SUMMARY_PART_ADDED, EV_SUMMARY_TEXT_DELTA,
	 EV_SUMMARY_TEXT_DONE, EV_SUMMARY_PART_DONE},
};

static void send_annotations(struct rebuild *r, struct arena *a, yyjson_val *list, int index)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(list, i, max, one)
	{
		struct event ev = at(r, EV_ANNOTATION_ADDED, index);
		ev.annotation_index = (int)i;
		ev.raw = json_text(a, one);
		send(r, ev);
	}
}

static void send_part(struct rebuild *r, struct arena *a, yyjson_val *part, int index)
{
	struct str type = json_str(json_get(part, S("type")));
	for (size_t i = 0; i < sizeof part_kinds / sizeof *part_kinds; i++) {
		const struct part_kind *k = &part_kinds[i];
		if (!str_eq(k->type, type))
			continue;
		struct json_swap empty[] = {{k->member, STR("\"\"")}, {STR("logprobs"), STR("[]")}, {STR("annotations"), STR("[]")}};
		struct json_swap told[] = {{STR("logprobs"), STR("[]")}};
		struct str text = json_str(json_get(part, k->member));
		yyjson_val *logprobs = json_get(part, S("logprobs"));
		send_raw(r, k->added, index, json_swapped(a, part, empty, 3));
		struct event delta = at(r, k->delta, index), done = at(r, k->text_done, index);
		delta.text = done.text = text;
		delta.logprobs = done.logprobs = logprobs ? json_text(a, logprobs) : (struct str){0};
		if (text.n)
			send(r, delta);
		send_annotations(r, a, json_get(part, S("annotations")), index);
		send(r, done);
		send_raw(r, k->done, index, json_swapped(a, part, told, 1)); /* they stand in the event before, as live */
		return;
	}
}

static void send_parts(struct rebuild *r, struct arena *a, yyjson_val *parts)
{
	size_t i, max;
	yyjson_val *part;
	yyjson_arr_foreach(parts, i, max, part)
		send_part(r, a, part, (int)i);
}

/* What an item that has only begun has instead of its own members. */
static const struct fresh {
	struct str type;
	struct json_swap swap;
} fresh_rows[] = {
	{STR("message"), {STR("content"), STR("[]")}},
	{STR("function_call"), {STR("arguments"), STR("\"\"")}},
	{STR("custom_tool_call"), {STR("input"), STR("\"\"")}},
	{STR("tool_search_call"), {STR("arguments"), STR("{}")}},
	{STR("shell_call"),
	 {STR("action"), STR("{\"commands\":[],\"max_output_length\":null,\"timeout_ms\":null}")}},
	{STR("local_shell_call"), {STR("action"), STR("{\"type\":\"exec\",\"command\":[],\"env\":{}}")}},
	{STR("computer_call"), {STR("actions"), STR("[]")}},
	{STR("computer_call"), {STR("action"), {0}}},
	{STR("reasoning"), {STR("content"), STR("[]")}},
	{STR("reasoning"), {STR("summary"), STR("[]")}},
};

static void send_added(struct rebuild *r, struct arena *a, yyjson_val *item)
{
	enum { ROWS = sizeof fresh_rows / sizeof *fresh_rows };
	static const struct json_swap no_diff = {STR("diff"), STR("\"\"")};
	yyjson_val *operation = json_get(item, S("operation"));
	const struct hosted *ours = hosted_of_item(item_type_of(item));
	struct json_swap swaps[ROWS + HOSTED_MEMBERS + 2] = {{STR("status"), STR("\"in_progress\"")}};
	size_t n = 1;
	for (size_t i = 0; i < ROWS; i++)
		if (str_eq(fresh_rows[i].type, json_str(json_get(item, S("type")))))
			swaps[n++] = fresh_rows[i].swap;
	const struct hosted_extra *extra = ours ? hosted_extra(ours, item_type_of(item)) : NULL;
	if (extra && extra->fresh.member.n)
		swaps[n++] = (struct json_swap){extra->fresh.member, extra->fresh.json};
	for (size_t i = 0; ours && !extra && i < HOSTED_MEMBERS && ours->fresh[i].member.n; i++)
		if (!str_eq(ours->fresh[i].member, ours->place) && !yyjson_is_null(json_get(item, ours->fresh[i].member)))
			swaps[n++] = (struct json_swap){ours->fresh[i].member, ours->fresh[i].json};
	if (operation)
		swaps[n++] = (struct json_swap){S("operation"), json_swapped(a, operation, &no_diff, 1)};
	send_raw(r, EV_ITEM_ADDED, 0, json_swapped(a, item, swaps, n));
}

static void send_commands(struct rebuild *r, yyjson_val *commands)
{
	size_t i, max;
	yyjson_val *one;
	yyjson_arr_foreach(commands, i, max, one)
	{
		struct event ev = at(r, EV_SHELL_COMMAND_ADDED, 0);
		ev.command_index = (int)i;
		ev.text = S("");
		send(r, ev);
		ev.type = EV_SHELL_COMMAND_DELTA;
		ev.text = json_str(one);
		send(r, ev);
		ev.type = EV_SHELL_COMMAND_DONE;
		send(r, ev);
	}
}

/* A call that we ran: as turn_tools.c told it while it ran. */
static void send_ours(struct rebuild *r, struct arena *a, const struct hosted *h, yyjson_val *item)
{
	bool ran = hosted_ran(h, a, item), failed = str_eq(json_str(json_get(item, S("status"))), S("failed"));
	struct str text = h->text.member.n ? json_str(json_get(item, h->text.member)) : (struct str){0};
	const struct hosted_extra *extra = hosted_extra(h, item_type_of(item));
	yyjson_val *error = json_get(item, S("error"));
	if (extra) {
		if (extra->begun)
			send(r, at(r, extra->begun, 0));
		if (extra->ended)
			send(r, at(r, error && !yyjson_is_null(error) ? extra->failed : extra->ended, 0));
		return;
	}
	send(r, at(r, h->events[TOOL_BEGUN], 0));
	if (text.n)
		send_text(r, h->text.delta, 0, text);
	if (json_str(json_get(item, S("approval_request_id"))).n)
		send(r, at(r, h->events[TOOL_BEGUN], 0));
	if (text.p)
		send_text(r, h->text.done, 0, text);
	for (enum tool_phase p = TOOL_RUNS; p < TOOL_PHASES; p++)
		if (hosted_event(h, p, ran, failed))
			send(r, at(r, hosted_event(h, p, ran, failed), 0));
}

/* What calls tell between their beginning and their end. */
static void send_call(struct rebuild *r, struct arena *a, yyjson_val *item)
{
	struct str type = json_str(json_get(item, S("type")));
	struct str args = json_str(json_get(item, S("arguments"))), input = json_str(json_get(item, S("input")));
	if (str_eq(type, S("function_call"))) {
		struct event done = at(r, EV_ARGUMENTS_DONE, 0);
		done.text = args;
		done.name = json_str(json_get(item, S("name")));
		send_text(r, EV_ARGUMENTS_DELTA, 0, args);
		send(r, done);
	} else if (str_eq(type, S("custom_tool_call"))) {
		if (input.n)
			send_text(r, EV_CUSTOM_INPUT_DELTA, 0, input);
		send_text(r, EV_CUSTOM_INPUT_DONE, 0, input);
	} else if (str_eq(type, S("shell_call"))) {
		send_commands(r, json_get(json_get(item, S("action")), S("commands")));
	} else if (hosted_of_item(item_type_of(item))) {
		send_ours(r, a, hosted_of_item(item_type_of(item)), item);
	}
}

static void send_item(struct rebuild *r, struct arena *a, yyjson_val *item, int index)
{
	r->item_id = json_str(json_get(item, S("id")));
	r->output_index = index;
	send_added(r, a, item);
	send_parts(r, a, json_get(item, S("content")));
	send_parts(r, a, json_get(item, S("summary")));
	send_call(r, a, item);
	send_raw(r, EV_ITEM_DONE, 0, json_text(a, item));
}

static enum event_type terminal(struct str status)
{
	return str_eq(status, S("completed"))    ? EV_COMPLETED
	       : str_eq(status, S("incomplete")) ? EV_INCOMPLETE
	                                         : EV_FAILED;
}

void rebuild_events_after(struct reply *reply, struct arena *a, struct str json, int64_t after)
{
	static const struct json_swap begun[] = {{STR("status"), STR("\"in_progress\"")}, {STR("output"), STR("[]")},
	                                    {STR("usage"), STR("null")}, {STR("completed_at"), STR("null")},
	                                    {STR("error"), STR("null")}, {STR("incomplete_details"), STR("null")}};
	struct rebuild r = {.reply = reply, .after = after};
	struct err e = {0};
	yyjson_val *v, *item;
	size_t i, max;
	buf_init(&r.b, SIZE_MAX / 2);
	if (json_parse(a, json, &v, &e)) {
		struct str first = json_swapped(a, v, begun, 6);
		send_raw(&r, EV_CREATED, 0, first);
		send_raw(&r, EV_IN_PROGRESS, 0, first);
		yyjson_arr_foreach(json_get(v, S("output")), i, max, item)
			send_item(&r, a, item, (int)i);
		send_raw(&r, terminal(json_str(json_get(v, S("status")))), 0, json_text(a, v));
	}
	buf_release(&r.b);
	reply_end(reply, 200, S(""));
}

void rebuild_events(struct reply *reply, struct arena *a, struct str json)
{
	rebuild_events_after(reply, a, json, -1);
}
