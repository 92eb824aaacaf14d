/* images_form.c - /v1/images/edits and /v1/images/variations as multipart forms, passed on while they come. */
#include "relay/images.h"
#include "relay/relay_form.h"

static bool form_takes(const struct images_ask *ask, struct str name)
{
	static const struct str varied[] = {STR("model"), STR("n"), STR("size"), STR("response_format"), STR("user")};
	for (size_t i = 0; ask->route == IMAGES_VARY && i < sizeof varied / sizeof *varied; i++)
		if (str_eq(varied[i], name))
			return true;
	for (const struct field *f = images_fields; ask->route != IMAGES_VARY && f->name.n; f++)
		if (str_eq(f->name, name))
			return true;
	return false;
}

static bool form_part(struct relay *r, struct images_ask *ask, struct str name, bool *take, struct err *e)
{
	*take = true;
	if (form_takes(ask, name))
		return true;
	if (str_eq(name, S("image")) || str_eq(name, S("image[]")) || str_eq(name, S("mask")))
		return fail(e, ERR_INVALID_TYPE, name.p,
			    "Invalid type for '%.*s': expected a file, but got a string instead.", FMT(name));
	return fail(e, ERR_UNKNOWN_PARAMETER, name.p, "Unknown parameter: '%.*s'.", FMT(name));
}

static bool form_edit_part(struct relay *r, struct str name, bool *take, struct err *e)
{
	struct images_ask *ask = images_of(r, IMAGES_EDIT);
	return images_change(ask, e) && form_part(r, ask, name, take, e);
}

static bool form_vary_part(struct relay *r, struct str name, bool *take, struct err *e)
{
	return form_part(r, images_of(r, IMAGES_VARY), name, take, e);
}

static bool form_took(struct relay *r, struct str name, struct str value, struct err *e)
{
	bool goes;
	if (!images_member(r, r->more, name, value, &goes, e))
		return false;
	if (goes)
		relay_form_add(r, name, value);
	return true;
}

static void form_add(struct relay *r, struct images_ask *ask)
{
	if (ask->family->asked)
		relay_form_add(r, S("response_format"), S("b64_json"));
	r->raw = ask->stream && ask->family->streams;
}

static void form_edit_add(struct relay *r)
{
	form_add(r, images_of(r, IMAGES_EDIT));
}

static void form_vary_add(struct relay *r)
{
	form_add(r, images_of(r, IMAGES_VARY));
}

const struct relay_kind images_edit_form = {
    .path = PATH_IMAGE_EDITS, .part = form_edit_part, .took = form_took, .add = form_edit_add, .answer = images_answer};

void images_vary(struct request *rq);
void images_vary(struct request *rq)
{
	static const struct relay_kind kind = {.path = PATH_IMAGE_VARIATIONS,
					       .part = form_vary_part,
					       .took = form_took,
					       .add = form_vary_add,
					       .answer = images_answer};
	relay_start_form(rq, &kind);
}
