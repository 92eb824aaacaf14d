/* event.h - the stream events: event.def lists all of them, with what each carries.
 *
 * A row: name, wire type, payload members (bits, written in the order of the recordings). One function
 * renders any of them. Pure. */
#pragma once
#include "wire/json.h"

/* Payload members; written in the order of their bits after type and sequence_number. */
enum event_member {
	EM_RESPONSE = 1 << 0, /* raw */
	EM_ITEM_ID = 1 << 1,
	EM_OUTPUT_INDEX = 1 << 2,
	EM_CONTENT_INDEX = 1 << 3,
	EM_SUMMARY_INDEX = 1 << 4,
	EM_ANNOTATION_INDEX = 1 << 5,
	EM_COMMAND_INDEX = 1 << 6,
	EM_ITEM = 1 << 7, /* raw */
	EM_PART = 1 << 8, /* raw */
	EM_ANNOTATION = 1 << 9, /* raw */
	EM_DELTA = 1 << 10,
	EM_DELTA_OBJECT = 1 << 11, /* raw, under "delta" */
	EM_TEXT = 1 << 12,
	EM_REFUSAL = 1 << 13,
	EM_ARGUMENTS = 1 << 14,
	EM_INPUT = 1 << 15,
	EM_CODE = 1 << 16,
	EM_COMMAND = 1 << 17,
	EM_NAME = 1 << 18,
	EM_OUTPUT = 1 << 19, /* raw */
	EM_PARTIAL_IMAGE = 1 << 20,
	/* Written apart. */
	EM_LOGPROBS = 1 << 21, /* raw; "[]" when absent */
	EM_ERROR = 1 << 22, /* nested error object and the flat code, message, param: clients read either */
	EM_INDEX_FIRST = 1 << 23, /* no member: output_index before item_id */
};

enum event_type {
#define EVENT(NAME, wire, members) EV_##NAME,
#include "model/event.def"
#undef EVENT
	EV_COUNT
};

struct event_row {
	struct str wire;
	unsigned members;
};
extern const struct event_row event_rows[EV_COUNT];

struct event {
	enum event_type type;
	int64_t seq;
	int output_index, content_index, summary_index, annotation_index, command_index;
	struct str item_id;
	struct str text;      /* delta, text, refusal, arguments, input, code, command: the row says which */
	struct str name;
	struct str raw;       /* response, item, part, annotation, output as JSON; a partial image: its members */
	struct str logprobs;  /* JSON array; {0}: [] */
	const struct err *error;
};

/* Appends the event's JSON object to `b`. */
void event_write(struct buf *b, const struct event *ev);
/* Bytes of the delta when the event has a string delta (it is then obfuscated), else -1. */
int64_t event_delta(const struct event *ev);
