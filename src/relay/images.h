/* images.h - what the routes of /v1/images share. Inside of relay/. Loop thread, but for what says otherwise. */
#pragma once
#include "engine/pictures.h"
#include "relay/relay.h"
#include "wire/fields.h"

enum images_route { IMAGES_GENERATE, IMAGES_EDIT, IMAGES_VARY };
/* Of a request, for its answer. */
struct images_ask {
	const struct picture_family *family;
	enum images_route route;
	bool stream, unapplied;
	struct str format, background, quality; /* {0}: not said */
	struct store *store;
	struct usage_add used;
};
/* Members that every form of a request may have, but for a picture. */
extern const struct field images_fields[];

struct images_ask *images_of(struct relay *r, enum images_route route);
/* One member, not null, as text. *goes: to the engine. */
bool images_member(struct relay *r, struct images_ask *ask, struct str name, struct str value, bool *goes,
		   struct err *e);
/* May this engine change pictures? */
bool images_change(const struct images_ask *ask, struct err *e);
/* An edit that comes as a form. */
extern const struct relay_kind images_edit_form;
/* kind->answer: the pictures are looked at on a worker, then told in the form that was asked for. */
void images_answer(struct relay *r);
