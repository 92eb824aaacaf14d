/* parts.h - content parts, and unions told apart by `type`, as items, tools and formats use them.
 *
 * Checks only: texts and places are the live API's. Inside model/ alone. Pure. */
#pragma once
#include "wire/fields.h"

/* Ends a field table. */
#define LAST_FIELD {.name = {0}}

/* One member of a union: `fields` has a row for "type" itself. A table ends with {0}. */
struct variant {
	const char *type;
	const struct field *fields;
	const char *const *tolerated; /* further keys that are let through; NULL: none */
};

enum {
	TEXT_MAX = 10485760,  /* characters of a text or output */
	IMAGE_MAX = 20971520, /* of an image_url */
	FILE_MAX = 73400320,  /* of file_data */
	ID_CHARS = 64,        /* of ids that clients make, and of call ids */
	NAME_CHARS = 128,     /* of functions */
};

/* Checks the object `v` by the row of its type. An unknown type's error stands at `path`, as live. */
bool variant_read(const struct variant *table, yyjson_val *v, const char *path, void *ctx, struct err *e);
/* A string (at most TEXT_MAX) or an array of what `part` checks; `expected` is the text for anything else. */
bool text_or_parts(yyjson_val *v, const char *path, const struct field *part, const char *expected, void *ctx,
                   struct err *e);
/* What is known but not served yet; always false. `what` is a plural: "conversations". */
bool later(struct err *e, const char *path, const char *what);

extern const struct field input_part;  /* input_text, input_image, input_file, input_audio */
extern const struct field output_part; /* output_text, refusal */
extern const struct field tool_part;   /* what tools may give back: text, image, file */
extern const struct field summary_part, reasoning_part;
extern const char *const status_values[];
extern const char *const reasoning_efforts[];
