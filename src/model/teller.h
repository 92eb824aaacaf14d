/* teller.h - the events of an item: told while it is made, and told again from what is stored of it.
 *
 * One function a kind of thing that is told. A turn feeds pieces as they come (turn/), replay/rebuild.c feeds whole
 * texts; so both tell the same. Calls: tell_call.h. Pure, but for what the teller's owner does with an event. */
#pragma once
#include "model/event.h"
#include "wire/jout.h"

/* Embedded in its owner. */
struct teller {
	void (*emit)(struct teller *, struct event *); /* gives it its number and sends it */
	bool (*heard)(const struct teller *); /* false: nobody reads it, and what stands in it need not be rendered */
};
/* The item of which something is told. */
struct told {
	struct str id;
	int index, part; /* output_index; content_index and summary_index */
};
/* The kinds of parts. */
enum told_part { TOLD_NONE, TOLD_TEXT, TOLD_REFUSAL, TOLD_REASONING, TOLD_SUMMARY, TOLD_PARTS };
/* All that a part says; logprobs and annotations are elements joined by commas, {0} where it has none. */
struct part_said {
	struct str text, annotations, logprobs;
};

static inline struct event tell_event(const struct told *at, enum event_type type)
{
	return (struct event){.type = type,
			      .item_id = at->id,
			      .output_index = at->index,
			      .content_index = at->part,
			      .summary_index = at->part};
}
/* An event that says where it stands, and maybe a text: a piece of one, or all of it. */
static inline void tell(struct teller *to, const struct told *at, enum event_type type, struct str text)
{
	struct event ev = tell_event(at, type);
	ev.text = text;
	to->emit(to, &ev);
}
/* An event with an item, a part or the like. */
void tell_raw(struct teller *to, const struct told *at, enum event_type type, struct str json);

/* A compaction, which is whole at once. `alone`: it is all that was asked for. */
void tell_compaction(struct teller *to, const struct told *at, struct str json, bool alone);

/* The kind of a part by its wire name; TOLD_NONE. */
enum told_part part_of(struct str type);
/* The member of its text. */
struct str part_member(enum told_part kind);
/* The part as items have it. */
void part_write(struct jout *o, enum told_part kind, const struct part_said *said);

/* A part begins, goes on, is cited in, ends. logprobs {0}, or a JSON array. */
void tell_part(struct teller *to, const struct told *at, enum told_part kind);
void tell_piece(struct teller *to, const struct told *at, enum told_part kind, struct str text, struct str logprobs);
void tell_annotation(struct teller *to, const struct told *at, int nth, struct str json);
void tell_part_end(struct teller *to, const struct told *at, enum told_part kind, const struct part_said *said);
/* The same of thoughts, which are told as content, as a summary, or as both side by side. */
struct told_thoughts {
	bool content, summary;
};
void tell_thoughts(struct teller *to, const struct told *at, struct told_thoughts as);
void tell_thought(struct teller *to, const struct told *at, struct told_thoughts as, struct str text);
void tell_thoughts_end(struct teller *to, const struct told *at, struct told_thoughts as, struct str text);
