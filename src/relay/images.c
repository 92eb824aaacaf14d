/* images.c - /v1/images: pictures from the engine that makes them, looked at before they are handed on. */
#include "relay/images.h"

#include "base/clock.h"
#include "base/log.h"
#include "door/file_threads.h"
#include "quota/prices.h"
#include "relay/relay_job.h"

enum { PROMPT_CHARS = 32000, PICTURES = 10 };

static const char *const images_backgrounds[] = {"transparent", "opaque", "auto", NULL};
static const char *const images_moderations[] = {"low", "auto", NULL};
static const char *const images_formats[] = {"png", "jpeg", "webp", NULL};
static const char *const images_qualities[] = {"standard", "hd", "low", "medium", "high", "auto", NULL};
static const char *const images_answers[] = {"url", "b64_json", NULL};
static const char *const images_styles[] = {"vivid", "natural", NULL};
static const char *const images_fidelities[] = {"high", "low", NULL};
const struct field images_fields[] = {
    FIELD_CHECKED("prompt", F_STR, .required = true, .min = 1, .max = PROMPT_CHARS),
    FIELD_CHECKED("model", F_STR, .nullable = true, .max = 256),
    FIELD_CHECKED("n", F_INT, .nullable = true, .min = 1, .max = PICTURES),
    FIELD_CHECKED("size", F_STR, .nullable = true, .max = 32),
    FIELD_CHECKED("background", F_ENUM, .nullable = true, .values = images_backgrounds),
    FIELD_CHECKED("moderation", F_ENUM, .nullable = true, .values = images_moderations),
    FIELD_CHECKED("output_compression", F_INT, .nullable = true, .min = 0, .max = 100),
    FIELD_CHECKED("output_format", F_ENUM, .nullable = true, .values = images_formats),
    FIELD_CHECKED("partial_images", F_INT, .nullable = true, .min = 0, .max = 3),
    FIELD_CHECKED("quality", F_ENUM, .nullable = true, .values = images_qualities),
    FIELD_CHECKED("response_format", F_ENUM, .nullable = true, .values = images_answers),
    FIELD_CHECKED("stream", F_BOOL, .nullable = true),
    FIELD_CHECKED("style", F_ENUM, .nullable = true, .values = images_styles),
    FIELD_CHECKED("user", F_STR, .nullable = true, .max = 512),
    FIELD_CHECKED("input_fidelity", F_ENUM, .nullable = true,
		  .values = images_fidelities), /* from here on: edits alone */
    FIELD_END,
};

/* --- the answer --- */

static void images_write_json(struct relay_job *j, const struct images_ask *ask, const struct picture_answer *got)
{
	struct jout o = {&j->out, false};
	jo_obj(&o);
	jo_kint(&o, "created", clock_wall_s());
	if (got->background.n || ask->background.n)
		jo_kstr(&o, "background", got->background.n ? got->background : ask->background);
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < got->n; i++) {
		jo_obj(&o);
		jo_kstr(&o, "b64_json", got->at[i].b64);
		if (got->at[i].revised_prompt.n)
			jo_kstr(&o, "revised_prompt", got->at[i].revised_prompt);
		jo_obj_end(&o);
	}
	jo_arr_end(&o);
	jo_kstr(&o, "output_format", picture_format(&got->at[0]));
	if (got->quality.n || ask->quality.n)
		jo_kstr(&o, "quality", got->quality.n ? got->quality : ask->quality);
	jo_kstr(&o, "size", picture_size(&j->arena, &got->at[0]));
	if (got->counted) {
		jo_key(&o, S("usage"));
		picture_usage_write(&o, &got->usage);
	}
	jo_obj_end(&o);
}

static void images_write_event(struct relay_job *j, const struct images_ask *ask, const struct picture_answer *got,
			       size_t i)
{
	struct str name = ask->route == IMAGES_EDIT ? S("image_edit.completed") : S("image_generation.completed"),
		   automatic = S("auto");
	buf_fmt(&j->out, "event: %.*s\ndata: ", FMT(name));
	struct jout o = {&j->out, false};
	jo_obj(&o);
	jo_kstr(&o, "type", name);
	jo_kstr(&o, "b64_json", got->at[i].b64);
	jo_kint(&o, "created_at", clock_wall_s());
	jo_kstr(&o, "size", picture_size(&j->arena, &got->at[i]));
	jo_kstr(&o, "quality", got->quality.n ? got->quality : ask->quality.n ? ask->quality : automatic);
	jo_kstr(&o, "background",
		got->background.n   ? got->background
		: ask->background.n ? ask->background
				    : automatic);
	jo_kstr(&o, "output_format", picture_format(&got->at[i]));
	jo_key(&o, S("usage"));
	picture_usage_write(&o, &got->usage);
	jo_obj_end(&o);
	buf_add(&j->out, S("\n\n"));
}

/* What cannot be counted is answered all the same. */
static void images_count(const struct images_ask *ask, const struct picture_answer *got)
{
	struct usage_add used = ask->used;
	struct err e = {0};
	used.n = (struct usage_numbers){.requests = 1,
					.units = (int64_t)got->n,
					.input = got->usage.input,
					.output = got->usage.output};
	prices_apply(&used);
	if (!usage_keep(ask->store, &used, &e))
		log_at(LOG_ERROR, "usage could not be counted", "of=images error=\"%s\"", e.msg);
}

static bool images_work(struct relay_job *j, struct err *e)
{
	const struct images_ask *ask = j->more;
	struct picture_answer got;
	if (!picture_read(&j->arena, buf_str(&j->in), ask->format, &got, e))
		return false;
	images_count(ask, &got);
	if (!ask->stream)
		images_write_json(j, ask, &got);
	for (size_t i = 0; ask->stream && i < got.n; i++)
		images_write_event(j, ask, &got, i);
	if (ask->stream)
		j->type = S("text/event-stream; charset=utf-8");
	return true;
}

static struct str images_copy(struct arena *a, struct str s)
{
	return s.n ? str_copy(a, s) : s;
}

void images_answer(struct relay *r)
{
	struct relay_job *j = relay_job_new(r, images_work);
	struct images_ask *ask = new (&j->arena, struct images_ask);
	*ask = *(const struct images_ask *)r->more;
	ask->format = images_copy(&j->arena, ask->format);
	ask->background = images_copy(&j->arena, ask->background);
	ask->quality = images_copy(&j->arena, ask->quality);
	ask->store = r->api->api->options.store;
	ask->used = (struct usage_add){.project = r->rq->project,
				       .key = r->rq->key.key,
				       .model = str_copy(&j->arena, r->at.model),
				       .kind = USAGE_IMAGES,
				       .batch = r->rq->low};
	j->more = ask;
	relay_job_start(j, disk_searchers(r->api));
}

/* --- the question --- */

struct images_ask *images_of(struct relay *r, enum images_route route)
{
	struct images_ask *ask = r->more;
	if (ask)
		return ask;
	ask = new (&r->arena, struct images_ask);
	ask->route = route;
	ask->family = picture_family_of(r->at.family, r->at.target->host);
	r->more = ask;
	return ask;
}

static void images_unapplied(struct relay *r, struct images_ask *ask, struct str name)
{
	exchange_add_header(r->rq->x, S("antiphon-not-applied"), name);
	ask->unapplied = true;
}

/* What a request says that an engine does anyhow. */
static bool images_usual(struct str value)
{
	static const struct str usual[] = {STR("auto"), STR("opaque"), STR("png"), STR("100"), STR("vivid")};
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (str_eq(value, usual[i]))
			return true;
	return false;
}

/* One member, not null, as text. *goes: to the engine. */
bool images_member(struct relay *r, struct images_ask *ask, struct str name, struct str value, bool *goes,
		   struct err *e)
{
	static const struct str always[] = {STR("prompt"), STR("model"), STR("n"), STR("size")};
	*goes = true;
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (str_eq(name, always[i]))
			return true;
	bool says_stream = str_eq(name, S("stream")), partial = str_eq(name, S("partial_images"));
	if (says_stream)
		ask->stream = str_eq(value, S("true"));
	if (str_eq(name, S("output_format")))
		ask->format = images_copy(&r->arena, value);
	if (str_eq(name, S("background")) && !str_eq(value, S("auto")))
		ask->background = images_copy(&r->arena, value);
	if (str_eq(name, S("quality")) && !str_eq(value, S("auto")))
		ask->quality = images_copy(&r->arena, value);
	*goes = false;
	if (str_eq(name, S("response_format")))
		return str_eq(value, S("b64_json")) || fail(e, ERR_UNSUPPORTED_VALUE, "response_format",
							    "Unsupported value: 'response_format' does not support "
							    "'url' here: pictures come as 'b64_json'.");
	if (says_stream || partial) {
		*goes = ask->family->streams;
		if (partial && !*goes && !str_eq(value, S("0")))
			images_unapplied(r, ask, name);
		return true;
	}
	if (!picture_member(ask->family, name, value, name.p, goes, e))
		return false;
	if (!*goes && !images_usual(value)) /* the format is looked at when the picture is there */
		images_unapplied(r, ask, name);
	return true;
}

bool images_change(const struct images_ask *ask, struct err *e)
{
	return ask->family->edits ||
	       fail(e, ERR_UNSUPPORTED_VALUE, NULL, "The image engine (family '%.*s') changes no pictures.",
		    FMT(ask->family->name));
}

static bool images_ask_json(struct relay *r, yyjson_val *body, struct jout *o, struct err *e)
{
	struct images_ask *ask = images_of(r, IMAGES_GENERATE);
	yyjson_obj_iter it = yyjson_obj_iter_with(body);
	if (!fields_read(images_fields, body, "", NULL, NULL, NULL, e))
		return false;
	jo_obj(o);
	for (yyjson_val *key; (key = yyjson_obj_iter_next(&it));) {
		yyjson_val *v = yyjson_obj_iter_get_val(key);
		struct str name = json_str(key), text = yyjson_is_str(v) ? json_str(v) : json_text(&r->arena, v);
		bool goes;
		if (yyjson_is_null(v) || str_eq(name, S("model")))
			continue;
		if (!images_member(r, ask, name, text, &goes, e))
			return false;
		if (!goes)
			continue;
		jo_key(o, name);
		jo_val(o, v);
	}
	if (r->at.model.n)
		jo_kstr(o, "model", r->at.model);
	if (ask->family->asked)
		jo_kstr(o, "response_format", S("b64_json"));
	jo_obj_end(o);
	r->raw = ask->stream && ask->family->streams;
	return true;
}

void images_create(struct request *rq);
void images_create(struct request *rq)
{
	static const struct relay_kind kind = {
	    .path = PATH_IMAGE_GENERATIONS, .ask = images_ask_json, .answer = images_answer};
	relay_start(rq, &kind);
}
