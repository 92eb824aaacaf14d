/* teller.c - the events of an item: its parts and its thoughts. */
#include "model/teller.h"

static const struct part_row {
	struct str type, member;
	bool cited; /* it has annotations and log probabilities */
	enum event_type added, delta, text_done, done;
} part_rows[TOLD_PARTS] = {
    [TOLD_TEXT] = {STR("output_text"), STR("text"), true, EV_PART_ADDED, EV_TEXT_DELTA, EV_TEXT_DONE, EV_PART_DONE},
    [TOLD_REFUSAL] = {STR("refusal"), STR("refusal"), false, EV_PART_ADDED, EV_REFUSAL_DELTA, EV_REFUSAL_DONE,
		      EV_PART_DONE},
    [TOLD_REASONING] = {STR("reasoning_text"), STR("text"), false, EV_PART_ADDED, EV_REASONING_DELTA, EV_REASONING_DONE,
			EV_PART_DONE},
    [TOLD_SUMMARY] = {STR("summary_text"), STR("text"), false, EV_SUMMARY_PART_ADDED, EV_SUMMARY_TEXT_DELTA,
		      EV_SUMMARY_TEXT_DONE, EV_SUMMARY_PART_DONE},
};

enum told_part part_of(struct str type)
{
	enum told_part kind = TOLD_NONE + 1;
	while (kind < TOLD_PARTS && !str_eq(part_rows[kind].type, type))
		kind++;
	return kind < TOLD_PARTS ? kind : TOLD_NONE;
}

struct str part_member(enum told_part kind)
{
	return part_rows[kind].member;
}

static void part_write_list(struct jout *o, struct str key, struct str elements)
{
	jo_key(o, key);
	jo_arr(o);
	if (elements.n)
		jo_raw(o, elements);
	jo_arr_end(o);
}

void part_write(struct jout *o, enum told_part kind, const struct part_said *said)
{
	const struct part_row *row = &part_rows[kind];
	jo_obj(o);
	jo_key(o, S("type"));
	jo_str(o, row->type);
	if (row->cited) {
		part_write_list(o, S("annotations"), said->annotations);
		part_write_list(o, S("logprobs"), said->logprobs);
	}
	jo_key(o, row->member);
	jo_str(o, said->text);
	jo_obj_end(o);
}

/* --- events ----------------------------------------------------------------------------------------------- */

void tell_raw(struct teller *to, const struct told *at, enum event_type type, struct str json)
{
	struct event ev = tell_event(at, type);
	ev.raw = json;
	to->emit(to, &ev);
}

void tell_compaction(struct teller *to, const struct told *at, struct str json, bool alone)
{
	tell_raw(to, at, EV_ITEM_ADDED, json);
	if (alone)
		tell(to, at, EV_COMPACTION_COMPACTING, (struct str){0});
	tell_raw(to, at, EV_ITEM_DONE, json);
}

static void tell_part_as(struct teller *to, const struct told *at, enum event_type type, enum told_part kind,
			 const struct part_said *said)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	if (to->heard(to))
		part_write(&(struct jout){.b = &b}, kind, said);
	tell_raw(to, at, type, buf_str(&b));
	buf_release(&b);
}

void tell_part(struct teller *to, const struct told *at, enum told_part kind)
{
	tell_part_as(to, at, part_rows[kind].added, kind, &(struct part_said){.text = STR("")});
}

void tell_piece(struct teller *to, const struct told *at, enum told_part kind, struct str text, struct str logprobs)
{
	struct event ev = tell_event(at, part_rows[kind].delta);
	ev.text = text;
	ev.logprobs = logprobs;
	to->emit(to, &ev);
}

void tell_annotation(struct teller *to, const struct told *at, int nth, struct str json)
{
	struct event ev = tell_event(at, EV_ANNOTATION_ADDED);
	ev.annotation_index = nth;
	ev.raw = json;
	to->emit(to, &ev);
}

/* Log probabilities stand in the event that ends the text, not in that which ends the part, as live. */
void tell_part_end(struct teller *to, const struct told *at, enum told_part kind, const struct part_said *said)
{
	struct event ev = tell_event(at, part_rows[kind].text_done);
	struct part_said rest = {.text = said->text, .annotations = said->annotations};
	struct buf list;
	buf_init(&list, SIZE_MAX / 2);
	ev.text = said->text;
	if (said->logprobs.n && to->heard(to)) {
		buf_byte(&list, '[');
		buf_add(&list, said->logprobs);
		buf_byte(&list, ']');
		ev.logprobs = buf_str(&list);
	}
	to->emit(to, &ev);
	buf_release(&list);
	tell_part_as(to, at, part_rows[kind].done, kind, &rest);
}

/* --- thoughts --------------------------------------------------------------------------------------------- */

void tell_thoughts(struct teller *to, const struct told *at, struct told_thoughts as)
{
	if (as.content)
		tell_part(to, at, TOLD_REASONING);
	if (as.summary)
		tell_part(to, at, TOLD_SUMMARY);
}

void tell_thought(struct teller *to, const struct told *at, struct told_thoughts as, struct str text)
{
	if (as.content)
		tell(to, at, EV_REASONING_DELTA, text);
	if (as.summary)
		tell(to, at, EV_SUMMARY_TEXT_DELTA, text);
}

void tell_thoughts_end(struct teller *to, const struct told *at, struct told_thoughts as, struct str text)
{
	struct part_said said = {.text = text};
	if (as.content)
		tell_part_end(to, at, TOLD_REASONING, &said);
	if (as.summary)
		tell_part_end(to, at, TOLD_SUMMARY, &said);
}
