/* rebuild.c - a finished response told again as a stream of events. */
#include "replay/rebuild.h"

#include "model/tell_call.h"
#include "wire/json_swap.h"

struct rebuild {
	struct teller teller;
	struct reply *reply;
	struct arena *arena;
	struct buf b;
	int64_t seq, after;
	bool ends; /* the terminal event: it is told to every reader */
};

static void rebuild_emit(struct teller *to, struct event *ev)
{
	struct rebuild *r = OWNER(to, struct rebuild, teller);
	ev->seq = r->seq++;
	if (ev->seq <= r->after && !r->ends)
		return;
	if (ev->seq <= r->after) /* the reader saw more, smaller events: the end is the next that it has not seen */
		ev->seq = r->after + 1;
	buf_clear(&r->b);
	event_write(&r->b, ev);
	reply_event(r->reply, event_rows[ev->type].wire, buf_str(&r->b), ev->seq, event_delta(ev));
}

static bool rebuild_heard(const struct teller *to)
{
	const struct rebuild *r = OWNER(to, const struct rebuild, teller);
	return r->seq > r->after || r->ends;
}

/* The elements of a list, joined by commas. */
static struct str rebuild_elements(struct arena *a, yyjson_val *list)
{
	struct str json = yyjson_arr_size(list) ? json_text(a, list) : S("[]");
	return (struct str){json.p + 1, json.n - 2};
}

/* --- parts and thoughts ----------------------------------------------------------------------------------- */

static void rebuild_part(struct rebuild *r, const struct told *at, yyjson_val *part)
{
	enum told_part kind = part_of(json_str(json_get(part, S("type"))));
	yyjson_val *annotations = json_get(part, S("annotations")), *logprobs = json_get(part, S("logprobs")), *one;
	size_t i, max;
	if (!kind)
		return;
	struct part_said said = {.text = json_str(json_get(part, part_member(kind))),
				 .annotations = rebuild_elements(r->arena, annotations),
				 .logprobs = rebuild_elements(r->arena, logprobs)};
	tell_part(&r->teller, at, kind);
	if (said.text.n)
		tell_piece(&r->teller, at, kind, said.text, logprobs ? json_text(r->arena, logprobs) : (struct str){0});
	yyjson_arr_foreach(annotations, i, max, one) tell_annotation(&r->teller, at, (int)i, json_text(r->arena, one));
	tell_part_end(&r->teller, at, kind, &said);
}

static void rebuild_message(struct rebuild *r, struct told at, yyjson_val *item)
{
	size_t i, max;
	yyjson_val *part;
	yyjson_arr_foreach(json_get(item, S("content")), i, max, part)
	{
		at.part = (int)i;
		rebuild_part(r, &at, part);
	}
}

static void rebuild_reasoning(struct rebuild *r, struct told at, yyjson_val *item)
{
	yyjson_val *content = json_get(item, S("content")), *summary = json_get(item, S("summary"));
	size_t n = yyjson_arr_size(content) > yyjson_arr_size(summary) ? yyjson_arr_size(content) : yyjson_arr_size(summary);
	for (size_t i = 0; i < n; i++) {
		yyjson_val *thought = yyjson_arr_get(content, i), *said = yyjson_arr_get(summary, i);
		struct told_thoughts as = {.content = thought, .summary = said};
		struct str text = json_str(json_get(thought ? thought : said, S("text")));
		at.part = (int)i;
		tell_thoughts(&r->teller, &at, as);
		if (text.n)
			tell_thought(&r->teller, &at, as, text);
		tell_thoughts_end(&r->teller, &at, as, text);
	}
}

/* --- calls ------------------------------------------------------------------------------------------------ */

static void rebuild_client_call(struct rebuild *r, const struct told *at, enum call_kind kind, yyjson_val *item)
{
	struct str text = json_str(json_get(item, kind == CALL_CUSTOM ? S("input") : S("arguments")));
	struct call_said said = {.text = text, .name = json_str(json_get(item, S("name")))};
	if (kind == CALL_SHELL)
		said.commands = json_get(json_get(item, S("action")), S("commands"));
	if (text.n || kind == CALL_FUNCTION)
		tell_call(&r->teller, at, kind, text);
	tell_call_end(&r->teller, at, kind, &said);
}

static void rebuild_extra(struct rebuild *r, const struct told *at, const struct hosted_extra *extra, yyjson_val *item)
{
	yyjson_val *error = json_get(item, S("error"));
	tell_extra(&r->teller, at, extra);
	tell_extra_end(&r->teller, at, extra, error && !yyjson_is_null(error));
}

static void rebuild_hosted(struct rebuild *r, const struct told *at, const struct hosted *h, yyjson_val *item)
{
	bool ran = hosted_ran(h, r->arena, item), failed = str_eq(json_str(json_get(item, S("status"))), S("failed"));
	struct str text = h->text.delta ? json_str(json_get(item, h->text.member)) : (struct str){0};
	tell_hosted(&r->teller, at, h, TOOL_BEGUN, ran, failed);
	if (text.n)
		tell_hosted_text(&r->teller, at, h, text);
	if (text.p)
		tell_hosted_text_end(&r->teller, at, h, text, json_str(json_get(item, S("approval_request_id"))).n);
	tell_hosted(&r->teller, at, h, TOOL_RUNS, ran, failed);
	tell_hosted(&r->teller, at, h, TOOL_ENDED, ran, failed);
}

/* --- items ------------------------------------------------------------------------------------------------ */

/* What an item that has only begun has instead of its own members, where neither a tool says so nor a kind of call. */
static const struct json_swap begun_rows[] = {
    {STR("content"), STR("[]")}, {STR("summary"), STR("[]")}, {STR("arguments"), STR("{}")}};

static void rebuild_added(struct rebuild *r, const struct told *at, yyjson_val *item)
{
	enum { ROWS = sizeof begun_rows / sizeof *begun_rows };
	const struct hosted *ours = hosted_of_item(item_type_of(item));
	const struct hosted_extra *extra = ours ? hosted_extra(ours, item_type_of(item)) : NULL;
	struct json_swap swaps[ROWS + HOSTED_MEMBERS + 1] = {{STR("status"), STR("\"in_progress\"")}};
	size_t n = ours && ours->ends_in ? 0 : 1; /* such a result is told when it is known */
	struct str json = call_begun(r->arena, item);
	for (size_t i = 0; i < ROWS && !ours; i++)
		swaps[n++] = begun_rows[i];
	if (extra && extra->fresh.member.n)
		swaps[n++] = (struct json_swap){extra->fresh.member, extra->fresh.json};
	for (size_t i = 0; ours && !extra && i < HOSTED_MEMBERS && ours->fresh[i].member.n; i++)
		if (!str_eq(ours->fresh[i].member, ours->place) && !yyjson_is_null(json_get(item, ours->fresh[i].member)))
			swaps[n++] = (struct json_swap){ours->fresh[i].member, ours->fresh[i].json};
	tell_raw(&r->teller, at, EV_ITEM_ADDED, json.n ? json : json_swapped(r->arena, item, swaps, n));
}

/* What came of a call, as an item of its own: what its call says of it stands from the beginning. */
static void rebuild_result(struct rebuild *r, const struct told *at, const struct hosted_result *result, yyjson_val *item)
{
	struct json_swap swaps[HOSTED_MEMBERS + 1] = {{STR("status"), STR("\"completed\"")}};
	size_t n = 1;
	for (size_t i = 0; i < HOSTED_MEMBERS && result->fresh[i].member.n; i++)
		if (!str_eq(result->fresh[i].json, S("null")))
			swaps[n++] = (struct json_swap){result->fresh[i].member, result->fresh[i].json};
	tell_raw(&r->teller, at, EV_ITEM_ADDED, json_swapped(r->arena, item, swaps, n));
	result->tell(&r->teller, at, item);
	tell_raw(&r->teller, at, EV_ITEM_DONE, json_text(r->arena, item));
}

static void rebuild_item(struct rebuild *r, yyjson_val *item, int index)
{
	struct told at = {.id = json_str(json_get(item, S("id"))), .index = index};
	enum item_type type = item_type_of(item);
	const struct hosted *ours = hosted_of_item(type);
	enum call_kind kind = call_kind_of_item(type);
	const struct hosted *made = hosted_of_output(type, item);
	if (made && made->result.type == type) {
		rebuild_result(r, &at, &made->result, item);
		return;
	}
	if (type == ITEM_COMPACTION) { /* none comes first but where it is all */
		tell_compaction(&r->teller, &at, json_text(r->arena, item), index == 0);
		return;
	}
	rebuild_added(r, &at, item);
	if (ours && hosted_extra(ours, type))
		rebuild_extra(r, &at, hosted_extra(ours, type), item);
	else if (ours)
		rebuild_hosted(r, &at, ours, item);
	else if (kind < CALL_KINDS)
		rebuild_client_call(r, &at, kind, item);
	else if (type == ITEM_MESSAGE)
		rebuild_message(r, at, item);
	else if (type == ITEM_REASONING)
		rebuild_reasoning(r, at, item);
	tell_raw(&r->teller, &at, EV_ITEM_DONE, json_text(r->arena, item));
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
	struct rebuild r = {.teller = {rebuild_emit, rebuild_heard}, .reply = reply, .arena = a, .after = after};
	const struct told response = {0};
	struct err e = {0};
	yyjson_val *v, *item;
	size_t i, max;
	buf_init(&r.b, SIZE_MAX / 2);
	if (json_parse(a, json, &v, &e)) {
		struct str first = json_swapped(a, v, begun, 6);
		tell_raw(&r.teller, &response, EV_CREATED, first);
		tell_raw(&r.teller, &response, EV_IN_PROGRESS, first);
		yyjson_arr_foreach(json_get(v, S("output")), i, max, item) rebuild_item(&r, item, (int)i);
		r.ends = true;
		tell_raw(&r.teller, &response, terminal(json_str(json_get(v, S("status")))), json_text(a, v));
	}
	buf_release(&r.b);
	reply_end(reply, 200, S(""));
}

void rebuild_events(struct reply *reply, struct arena *a, struct str json)
{
	rebuild_events_after(reply, a, json, -1);
}
