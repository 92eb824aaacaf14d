/* secrets.c - JSON without what must not be given away. */
#include "tape/secrets.h"

#include <string.h>

enum { KEY_LEAST = 16 /* characters behind "sk-" that make a key of it */ };
#define REMOVED "[removed]"

static const struct str members[] = {
#define SECRET(name) STR(name),
#include "tape/secrets.def"
#undef SECRET
};
static const struct str marks[] = {STR("Bearer "), STR("bearer "), STR("Basic "), STR("sk-")};

static bool is_secret(struct str name)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (str_eq(name, members[i]))
			return true;
	return false;
}

static bool of_key(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~+/=", c);
}

/* Where the next secret begins, behind its mark; s.n: nowhere. *end: where it ends. */
static size_t secret_at(struct str s, size_t from, size_t *end)
{
	for (size_t i = from; i < s.n; i++)
		for (size_t m = 0; m < sizeof marks / sizeof *marks; m++) {
			size_t at = i + marks[m].n;
			if (at > s.n || memcmp(s.p + i, marks[m].p, marks[m].n) || (i && of_key(s.p[i - 1])))
				continue;
			for (*end = at; *end < s.n && s.p[*end] && of_key(s.p[*end]);)
				++*end;
			if (*end - at >= KEY_LEAST)
				return at;
		}
	return s.n;
}

void secrets_text_out(struct jout *o, struct str s)
{
	size_t from = 0, end = 0, at = secret_at(s, 0, &end);
	struct buf b;
	if (at == s.n) {
		jo_str(o, s);
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	for (; at < s.n; at = secret_at(s, from, &end)) {
		buf_add(&b, (struct str){s.p + from, at - from});
		buf_add(&b, S(REMOVED));
		from = end;
	}
	buf_add(&b, (struct str){s.p + from, s.n - from});
	jo_str(o, buf_str(&b));
	buf_release(&b);
}

void secrets_out(struct jout *o, yyjson_val *v)
{
	yyjson_val *key, *one;
	size_t i, n;
	if (yyjson_is_str(v)) {
		secrets_text_out(o, json_str(v));
	} else if (yyjson_is_arr(v)) {
		jo_arr(o);
		yyjson_arr_foreach(v, i, n, one) secrets_out(o, one);
		jo_arr_end(o);
	} else if (yyjson_is_obj(v)) {
		jo_obj(o);
		yyjson_obj_foreach(v, i, n, key, one)
		{
			if (is_secret(json_str(key)) && !yyjson_is_null(one))
				continue;
			jo_key(o, json_str(key));
			secrets_out(o, one);
		}
		jo_obj_end(o);
	} else {
		jo_val(o, v);
	}
}
