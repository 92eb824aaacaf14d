/* recording_cite.c - a message's text as the model wrote it. */
#include "responses/recording_cite.h"

#include <stdio.h>

#include "base/buf.h"
#include "wire/json.h"

/* The number by which the model was told of a source; 0: it was not. */
static int64_t cite_number(const struct item *items, size_t n, struct str url)
{
	size_t k, max;
	yyjson_val *one;
	for (size_t i = 0; i < n; i++)
		yyjson_arr_foreach(json_get(json_get(items[i].val, ITEM_OURS), S("sources")), k, max,
				   one) if (url.n && str_eq(json_str(yyjson_arr_get(one, 1)),
							    url)) return yyjson_get_sint(yyjson_arr_get(one, 0));
	return 0;
}

/* The byte at which a character (code point) begins. */
static size_t cite_byte(struct str s, int64_t character)
{
	size_t i = 0;
	for (; i < s.n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80 && character-- == 0)
			break;
	return i;
}

/* `text` with [number] where the annotations, which come in order, say that something is cited. */
static struct str cite_text(struct arena *a, struct str text, yyjson_val *notes, const struct item *items, size_t n)
{
	struct buf b;
	size_t i, max, done = 0;
	yyjson_val *one;
	buf_init(&b, SIZE_MAX / 2);
	yyjson_arr_foreach(notes, i, max, one)
	{
		bool file = yyjson_is_int(json_get(one, S("index")));
		struct str url = json_str(json_get(one, file ? S("file_id") : S("url")));
		int64_t number = cite_number(items, n, url);
		size_t from = cite_byte(text, yyjson_get_sint(json_get(one, file ? S("index") : S("start_index"))));
		size_t to = file ? from : cite_byte(text, yyjson_get_sint(json_get(one, S("end_index"))));
		char mark[32];
		if (!number || from < done || to < from)
			continue;
		buf_add(&b, (struct str){text.p + done, from - done});
		buf_add(&b, (struct str){mark, (size_t)snprintf(mark, sizeof mark, "[%lld]", (long long)number)});
		done = to;
	}
	buf_add(&b, (struct str){text.p + done, text.n - done});
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

static void cite_part(struct jout *o, struct arena *a, yyjson_val *part, const struct item *items, size_t n)
{
	yyjson_val *notes = json_get(part, S("annotations"));
	if (!yyjson_arr_size(notes)) {
		jo_val(o, part);
		return;
	}
	jo_obj(o);
	jo_kstr(o, "type", json_str(json_get(part, S("type"))));
	jo_kstr(o, "text", cite_text(a, json_str(json_get(part, S("text"))), notes, items, n));
	jo_obj_end(o);
}

yyjson_val *recording_uncited(struct arena *a, const struct item *message, const struct item *items, size_t n)
{
	yyjson_val *content = json_get(message->val, S("content")), *part, *v = message->val;
	size_t i, max, notes = 0;
	struct err none = {0};
	yyjson_arr_foreach(content, i, max, part) notes += yyjson_arr_size(json_get(part, S("annotations")));
	if (!notes)
		return v;
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_kstr(&o, "type", S("message"));
	jo_kstr(&o, "role", message->role);
	jo_key(&o, S("content"));
	jo_arr(&o);
	yyjson_arr_foreach(content, i, max, part) cite_part(&o, a, part, items, n);
	jo_arr_end(&o);
	jo_obj_end(&o);
	json_parse(a, str_copy(a, buf_str(&b)), &v, &none);
	buf_release(&b);
	return v;
}
