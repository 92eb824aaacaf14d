/* parcel.c - the lines of an export. */
#include "project/parcel.h"

#include <sodium.h>
#include <string.h>

#include "store/context.h"

/* --- bytes -------------------------------------------------------------------------------------------------------- */

void parcel_bytes_write(struct jout *o, struct str bytes)
{
	size_t n = sodium_base64_encoded_len(bytes.n, sodium_base64_VARIANT_ORIGINAL);
	char *text = xalloc(n);
	sodium_bin2base64(text, n, (const unsigned char *)bytes.p, bytes.n, sodium_base64_VARIANT_ORIGINAL);
	jo_str(o, (struct str){text, n - 1});
	xfree(text);
}

bool parcel_bytes_read(struct arena *a, yyjson_val *v, struct str *ret)
{
	struct str text = json_str(v);
	size_t got;
	char *out = arena_bytes(a, text.n + 1);
	if (!yyjson_is_str(v) || sodium_base642bin((unsigned char *)out, text.n + 1, text.p, text.n, NULL, &got, NULL,
						   sodium_base64_VARIANT_ORIGINAL))
		return false;
	*ret = (struct str){out, got};
	return true;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

/* Keys, each by itself. */
static bool list_write(struct jout *o, struct str packed, struct err *e)
{
	struct key_walk w = {packed, 0};
	int64_t key;
	jo_arr(o);
	while (keys_next(&w, &key))
		jo_int(o, key);
	jo_arr_end(o);
	return !w.rest.n || fail(e, ERR_STORE, NULL, "a list of keys is broken");
}

static bool cell_write(struct jout *o, char letter, const struct cell *c, struct err *e)
{
	switch (letter) {
	case 'p':
		jo_null(o);
		break;
	case 't':
		jo_str(o, c->s.p ? c->s : S(""));
		break;
	case 'T':
		jo_str(o, c->s);
		break;
	case 'b':
		parcel_bytes_write(o, c->s);
		break;
	case 'l':
		return list_write(o, c->s, e);
	default:
		jo_int(o, c->i);
	}
	return true;
}

bool parcel_row_write(struct buf *b, enum kind k, const struct cell *cells, struct err *e)
{
	struct jout o = {b, false};
	jo_obj(&o);
	jo_kstr(&o, "type", S("row"));
	jo_kstr(&o, "kind", str_of(kind_rows[k].table));
	jo_key(&o, S("cells"));
	jo_arr(&o);
	for (const char *letter = kind_rows[k].letters; *letter; letter++, cells++)
		if (!cell_write(&o, *letter, cells, e))
			return false;
	jo_arr_end(&o);
	jo_obj_end(&o);
	return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static bool list_read(struct arena *a, yyjson_val *v, struct str *ret)
{
	struct buf b;
	size_t i, n;
	yyjson_val *one;
	int64_t prev = 0;
	bool ok = yyjson_is_arr(v);
	buf_init(&b, SIZE_MAX / 2);
	yyjson_arr_foreach(v, i, n, one)
	{
		ok = ok && yyjson_is_int(one) && yyjson_get_sint(one) > 0;
		if (!ok)
			break;
		keys_pack(&b, prev, yyjson_get_sint(one));
		prev = yyjson_get_sint(one);
	}
	*ret = str_copy(a, buf_str(&b));
	buf_release(&b);
	return ok;
}

static bool cell_read(struct arena *a, char letter, yyjson_val *v, int64_t project, struct bind *ret)
{
	struct str s;
	switch (letter) {
	case 'p':
		*ret = INT(project);
		return yyjson_is_null(v);
	case 'T':
		if (yyjson_is_null(v)) {
			*ret = (struct bind){.kind = BIND_NULL};
			return true;
		}
		/* fall through */
	case 't':
		*ret = TEXT(json_str(v));
		return yyjson_is_str(v);
	case 'b':
		if (!parcel_bytes_read(a, v, &s))
			return false;
		*ret = BLOB(s);
		return true;
	case 'l':
		if (!list_read(a, v, &s))
			return false;
		*ret = BLOB(s);
		return true;
	default:
		*ret = INT(yyjson_get_sint(v));
		return yyjson_is_int(v);
	}
}

static bool kind_of(struct str table, enum kind *ret)
{
	for (int k = 0; k < KIND_COUNT; k++)
		if (str_eq(str_of(kind_rows[k].table), table)) {
			*ret = (enum kind)k;
			return !kind_rows[k].brief;
		}
	return false;
}

bool parcel_row_read(struct arena *a, yyjson_val *v, int64_t project, enum kind *k, struct bind binds[PARCEL_CELLS],
		     unsigned *n, struct err *e)
{
	yyjson_val *cells = json_get(v, S("cells")), *one;
	size_t i, max;
	if (!kind_of(json_str(json_get(v, S("kind"))), k))
		return fail(e, ERR_INVALID_VALUE, NULL, "a row of a kind that this version does not know");
	const char *letters = kind_rows[*k].letters;
	*n = (unsigned)strlen(letters);
	if (yyjson_arr_size(cells) != *n || *n > PARCEL_CELLS)
		return fail(e, ERR_INVALID_VALUE, NULL, "a row of %s has not %u values", kind_rows[*k].table, *n);
	yyjson_arr_foreach(cells, i, max, one) if (!cell_read(a, letters[i], one, project, &binds[i])) return fail(
	    e, ERR_INVALID_VALUE, NULL, "value %zu of a row of %s is not of its kind", i + 1, kind_rows[*k].table);
	return true;
}
