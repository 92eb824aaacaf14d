/* schema_ref.c - "$ref" within one schema. */
#include "wire/schema_ref.h"

enum { NAME = 512, HOPS = 32, LOOKED_AT = 16 /* members for a step */ };

/* One name of a pointer, "~1" and "~0" read back; n > NAME: longer than any name we look up. */
static struct str schema_ref_unescape(struct str part, char room[NAME])
{
	size_t n = 0;
	if (part.n > NAME)
		return (struct str){room, 0};
	for (size_t i = 0; i < part.n; i++) {
		char c = part.p[i];
		if (c == '~' && i + 1 < part.n && (part.p[i + 1] == '0' || part.p[i + 1] == '1'))
			c = part.p[++i] == '1' ? '/' : '~';
		room[n++] = c;
	}
	return (struct str){room, n};
}

static yyjson_val *pointed(yyjson_val *root, struct str pointer, size_t *steps)
{
	char room[NAME];
	yyjson_val *v = root;
	int64_t index;
	if (!str_starts(pointer, S("#")))
		return NULL;
	str_cut(&pointer, '#');
	if (pointer.n && !str_starts(pointer, S("/")))
		return NULL;
	str_cut(&pointer, '/');
	while (v && pointer.n) {
		struct str part = str_cut(&pointer, '/');
		size_t cost = 1 + yyjson_get_len(v) / LOOKED_AT;
		*steps -= cost < *steps ? cost : *steps;
		if (!*steps)
			return NULL;
		if (yyjson_is_arr(v))
			v = str_int(part, &index) && index >= 0 ? yyjson_arr_get(v, (size_t)index) : NULL;
		else
			v = json_get(v, schema_ref_unescape(part, room));
	}
	return v;
}

yyjson_val *schema_ref(yyjson_val *root, yyjson_val *ref, size_t *steps)
{
	for (int hop = 0; hop < HOPS; hop++) {
		yyjson_val *v = pointed(root, json_str(ref), steps);
		ref = json_get(v, S("$ref"));
		if (!ref)
			return v;
	}
	return NULL;
}
