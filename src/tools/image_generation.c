/* image_generation.c - the hosted tool image_generation: an image engine makes or changes a picture. */
#include <sodium.h>
#include <string.h>

#include "base/id.h"
#include "engine/pictures.h"
#include "net/fetch.h"
#include "store/blob.h"
#include "store/file.h"
#include "tools/internal.h"
#include "tools/toolrun.h"

enum { PROMPT_MOST = 32000 /* characters */, SOURCES = 4 };

static const char *const image_actions[] = {"generate", "edit", "auto", NULL};
static const struct field image_params[] = {
    FIELD_CHECKED("prompt", F_STR, .required = true, .min = 1, .max = PROMPT_MOST),
    FIELD_CHECKED("action", F_ENUM, .nullable = true, .values = image_actions),
    FIELD_CHECKED("size", F_STR, .nullable = true, .max = 32),
    FIELD_END,
};
/* What goes out as it is, where the engine's family takes it. */
static const struct str image_members[] = {STR("background"),         STR("input_fidelity"), STR("moderation"),
					   STR("output_compression"), STR("output_format"),  STR("quality")};
enum { MEMBERS = sizeof image_members / sizeof *image_members };

/* --- what is configured --- */

/* The request's model, where it names one. */
static bool image_engine(const struct tools_options *o, struct arena *a, yyjson_val *given, enum ability_path path,
			 struct ability_at *at, const struct picture_family **family, struct err *e)
{
	if (!ability_find(o->engines, a, path, json_str(json_get(given, S("model"))), at, e))
		return false;
	*family = picture_family_of(at->family, at->target->host);
	return true;
}

static struct str image_text(struct arena *a, yyjson_val *v)
{
	return yyjson_is_str(v) ? json_str(v) : json_text(a, v);
}

static bool image_asks(yyjson_val *v)
{
	return v && !yyjson_is_null(v);
}

static bool image_mask_fits(yyjson_val *given, const char *path, struct err *e)
{
	yyjson_val *mask = json_get(given, S("input_image_mask"));
	char place[128];
	field_path(place, path, "input_image_mask");
	struct str url = json_str(json_get(mask, S("image_url"))), file = json_str(json_get(mask, S("file_id")));
	if (image_asks(mask) && !url.n == !file.n)
		return fail(e, ERR_INVALID_VALUE, place, "Invalid value for '%s': expected either 'image_url' or 'file_id'.",
			    place);
	return !url.n || str_starts(url, S("data:")) ||
	       fail(e, ERR_UNSUPPORTED_VALUE, place,
		    "Unsupported value: '%s.image_url' is taken as a data URL alone by this server; or upload the mask, and give its "
		    "'file_id'.",
		    place);
}

/* Into the form `b`: a file of the project's, or the data URL. true: there is none. */
static bool image_mask_put(const struct tools_options *o, int64_t project, yyjson_val *given, struct str mark, struct buf *b,
			   struct err *e)
{
	yyjson_val *mask = json_get(given, S("input_image_mask"));
	struct str url = json_str(json_get(mask, S("image_url"))), id = json_str(json_get(mask, S("file_id")));
	struct arena a = {0};
	struct buf bytes;
	struct stored_file f;
	buf_init(&bytes, (size_t)engine_limits.picture_bytes);
	bool ok = !id.n || (file_find(o->store, project, id, &a, &f, e) && blob_read(o->store, f.id.key, &bytes, e));
	if (!ok && e->code == ERR_NOT_FOUND)
		e->code = ERR_IMAGE_NOT_FOUND;
	if (ok && bytes.over)
		ok = fail(e, ERR_TOO_LARGE, NULL, "The mask '%.*s' has more than %lld bytes.", FMT(id),
			  (long long)engine_limits.picture_bytes);
	if (ok && !(id.n    ? picture_form_bytes(b, mark, S("mask"), buf_str(&bytes))
		    : url.n ? picture_form_file(b, mark, S("mask"), url)
			    : true))
		ok = fail(e, ERR_IMAGE_PARSE, NULL, "The image data you provided does not represent a valid image.");
	buf_release(&bytes);
	arena_free(&a);
	return ok;
}

/* A mask is there and is a picture, before a token is spent. */
static bool image_checks(const struct tools *t, int64_t project, yyjson_val *given, const char *path, struct err *e)
{
	struct err why = {0};
	struct buf scratch;
	char place[128];
	buf_init(&scratch, (size_t)engine_limits.picture_bytes + 4096);
	field_path(place, path, "input_image_mask");
	bool ok = image_mask_put(&t->options, project, given, S(""), &scratch, &why) || fail(e, why.code, place, "%s", why.msg);
	buf_release(&scratch);
	return ok;
}

static bool image_size_fits(yyjson_val *given, const char *path, struct err *e)
{
	struct str size = json_str(json_get(given, S("size"))), rest = size, width = str_cut(&rest, 'x');
	int64_t w = 1, h = 1;
	char place[128];
	field_path(place, path, "size");
	if (!size.n || str_eq(size, S("auto")))
		return true;
	if (!str_int(width, &w) || !str_int(rest, &h) || w < 1 || h < 1 || w > 65535 || h > 65535 ||
	    w * h > engine_limits.picture_pixels)
		return fail(
		    e, ERR_INVALID_VALUE, place,
		    "Invalid value: '%.*s'. Supported values are: 'auto', or WIDTHxHEIGHT of at most %lld pixels.",
		    FMT(size), (long long)engine_limits.picture_pixels);
	return true;
}

/* Of an element that the engine's family is asked about. */
static bool image_members_fit(const struct picture_family *f, struct arena *a, yyjson_val *given, const char *path,
			      struct err *e)
{
	yyjson_obj_iter it = yyjson_obj_iter_with(given);
	for (yyjson_val *key; (key = yyjson_obj_iter_next(&it));) {
		yyjson_val *v = yyjson_obj_iter_get_val(key);
		char place[128];
		bool goes;
		field_path(place, path, json_str(key).p);
		if (image_asks(v) && !picture_member(f, json_str(key), image_text(a, v), place, &goes, e))
			return false;
	}
	return true;
}

static bool image_serves(const struct tools_options *o, yyjson_val *given, const char *path, struct err *e)
{
	const struct picture_family *f;
	struct ability_at at;
	struct arena a = {0};
	bool edit = str_eq(json_str(json_get(given, S("action"))), S("edit"));
	if (!o->engines || !ability_own(o->engines, ABILITY_IMAGES))
		return fail(e, ERR_UNSUPPORTED_VALUE, path,
			    "Unsupported value: 'image_generation' needs an image engine: start with --set "
			    "images.engine=http://127.0.0.1:9000/v1");
	bool ok = image_engine(o, &a, given, PATH_IMAGE_GENERATIONS, &at, &f, e);
	if (ok && edit && !f->edits)
		ok = fail(e, ERR_UNSUPPORTED_VALUE, path,
			  "Unsupported value: 'edit'. The image engine (family '%.*s') changes no pictures.",
			  FMT(f->name));
	ok = ok && image_mask_fits(given, path, e) && image_size_fits(given, path, e) &&
	     image_members_fit(f, &a, given, path, e);
	arena_free(&a);
	return ok;
}

static void image_unapplied(const struct tools_options *o, yyjson_val *given, const char *path, struct buf *list)
{
	const struct picture_family *f;
	struct ability_at at;
	struct arena a = {0};
	struct err none = {0};
	bool goes;
	if (yyjson_get_num(json_get(given, S("partial_images"))) > 0)
		buf_fmt(list, "%s%s.partial_images", list->n ? ", " : "", path);
	bool ok = o->engines && image_engine(o, &a, given, PATH_IMAGE_GENERATIONS, &at, &f, &none);
	for (int i = 0; ok && i < MEMBERS; i++) {
		yyjson_val *v = json_get(given, image_members[i]);
		struct str text = image_asks(v) ? image_text(&a, v) : S("auto");
		bool default_one = str_eq(text, S("auto")) || str_eq(text, S("opaque")) || str_eq(text, S("png")) ||
				   str_eq(text, S("100"));
		if (!default_one && picture_member(f, image_members[i], text, "", &goes, &none) && !goes)
			buf_fmt(list, "%s%s.%.*s", list->n ? ", " : "", path, FMT(image_members[i]));
	}
	arena_free(&a);
}

/* --- the question --- */

struct image_ask {
	struct ability_at at;
	const struct picture_family *family;
	enum ability_path path;
	bool edit;
	struct str size; /* {0}: the engine's own */
	struct str mark; /* of the form */
	struct buf body;
};

/* A member, as JSON or as a part of the form. */
static void image_put(struct image_ask *ask, struct jout *o, struct str name, struct str value, bool number)
{
	if (ask->edit) {
		picture_form_text(&ask->body, ask->mark, name, value);
	} else {
		jo_key(o, name);
		if (number)
			jo_raw(o, value);
		else
			jo_str(o, value);
	}
}

static bool image_put_file(struct toolrun *run, struct image_ask *ask, struct str name, struct str text)
{
	return picture_form_file(&ask->body, ask->mark, name, text) ||
	       toolrun_fail(run, "A picture that was to be changed cannot be read.");
}

static void image_put_members(struct toolrun *run, struct image_ask *ask, struct jout *o)
{
	struct err none = {0};
	image_put(ask, o, S("prompt"), json_str(json_get(run->args, S("prompt"))), false);
	if (ask->at.model.n)
		image_put(ask, o, S("model"), ask->at.model, false);
	image_put(ask, o, S("n"), S("1"), true);
	if (ask->size.n)
		image_put(ask, o, S("size"), ask->size, false);
	if (ask->family->asked)
		image_put(ask, o, S("response_format"), S("b64_json"), false);
	for (int i = 0; i < MEMBERS; i++) {
		yyjson_val *v = json_get(run->given, image_members[i]);
		struct str text = image_asks(v) ? image_text(&run->arena, v) : S("auto");
		bool goes;
		if (picture_member(ask->family, image_members[i], text, "", &goes, &none) && goes)
			image_put(ask, o, image_members[i], text, yyjson_is_num(v));
	}
}

static bool image_write(struct toolrun *run, struct image_ask *ask)
{
	struct err why = {0};
	struct jout o = {&ask->body, false};
	bool ok = true;
	if (!ask->edit)
		jo_obj(&o);
	image_put_members(run, ask, &o);
	if (!ask->edit) {
		jo_obj_end(&o);
		return true;
	}
	for (size_t i = 0; ok && i < run->n_pictures; i++)
		ok = image_put_file(run, ask, run->n_pictures > 1 ? S("image[]") : S("image"), run->pictures[i]);
	if (ok && !image_mask_put(&run->tools->options, run->project, run->given, ask->mark, &ask->body, &why))
		ok = toolrun_fail(run, "The mask cannot be read: %s", why.msg);
	picture_form_end(&ask->body, ask->mark);
	return ok;
}

static struct str image_chosen(struct toolrun *run, struct str name)
{
	struct str given = json_str(json_get(run->given, name)), wanted = json_str(json_get(run->args, name));
	if (given.n && !str_eq(given, S("auto")))
		return given;
	return wanted.n && !str_eq(wanted, S("auto")) ? wanted : (struct str){0};
}

/* What the model does not say follows from what there is. */
static bool image_decide(struct toolrun *run, struct image_ask *ask)
{
	struct str action = image_chosen(run, S("action"));
	struct err e = {0};
	char id[ID_MAX];
	ask->edit = str_eq(action, S("edit"));
	if (ask->edit && !run->n_pictures && str_eq(json_str(json_get(run->given, S("action"))), S("edit")))
		return toolrun_fail(run, "There is no picture that could be changed.");
	ask->edit = ask->edit && run->n_pictures;
	ask->path = ask->edit ? PATH_IMAGE_EDITS : PATH_IMAGE_GENERATIONS;
	if (!image_engine(&run->tools->options, &run->arena, run->given, ask->path, &ask->at, &ask->family, &e))
		return toolrun_fail(run, "%s", e.msg);
	if (ask->edit && !ask->family->edits)
		return toolrun_fail(run, "The image engine changes no pictures; it can make new ones.");
	ask->size = image_chosen(run, S("size"));
	ask->mark = str_copy(&run->arena, id_random(id, "antiphon"));
	return true;
}

/* --- the answer --- */

static void image_member(struct jout *o, struct str name, struct str first, struct str second, struct str other)
{
	jo_key(o, name);
	jo_str(o, first.n ? first : second.n && !str_eq(second, S("auto")) ? second : other);
}

/* As recorded. p NULL: there is none. */
static void image_write_item(struct toolrun *run, const struct image_ask *ask, const struct picture_answer *got)
{
	const struct picture *p = got ? &got->at[0] : NULL;
	struct str none = {0};
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	if (image_asks(json_get(run->given, S("action"))))
		jo_kstr(&o, "action", ask->edit ? S("edit") : S("generate"));
	image_member(&o, S("background"), got ? got->background : none, json_str(json_get(run->given, S("background"))),
		     S("auto"));
	image_member(&o, S("output_format"), p ? picture_format(p) : none,
		     json_str(json_get(run->given, S("output_format"))), S("png"));
	image_member(&o, S("quality"), got ? got->quality : none, json_str(json_get(run->given, S("quality"))),
		     S("auto"));
	jo_key(&o, S("result"));
	jo_str(&o, p ? p->b64 : none);
	jo_kstr(&o, "revised_prompt",
		p && p->revised_prompt.n ? p->revised_prompt : json_str(json_get(run->args, S("prompt"))));
	image_member(&o, S("size"), p ? picture_size(&run->arena, p) : none, ask->size, S("auto"));
	if (!p) {
		jo_key(&o, S("error"));
		jo_obj(&o);
		jo_kstr(&o, "code", S("server_error"));
		jo_kstr(&o, "message", run->result.said);
		jo_knull(&o, "param");
		jo_kstr(&o, "type", S("server_error"));
		jo_obj_end(&o);
	}
	run->result.members = str_copy(&run->arena, buf_str(&b));
	buf_release(&b);
}

static bool image_take(struct toolrun *run, const struct image_ask *ask, const struct fetch_answer *got,
		       struct picture_answer *ret)
{
	struct str format = json_str(json_get(run->given, S("output_format"))), body = buf_str(&got->body);
	struct err e = {0};
	if (toolrun_stopped(run))
		return toolrun_fail(run, "The picture took too long.");
	if (got->fault != FETCH_OK)
		return toolrun_fail(run, "The image engine cannot be asked: %s.", fetch_fault_name(got->fault));
	if (got->status != 200)
		ability_error(got->status, body, ask->at.model.n ? ask->at.model : S("for images"), &e);
	else
		picture_read(&run->arena, body, format, ret, &e);
	return !e.code || toolrun_fail(run, "%s", e.msg);
}

static bool image_ask_engine(struct toolrun *run, struct image_ask *ask, struct picture_answer *ret)
{
	struct arena *a = &run->arena;
	struct fetch_answer got;
	struct str headers[] = {ask->edit
				    ? str_fmt(a, "Content-Type: multipart/form-data; boundary=%.*s", FMT(ask->mark))
				    : S("Content-Type: application/json"),
				{0}};
	size_t n = 1;
	if (ask->at.key.n)
		headers[n++] = str_fmt(a, "Authorization: Bearer %.*s", FMT(ask->at.key));
	struct fetch f = {.headers = headers,
			  .n_headers = n,
			  .body = buf_str(&ask->body),
			  .max_bytes = 2 * engine_limits.picture_bytes,
			  .timeout_ms = toolrun_left_ms(run, tools_limits.image_ms),
			  .cancelled = toolrun_flag(run)};
	f.url = ability_fetch_url(a, &ask->at, ask->path, &f.unix_path);
	f.no_proxy = f.unix_path != NULL;
	fetch_run(&f, &got);
	bool ok = image_take(run, ask, &got, ret);
	fetch_release(&got);
	return ok;
}

static void image_run(struct toolrun *run)
{
	struct image_ask ask = {0};
	struct picture_answer got;
	buf_init(&ask.body, (size_t)engine_limits.picture_bytes * (SOURCES + 1) + (1 << 20));
	toolrun_running(run);
	bool ok = image_decide(run, &ask) && image_write(run, &ask);
	if (ok && ask.body.over)
		ok = toolrun_fail(run, "The pictures that were to be changed are too large.");
	ok = ok && image_ask_engine(run, &ask, &got);
	if (ok) {
		run->result.said =
		    str_fmt(&run->arena, "The picture (%.*s) is made, and the user sees it. Do not show it again.",
			    FMT(picture_size(&run->arena, &got.at[0])));
		run->result.pictures = got.usage;
	}
	image_write_item(run, &ask, ok ? &got : NULL);
	buf_release(&ask.body);
}

/* --- the tool --- */

/* As recorded: the defaults of what was not given; some members are not repeated. */
static void image_echo(struct jout *o, yyjson_val *tool, yyjson_val *settled)
{
	static const struct {
		struct str name, other;
	} rows[] = {{STR("background"), STR("\"auto\"")},
		    {STR("model"), {0}},
		    {STR("moderation"), STR("\"auto\"")},
		    {STR("n"), STR("1")},
		    {STR("output_compression"), STR("100")},
		    {STR("output_format"), STR("\"png\"")},
		    {STR("partial_images"), {0}},
		    {STR("quality"), STR("\"auto\"")},
		    {STR("size"), STR("\"auto\"")}};
	jo_obj(o);
	jo_kstr(o, "type", S("image_generation"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		yyjson_val *v = json_get(tool, rows[i].name);
		bool none = !image_asks(v) || (yyjson_is_num(v) && !yyjson_get_num(v) && !rows[i].other.n);
		if (none && !rows[i].other.n)
			continue;
		jo_key(o, rows[i].name);
		if (image_asks(v))
			jo_val(o, v);
		else
			jo_raw(o, rows[i].other);
	}
	jo_obj_end(o);
}

static struct str image_arguments(struct arena *a, yyjson_val *item)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "prompt",
		json_str(json_get(item, S("revised_prompt"))).p ? json_str(json_get(item, S("revised_prompt")))
								: S(""));
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* A client sends a picture of its own back, or one that we no longer have. */
static struct str image_found(struct arena *a, yyjson_val *item)
{
	return json_str(json_get(item, S("result"))).n ? S("The picture is made, and the user sees it.")
						       : (struct str){0};
}

const struct tool tool_image_generation = {
    .face = {.types = {STR("image_generation")},
	     .item = ITEM_IMAGE_GENERATION_CALL,
	     .function = STR("image_generation"),
	     .description = STR(
		 "Makes a picture, or changes the pictures that are there (those that the user sent, and those made "
		 "before), and shows it to the user. `prompt` says what is to be seen, in full sentences."),
	     .schema =
		 STR("{\"type\":\"object\",\"properties\":{\"prompt\":{\"type\":\"string\",\"description\":\"What "
		     "is to be seen.\"},\"action\":{\"type\":\"string\",\"enum\":[\"generate\",\"edit\"],"
		     "\"description\":\"edit: changes what is there.\"},\"size\":{\"type\":\"string\","
		     "\"description\":\"WIDTHxHEIGHT in pixels, or auto.\"}},\"required\":[\"prompt\"]}"),
	     .params = image_params,
	     .events = {EV_IMAGE_IN_PROGRESS, EV_IMAGE_GENERATING, EV_IMAGE_COMPLETED},
	     .fresh = {{STR("action"), {0}},
		       {STR("background"), {0}},
		       {STR("output_format"), {0}},
		       {STR("quality"), {0}},
		       {STR("result"), {0}},
		       {STR("revised_prompt"), {0}},
		       {STR("size"), {0}},
		       {STR("error"), {0}}},
	     .picture = STR("result"),
	     .blank = STR("\"result\":null"),
	     .arguments = image_arguments,
	     .found = image_found,
	     .echo = image_echo},
    .again = true,
    .pool = POOL_PICTURES,
    .call_ms = &tools_limits.image_ms,
    .serves = image_serves,
    .checks = image_checks,
    .unapplied = image_unapplied,
    .run = image_run,
};
