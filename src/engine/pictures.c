/* pictures.c - what is asked of an image engine, and what it answers. */
#include "engine/pictures.h"

#include <sodium.h>
#include <string.h>

enum { PICTURES_MOST = 16 };

static const struct picture_family families[] = {
#define PICTURES(name, host, asked, edits, streams, formats, takes)                                                    \
	{STR(name), STR(host), asked, edits, streams, formats, takes},
#include "engine/pictures.def"
#undef PICTURES
};
enum { FAMILIES = sizeof families / sizeof *families };

const struct picture_family *picture_family_of(struct str name, struct str host)
{
	bool any = !name.n || str_eq(name, S("auto"));
	for (int i = 0; i < FAMILIES; i++)
		if (any ? families[i].host.n && str_eq(families[i].host, host) : str_eq(families[i].name, name))
			return &families[i];
	return any ? &families[0] : NULL;
}

/* --- what is asked --- */

static bool picture_word(const char *list, struct str word)
{
	struct str rest = str_of(list);
	while (rest.n)
		if (str_eq(str_cut(&rest, ' '), word))
			return true;
	return false;
}

/* What asks for something that no engine here makes, or that this one does not. */
static bool picture_refuses(const struct picture_family *f, struct str name, struct str value)
{
	static const char *const never[] = {"complexity", "frame_count", "frame_duration_ms", "svg", NULL};
	for (int i = 0; never[i]; i++)
		if (str_eq(name, str_of(never[i])))
			return true;
	if (str_eq(name, S("output_format")))
		return !picture_word(f->formats, value);
	if (str_eq(name, S("background")))
		return str_eq(value, S("transparent")) && !picture_word(f->takes, S("transparent"));
	return str_eq(name, S("style")) && !str_eq(value, S("vivid")) && !picture_word(f->takes, name);
}

bool picture_member(const struct picture_family *f, struct str name, struct str value, const char *path, bool *goes,
		    struct err *e)
{
	*goes = picture_word(f->takes, name) && !str_eq(value, S("auto"));
	if (!picture_refuses(f, name, value))
		return true;
	return fail(
	    e, ERR_UNSUPPORTED_VALUE, path,
	    "Unsupported value: '%s' is not supported with '%.*s' by the image engine (family '%.*s', which makes "
	    "%s). The setting images.family names another family, images.engine another engine.",
	    path, FMT(value), FMT(f->name), f->formats);
}

/* --- forms --- */

void picture_form_text(struct buf *b, struct str mark, struct str name, struct str value)
{
	buf_fmt(b, "--%.*s\r\nContent-Disposition: form-data; name=\"%.*s\"\r\n\r\n%.*s\r\n", FMT(mark), FMT(name),
		FMT(value));
}

static void picture_form_head(struct buf *b, struct str mark, struct str name, struct str type)
{
	struct str ending = type;
	str_cut(&ending, '/');
	buf_fmt(b,
		"--%.*s\r\nContent-Disposition: form-data; name=\"%.*s\"; filename=\"%.*s.%.*s\"\r\nContent-Type: "
		"%.*s\r\n\r\n",
		FMT(mark), FMT(name), FMT(name), FMT(ending), FMT(type));
}

bool picture_form_bytes(struct buf *b, struct str mark, struct str name, struct str bytes)
{
	struct image_head head;
	if (!image_head(bytes, &head))
		return false;
	picture_form_head(b, mark, name, image_type(head.kind));
	buf_add(b, bytes);
	buf_add(b, S("\r\n"));
	return true;
}

bool picture_form_file(struct buf *b, struct str mark, struct str name, struct str text)
{
	if (str_starts(text, S("data:")))
		str_cut(&text, ',');
	size_t room = text.n / 4 * 3 + 3, n = 0;
	char *bytes = xalloc(room);
	bool ok = !sodium_base642bin((unsigned char *)bytes, room, text.p, text.n, "\r\n", &n, NULL,
				     sodium_base64_VARIANT_ORIGINAL) &&
		  picture_form_bytes(b, mark, name, (struct str){bytes, n});
	xfree(bytes);
	return ok;
}

void picture_form_end(struct buf *b, struct str mark)
{
	buf_fmt(b, "--%.*s--\r\n", FMT(mark));
}

/* --- what is answered --- */

static int64_t picture_count(yyjson_val *in, struct str key)
{
	int64_t n = yyjson_get_sint(json_get(in, key));
	return n > 0 ? n : 0;
}

static void picture_usage_read(yyjson_val *v, struct picture_answer *ret)
{
	yyjson_val *in = json_get(v, S("input_tokens_details")), *out = json_get(v, S("output_tokens_details"));
	struct picture_usage *u = &ret->usage;
	ret->counted = yyjson_is_obj(v);
	u->input = picture_count(v, S("input_tokens"));
	u->output = picture_count(v, S("output_tokens"));
	u->input_text = picture_count(in, S("text_tokens"));
	u->input_image = picture_count(in, S("image_tokens"));
	u->output_text = picture_count(out, S("text_tokens"));
	u->output_image = picture_count(out, S("image_tokens"));
}

static bool picture_look(struct picture *p, struct str format, struct err *e)
{
	size_t room = p->b64.n / 4 * 3 + 3, n = 0;
	char *bytes = xalloc(room);
	const char *end = NULL;
	bool whole = !sodium_base642bin((unsigned char *)bytes, room, p->b64.p, p->b64.n, "\r\n", &n, &end,
					sodium_base64_VARIANT_ORIGINAL) &&
		     end == p->b64.p + p->b64.n;
	bool known = whole && image_head((struct str){bytes, n}, &p->head);
	xfree(bytes);
	if (!known)
		return fail(e, ERR_ENGINE, NULL, "The image engine's answer is no picture.");
	if ((int64_t)n > engine_limits.picture_bytes ||
	    (int64_t)p->head.width * p->head.height > engine_limits.picture_pixels)
		return fail(e, ERR_ENGINE, NULL, "The image engine's picture is too large (%ux%u, %zu bytes).",
			    p->head.width, p->head.height, n);
	if (format.n && !str_eq(format, picture_format(p)))
		return fail(e, ERR_ENGINE, NULL, "The image engine made a picture in %.*s, not in %.*s.",
			    FMT(picture_format(p)), FMT(format));
	return true;
}

bool picture_read(struct arena *a, struct str body, struct str format, struct picture_answer *ret, struct err *e)
{
	struct err why = {0};
	yyjson_val *root = NULL, *data, *one;
	size_t i, max;
	*ret = (struct picture_answer){0};
	bool ok = json_parse(a, body, &root, &why);
	data = json_get(root, S("data"));
	if (!ok || !yyjson_arr_size(data) || yyjson_arr_size(data) > PICTURES_MOST)
		return fail(e, ERR_ENGINE, NULL, "The image engine's answer has no pictures.");
	ret->at = new_array(a, struct picture, yyjson_arr_size(data));
	yyjson_arr_foreach(data, i, max, one)
	{
		struct picture *p = &ret->at[ret->n++];
		p->b64 = json_str(json_get(one, S("b64_json")));
		p->revised_prompt = json_str(json_get(one, S("revised_prompt")));
		if (!p->b64.n)
			return fail(e, ERR_ENGINE, NULL, "The image engine's answer has no picture in it (b64_json).");
		if (!picture_look(p, format, e))
			return false;
	}
	ret->background = json_str(json_get(root, S("background")));
	ret->quality = json_str(json_get(root, S("quality")));
	picture_usage_read(json_get(root, S("usage")), ret);
	return true;
}

struct str picture_format(const struct picture *p)
{
	struct str type = image_type(p->head.kind);
	str_cut(&type, '/');
	return type;
}

struct str picture_size(struct arena *a, const struct picture *p)
{
	return str_fmt(a, "%ux%u", p->head.width, p->head.height);
}
