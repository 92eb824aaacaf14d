/* pictures.h - what is asked of an image engine, and what it answers: members, pictures, their bytes.
 *
 * Families differ in what they take (pictures.def). What changes a picture's meaning and cannot be had is refused by
 * name; what only advises is left out, and named in antiphon-not-applied. Pictures are what they are said to be, by their first bytes, and bounded
 * (engine.picture_bytes, engine.picture_pixels). Pure: any thread. */
#pragma once
#include "engine/abilities.h"
#include "model/response.h"
#include "wire/image.h"
#include "wire/jout.h"

struct picture_family {
	struct str name, host;
	bool asked, edits, streams;
	const char *formats, *takes;
};
/* By the name in the settings ("auto": by its host). NULL: no such name. */
const struct picture_family *picture_family_of(struct str name, struct str host);

/* May this member of a request or of an element of `tools`, not null, be honoured? false: *e names it. *goes: it is
 * sent to the engine as it is. Members that every request has (prompt, model, n, size) and unknown ones are the
 * caller's. */
bool picture_member(const struct picture_family *f, struct str name, struct str value, const char *path, bool *goes,
		    struct err *e);

/* Parts of a multipart form; `mark` is its boundary, without dashes. */
void picture_form_text(struct buf *b, struct str mark, struct str name, struct str value);
/* `text`: a data URL or base64 alone. false: it is no picture. */
bool picture_form_file(struct buf *b, struct str mark, struct str name, struct str text);
/* The same of its bytes. */
bool picture_form_bytes(struct buf *b, struct str mark, struct str name, struct str bytes);
void picture_form_end(struct buf *b, struct str mark);

struct picture {
	struct str b64, revised_prompt; /* {0}: none */
	struct image_head head;
};
struct picture_answer {
	struct picture *at;
	size_t n;
	struct str background, quality; /* as the engine says; {0}: it does not */
	bool counted;
	struct picture_usage usage;
};
/* An engine's 200. `format`: what was asked for, {0}: nothing. ERR_ENGINE: it is none, or its pictures are not that. */
bool picture_read(struct arena *a, struct str body, struct str format, struct picture_answer *ret, struct err *e);
/* "png" ... of a picture; its "WxH", in `a`. */
struct str picture_format(const struct picture *p);
struct str picture_size(struct arena *a, const struct picture *p);
