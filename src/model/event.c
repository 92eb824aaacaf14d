/* event.c - the stream events. The hot path of a stream: no formatting but what each member needs. */
#include "model/event.h"

#include <string.h>

const struct event_row event_rows[EV_COUNT] = {
#define EVENT(NAME, wire, members) [EV_##NAME] = {STR(wire), (members)},
#include "model/event.def"
#undef EVENT
};

static void add_int(struct buf *b, int64_t v)
{
	char text[24], *end = text + sizeof text, *p = end;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--p = '-';
	buf_add(b, (struct str){p, (size_t)(end - p)});
}

static void add_str(struct buf *b, struct str s)
{
	buf_byte(b, '"');
	jo_escape(b, s);
	buf_byte(b, '"');
}

/* code, message and param of an error; `type` too in the nested form. */
static void add_error(struct buf *b, const struct err *e, bool nested)
{
	const struct err_row *row = &err_rows[e->code];
	if (nested) {
		buf_add(b, S("\"type\":"));
		add_str(b, str_of(row->type));
		buf_byte(b, ',');
	}
	buf_add(b, S("\"code\":"));
	if (row->code)
		add_str(b, str_of(row->code));
	else
		buf_add(b, S("null"));
	buf_add(b, S(",\"message\":"));
	add_str(b, str_of(e->msg));
	buf_add(b, S(",\"param\":"));
	if (e->param[0])
		add_str(b, str_of(e->param));
	else
		buf_add(b, S("null"));
}

#define BIT(member) __builtin_ctz(member)

/* What each bit writes, and how. */
enum how { HOW_INT, HOW_STR, HOW_RAW };
static const struct member {
	enum how how;
	size_t at;
	struct str lead; /* ,"key": */
} members[] = {
	[BIT(EM_RESPONSE)] = {HOW_RAW, offsetof(struct event, raw), STR(",\"response\":")},
	[BIT(EM_ITEM_ID)] = {HOW_STR, offsetof(struct event, item_id), STR(",\"item_id\":")},
	[BIT(EM_OUTPUT_INDEX)] = {HOW_INT, offsetof(struct event, output_index), STR(",\"output_index\":")},
	[BIT(EM_CONTENT_INDEX)] = {HOW_INT, offsetof(struct event, content_index), STR(",\"content_index\":")},
	[BIT(EM_SUMMARY_INDEX)] = {HOW_INT, offsetof(struct event, summary_index), STR(",\"summary_index\":")},
	[BIT(EM_ANNOTATION_INDEX)] = {HOW_INT, offsetof(struct event, annotation_index), STR(",\"annotation_index\":")},
	[BIT(EM_COMMAND_INDEX)] = {HOW_INT, offsetof(struct event, command_index), STR(",\"command_index\":")},
	[BIT(EM_ITEM)] = {HOW_RAW, offsetof(struct event, raw), STR(",\"item\":")},
	[BIT(EM_PART)] = {HOW_RAW, offsetof(struct event, raw), STR(",\"part\":")},
	[BIT(EM_ANNOTATION)] = {HOW_RAW, offsetof(struct event, raw), STR(",\"annotation\":")},
	[BIT(EM_DELTA)] = {HOW_STR, offsetof(struct event, text), STR(",\"delta\":")},
	[BIT(EM_DELTA_OBJECT)] = {HOW_RAW, offsetof(struct event, raw), STR(",\"delta\":")},
	[BIT(EM_TEXT)] = {HOW_STR, offsetof(struct event, text), STR(",\"text\":")},
	[BIT(EM_REFUSAL)] = {HOW_STR, offsetof(struct event, text), STR(",\"refusal\":")},
	[BIT(EM_ARGUMENTS)] = {HOW_STR, offsetof(struct event, text), STR(",\"arguments\":")},
	[BIT(EM_INPUT)] = {HOW_STR, offsetof(struct event, text), STR(",\"input\":")},
	[BIT(EM_CODE)] = {HOW_STR, offsetof(struct event, text), STR(",\"code\":")},
	[BIT(EM_COMMAND)] = {HOW_STR, offsetof(struct event, text), STR(",\"command\":")},
	[BIT(EM_NAME)] = {HOW_STR, offsetof(struct event, name), STR(",\"name\":")},
	[BIT(EM_OUTPUT)] = {HOW_RAW, offsetof(struct event, raw), STR(",\"output\":")},
	[BIT(EM_PARTIAL_IMAGE)] = {HOW_RAW, offsetof(struct event, raw), STR(",")},
};

static void event_add_member(struct buf *b, const struct member *m, const struct event *ev)
{
	const void *at = (const char *)ev + m->at;
	buf_add(b, m->lead);
	switch (m->how) {
	case HOW_INT:
		add_int(b, *(const int *)at);
		break;
	case HOW_STR:
		add_str(b, *(const struct str *)at);
		break;
	case HOW_RAW: {
		struct str raw = *(const struct str *)at;
		buf_add(b, raw.p ? raw : S("null"));
	}
	}
}

void event_write(struct buf *b, const struct event *ev)
{
	const struct event_row *row = &event_rows[ev->type];
	unsigned left = row->members & ~(unsigned)(EM_LOGPROBS | EM_ERROR | EM_INDEX_FIRST);
	buf_add(b, S("{\"type\":\""));
	buf_add(b, row->wire);
	buf_add(b, S("\",\"sequence_number\":"));
	add_int(b, ev->seq);
	if (row->members & EM_INDEX_FIRST) {
		buf_add(b, S(",\"output_index\":"));
		add_int(b, ev->output_index);
		left &= ~(unsigned)EM_OUTPUT_INDEX;
	}
	for (; left; left &= left - 1)
		event_add_member(b, &members[BIT(left)], ev);
	if (row->members & EM_LOGPROBS) {
		buf_add(b, S(",\"logprobs\":"));
		buf_add(b, ev->logprobs.p ? ev->logprobs : S("[]"));
	}
	if (row->members & EM_ERROR && ev->error) {
		buf_add(b, S(",\"error\":{"));
		add_error(b, ev->error, true);
		buf_add(b, S("},"));
		add_error(b, ev->error, false);
	}
	buf_byte(b, '}');
}

int64_t event_delta(const struct event *ev)
{
	return event_rows[ev->type].members & EM_DELTA ? (int64_t)ev->text.n : -1;
}
