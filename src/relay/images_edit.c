/* images_edit.c - /v1/images/edits as JSON: the pictures that it names are fetched and checked on a worker thread, and
 * go to the engine as the form that engines know. */
#include <stdio.h>

#include "attach/attach_read.h"
#include "base/id.h"
#include "door/file_threads.h"
#include "relay/images.h"
#include "relay/relay_job.h"
#include "store/file.h"
#include "wire/multipart.h"

enum { IMAGES = 16, OTHERS = 32, WHERE = 32, ROOM = 4 /* so many of the largest pictures go to an engine at once */ };

static const struct field edit_picture_fields[] = {
    FIELD_CHECKED("image_url", F_STR, .nullable = true, .min = 1, .max = 20971520),
    FIELD_CHECKED("file_id", F_STR, .nullable = true, .min = 1, .max = 512),
    FIELD_END,
};
static const struct field edit_fields[] = {
    FIELD_CHECKED("images", F_ARRAY, .required = true, .min = 1, .max = IMAGES, .sub = edit_picture_fields),
    FIELD_CHECKED("mask", F_OBJECT, .nullable = true, .sub = edit_picture_fields),
    FIELD_END,
};

/* One picture of the request. */
struct edit_picture {
	struct str url, file; /* one of them is {0} */
	char where[WHERE];
};
/* On its way to a worker, in the job's arena. */
struct edit_form {
	struct store *store;
	int64_t project;
	struct str mark, texts; /* texts: its parts that are no pictures */
	struct edit_picture pictures[IMAGES + 1];
	size_t n; /* without the mask, which is behind them */
	bool mask;
};

/* --- on a worker ------------------------------------------------------------------------------------------------- */

static bool edit_find(const struct edit_form *f, const struct edit_picture *p, struct attachment *at, struct err *e)
{
	struct stored_file file;
	struct err why = {0};
	if (!p->file.n)
		return true;
	if (!file_find(f->store, f->project, p->file, &at->arena, &file, &why)) {
		if (why.code == ERR_NOT_FOUND)
			return fail(e, ERR_IMAGE_NOT_FOUND, p->where, "%s", why.msg);
		*e = why;
		return false;
	}
	at->blob = file.id.key;
	return true;
}

static bool edit_add(struct relay_job *j, const struct edit_form *f, const struct edit_picture *p, struct str name,
		     struct err *e)
{
	struct attachment at = {.part = {.kind = PART_IMAGE,
					 .from = p->file.n ? FROM_FILE : prompt_from(p->url),
					 .text = p->file.n ? p->file : p->url,
					 .where = p->where},
				.store = f->store,
				.vision = true,
				.cancelled = &j->job.cancelled};
	bool ok = edit_find(f, p, &at, e);
	if (ok)
		attachment_read(&at);
	if (ok && at.error.code)
		*e = at.error;
	ok = ok && !at.error.code &&
	     (picture_form_file(&j->out, f->mark, name, at.parts[0].text) ||
	      fail(e, ERR_IMAGE_PARSE, p->where, "The image data you provided does not represent a valid image."));
	arena_free(&at.arena);
	return ok;
}

static bool edit_work(struct relay_job *j, struct err *e)
{
	const struct edit_form *f = j->more;
	struct str name = f->n > 1 ? S("image[]") : S("image");
	buf_init(&j->out, (size_t)engine_limits.picture_bytes * ROOM); /* it is empty yet */
	buf_add(&j->out, f->texts);
	for (size_t i = 0; i < f->n + f->mask; i++)
		if (!edit_add(j, f, &f->pictures[i], i < f->n ? name : S("mask"), e))
			return false;
	picture_form_end(&j->out, f->mark);
	return !j->out.over ||
	       fail(e, ERR_TOO_LARGE, "images", "The pictures of this request have more than %zu bytes together.",
		    (size_t)j->out.max);
}

/* --- the request ------------------------------------------------------------------------------------------------- */

static void edit_made(struct relay *r, struct relay_job *j)
{
	const struct edit_form *f = j->more;
	r->body = str_copy(&r->arena, buf_str(&j->out));
	r->type = str_fmt(&r->arena, "Content-Type: multipart/form-data; boundary=%.*s\r\n", FMT(f->mark));
	relay_go(r);
}

/* The shared members first, as in a form; what only this form has beside them. */
static bool edit_fits(yyjson_val *body, struct err *e)
{
	static const char *const pictures[] = {"images", "mask", NULL};
	const char *others[OTHERS] = {0};
	for (size_t i = 0; images_fields[i].name.n && i + 1 < OTHERS; i++)
		others[i] = images_fields[i].name.p;
	return fields_read(images_fields, body, "", pictures, NULL, NULL, e) &&
	       fields_read(edit_fields, body, "", others, NULL, NULL, e);
}

static bool edit_take(struct arena *a, yyjson_val *v, struct edit_picture *ret, struct err *e)
{
	struct str url = json_str(json_get(v, S("image_url"))), file = json_str(json_get(v, S("file_id")));
	if (!url.n == !file.n)
		return fail(e, ERR_INVALID_VALUE, ret->where,
			    "Invalid value for '%s': expected either 'image_url' or 'file_id'.", ret->where);
	ret->url = url.n ? str_copy(a, url) : url;
	ret->file = file.n ? str_copy(a, file) : file;
	return true;
}

static bool edit_pictures(struct arena *a, yyjson_val *body, struct edit_form *f, struct err *e)
{
	yyjson_val *list = json_get(body, S("images")), *mask = json_get(body, S("mask")), *one;
	size_t i, max;
	yyjson_arr_foreach(list, i, max, one)
	{
		snprintf(f->pictures[i].where, WHERE, "images[%zu]", i);
		if (!edit_take(a, one, &f->pictures[f->n++], e))
			return false;
	}
	f->mask = yyjson_is_obj(mask);
	snprintf(f->pictures[f->n].where, WHERE, "mask");
	return !f->mask || edit_take(a, mask, &f->pictures[f->n], e);
}

static bool edit_texts(struct relay *r, struct images_ask *ask, yyjson_val *body, struct str mark, struct buf *b,
		       struct err *e)
{
	yyjson_obj_iter it = yyjson_obj_iter_with(body);
	for (yyjson_val *key; (key = yyjson_obj_iter_next(&it));) {
		yyjson_val *v = yyjson_obj_iter_get_val(key);
		struct str name = json_str(key), text = yyjson_is_str(v) ? json_str(v) : json_text(&r->arena, v);
		bool goes;
		if (yyjson_is_null(v) || str_eq(name, S("model")) || str_eq(name, S("images")) ||
		    str_eq(name, S("mask")))
			continue;
		if (!images_member(r, ask, name, text, &goes, e))
			return false;
		if (goes)
			picture_form_text(b, mark, name, text);
	}
	if (r->at.model.n)
		picture_form_text(b, mark, S("model"), r->at.model);
	if (ask->family->asked)
		picture_form_text(b, mark, S("response_format"), S("b64_json"));
	r->raw = ask->stream && ask->family->streams;
	return true;
}

static bool edit_gather(struct relay *r, yyjson_val *body, struct err *e)
{
	struct images_ask *ask = images_of(r, IMAGES_EDIT);
	char id[ID_MAX];
	struct buf texts;
	if (!edit_fits(body, e) || !images_change(ask, e))
		return false;
	struct relay_job *j = relay_job_new(r, edit_work);
	struct edit_form *f = new (&j->arena, struct edit_form);
	f->store = r->api->api->options.store;
	f->project = r->rq->project;
	f->mark = str_copy(&j->arena, id_random(id, "antiphon"));
	buf_init(&texts, SIZE_MAX / 2); /* the body's own are bounded by its table */
	bool ok = edit_texts(r, ask, body, f->mark, &texts, e) && edit_pictures(&j->arena, body, f, e);
	f->texts = str_copy(&j->arena, buf_str(&texts));
	buf_release(&texts);
	j->more = f;
	j->then = edit_made;
	if (ok)
		relay_job_start(j, disk_fetchers(r->api));
	else
		relay_job_free(j);
	return ok;
}

void images_edit(struct request *rq);
void images_edit(struct request *rq)
{
	static const struct relay_kind json = {
	    .path = PATH_IMAGE_EDITS, .gather = edit_gather, .answer = images_answer};
	if (multipart_type(exchange_header(rq->x, S("content-type"))))
		relay_start_form(rq, &images_edit_form);
	else
		relay_start(rq, &json);
}
