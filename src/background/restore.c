/* restore.c - events become the output items they told of. */
#include "background/restore.h"

#include "model/hosted_server.h"
#include "turn/call_pair.h"
#include "turn/turn.h"
#include "turn/turn_calls.h"
#include "turn/turn_cite.h"
#include "wire/json_swap.h"

static enum item_type wire_type_of(struct str wire)
{
	for (enum item_type type = ITEM_NONE + 1; type < ITEM_COUNT; type++)
		if (str_eq(str_of(item_rows[type].wire), wire))
			return type;
	return ITEM_NONE;
}

static struct out_item *restore_find(struct turn *t, yyjson_val *ev)
{
	int64_t index = yyjson_get_sint(json_get(ev, S("output_index")));
	struct out_item *it = t->out.first;
	while (it && it->at.index != index)
		it = it->next;
	return it;
}

/* What a call's item says of its tool, which the request may no longer be asked for. */
static const struct function_tool *restore_tool_of(struct turn *t, enum item_type type, yyjson_val *item)
{
	enum call_kind kind = call_kind_of_item(type);
	if (kind == CALL_KINDS)
		return NULL;
	struct function_tool *f = new (&t->arena, struct function_tool);
	f->kind = kind;
	f->hosted = hosted_of_output(type, item);
	f->name = f->own = json_str(json_get(item, S("name")));
	f->space = json_str(json_get(item, S("namespace")));
	if (f->hosted && f->hosted->place_in.n)
		f->settled = json_get(item, f->hosted->place_in);
	if (f->hosted && f->hosted->server)
		f->space = json_str(json_get(item, f->hosted->server->label));
	return f;
}

/* As JSON. */
static struct str restore_quoted(struct turn *t, struct str text)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	jo_str(&(struct jout){.b = &b}, text);
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return json;
}

/* What an item of ours has after its status, as it was told; its text, where it was told whole. */
static struct str begun_members(struct turn *t, yyjson_val *item, struct str name, struct str text)
{
	struct json_swap swaps[] = {
	    {STR("id"), {0}}, {STR("type"), {0}}, {STR("status"), {0}}, {STR("call_id"), {0}}, {STR("caller"), {0}}, {name, restore_quoted(t, text)}};
	struct str json = json_swapped(&t->arena, item, swaps, text.p ? 6 : 5);
	return (struct str){json.p + 1, json.n - 2};
}

/* The text of a call of ours. */
static bool restore_on_text(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	const struct hosted *h = it->tool ? it->tool->hosted : NULL;
	struct err e = {0};
	yyjson_val *begun;
	struct str json = str_fmt(&t->arena, "{%.*s}", FMT(it->hosted.members));
	if (h && h->text.member.n && json_parse(&t->arena, json, &begun, &e))
		it->hosted.members = begun_members(t, begun, h->text.member, json_str(json_get(ev, h->text.member)));
	return true;
}

static bool restore_on_added(struct turn *t, struct out_item *none, yyjson_val *ev)
{
	yyjson_val *item = json_get(ev, S("item"));
	struct str id_text = json_str(json_get(item, S("id")));
	struct id id;
	enum item_type type = wire_type_of(json_str(json_get(item, S("type"))));
	if (!type || !id_parse_any(id_text, &id))
		return false;
	struct out_item *it = turn_item_make(t, type, &id);
	if (!it)
		return false;
	it->at.index = yyjson_get_int(json_get(ev, S("output_index")));
	t->out.n = it->at.index + 1;
	it->call_index = -1; /* of a call to the engine that is over */
	it->call_id = json_str(json_get(item, S("call_id")));
	it->caller = json_str(json_get(json_get(item, S("caller")), S("caller_id")));
	it->tool = restore_tool_of(t, type, item);
	if (pair_result(it))
		it->args = item; /* as far as it tells of them */
	if (it->tool && it->tool->hosted && !pair_call(it))
		it->hosted.members = begun_members(t, item, (struct str){0}, (struct str){0});
	return true;
}

/* One of the texts of a call of ours that is two items. */
static bool restore_on_listed(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	struct err none = {0};
	struct jout o = {&it->parts, it->parts.n > 0};
	if (!pair_call(it))
		return true;
	jo_str(&o, json_str(json_get(ev, S("command"))));
	return json_parse(&t->arena, str_fmt(&t->arena, "{\"%.*s\":[%.*s]}", FMT(it->tool->hosted->text.member), FMT(buf_str(&it->parts))),
			  &it->args, &none);
}

static bool restore_on_part(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	struct str type = json_str(json_get(json_get(ev, S("part")), S("type")));
	it->part = it->type == ITEM_MESSAGE ? part_of(type) : TOLD_NONE;
	return true;
}

static bool on_delta(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	struct str text = json_str(json_get(ev, S("delta")));
	yyjson_val *logprobs = json_get(ev, S("logprobs"));
	t->out.bytes += text.n;
	buf_add(&it->text, text);
	if (yyjson_arr_size(logprobs)) {
		struct str json = json_text(&t->arena, logprobs);
		if (it->logprobs.n)
			buf_byte(&it->logprobs, ',');
		buf_add(&it->logprobs, (struct str){json.p + 1, json.n - 2});
	}
	return true;
}

static bool on_input(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	struct str text = json_str(json_get(ev, S("delta")));
	t->out.bytes += text.n;
	buf_add(&it->parts, text);
	return true;
}

static bool on_part_done(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	if (it->type != ITEM_MESSAGE)
		return true;
	/* As it stands in the item: the event that ends it leaves the log probabilities out. */
	struct json_swap logprobs = {STR("logprobs"), str_fmt(&t->arena, "[%.*s]", FMT(buf_str(&it->logprobs)))};
	struct jout o = {&it->parts, it->parts.n > 0};
	jo_raw(&o, json_swapped(&t->arena, json_get(ev, S("part")), &logprobs, 1));
	buf_clear(&it->text);
	buf_clear(&it->logprobs);
	turn_cites_clear(it);
	it->part = TOLD_NONE;
	it->at.part++;
	return true;
}

static bool restore_on_done(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	yyjson_val *item = json_get(ev, S("item"));
	it->done = true;
	it->whole = !call_was_cut(item);
	it->shown = json_text(&t->arena, item);
	it->json = it->hosted.kept.n ? it->hosted.kept : it->shown;
	return true;
}

static bool on_annotation(struct turn *t, struct out_item *it, yyjson_val *ev)
{
	struct out_cites *c = turn_cites_of(t, it);
	if (c->n++)
		buf_byte(&c->json, ',');
	buf_add(&c->json, json_text(&t->arena, json_get(ev, S("annotation"))));
	return true;
}

/* What an item is kept as comes before the event that ends it. */
static bool restore_on_kept(struct turn *t, struct str json)
{
	struct err e = {0};
	yyjson_val *v;
	struct out_item *it = json_parse(&t->arena, json, &v, &e) ? restore_find(t, v) : NULL;
	if (it)
		it->hosted.kept = json_text(&t->arena, json_get(v, S("item")));
	return it;
}

static const struct telling {
	enum event_type type;
	bool (*run)(struct turn *t, struct out_item *it, yyjson_val *ev);
} tellings[] = {
    {EV_ITEM_ADDED, restore_on_added}, {EV_PART_ADDED, restore_on_part},
    {EV_PART_DONE, on_part_done},      {EV_TEXT_DELTA, on_delta},
    {EV_REFUSAL_DELTA, on_delta},      {EV_REASONING_DELTA, on_delta},
    {EV_ARGUMENTS_DELTA, on_delta},    {EV_CUSTOM_INPUT_DELTA, on_input},
    {EV_ITEM_DONE, restore_on_done},   {EV_ANNOTATION_ADDED, on_annotation},
    {EV_CODE_DONE, restore_on_text},
    {EV_SHELL_COMMAND_DONE, restore_on_listed},
};

static bool restore_one(struct turn *t, const struct run_event *told)
{
	struct err e = {0};
	yyjson_val *ev;
	if (!told->name.p)
		return restore_on_kept(t, told->json);
	for (size_t i = 0; i < sizeof tellings / sizeof *tellings; i++) {
		if (!str_eq(event_rows[tellings[i].type].wire, told->name))
			continue;
		if (!json_parse(&t->arena, told->json, &ev, &e))
			return false;
		struct out_item *it = restore_find(t, ev);
		return (it || tellings[i].type == EV_ITEM_ADDED) && tellings[i].run(t, it, ev);
	}
	return true;
}

bool turn_restore(struct turn *t, const struct run_batch *batches, size_t n, bool *begun)
{
	for (size_t i = 0; i < n; i++) {
		struct str rest = batches[i].events;
		struct run_event ev;
		t->seq = batches[i].seq + batches[i].n;
		while (run_entry_next(&rest, &ev)) {
			*begun |= str_eq(ev.name, event_rows[EV_IN_PROGRESS].wire);
			if (!restore_one(t, &ev))
				return false;
		}
	}
	return true;
}
