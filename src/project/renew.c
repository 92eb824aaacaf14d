/* renew.c - a project's rows under new ids. */
#include "project/renew.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/id_cipher.h"
#include "store/context.h"
#include "store/kinds_put.h"

enum {
	KEY_HEX = 16,     /* of the 40 digits; the others are random */
	MICROSECOND = 11, /* keys' bits below one: moved by whole ones, a key names its node still */
	TRIES = 64,
};

static void renew_add(struct renew *w, int64_t key)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 1024;
		w->keys = xrealloc(w->keys, w->cap * sizeof *w->keys);
	}
	w->keys[w->n++] = key;
}

void renew_note(struct renew *w, yyjson_val *row)
{
	struct str table = json_str(json_get(row, S("kind")));
	yyjson_val *one;
	size_t i, n;
	for (int k = 0; k < KIND_COUNT; k++) {
		if (!str_eq(str_of(kind_rows[k].table), table))
			continue;
		yyjson_arr_foreach(json_get(row, S("cells")), i, n, one)
		{
			bool key = i < strlen(kind_rows[k].letters) && kind_rows[k].letters[i] == 'k';
			if (key && yyjson_get_sint(one) > 0)
				renew_add(w, yyjson_get_sint(one));
		}
	}
}

static int renew_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

bool renew_begin(struct renew *w, struct store *s, struct err *e)
{
	size_t n = 0;
	if (w->n)
		qsort(w->keys, w->n, sizeof *w->keys, renew_compare);
	for (size_t i = 0; i < w->n; i++)
		if (!n || w->keys[i] != w->keys[n - 1])
			w->keys[n++] = w->keys[i];
	w->n = n;
	if (!store_id_key(s, w->to, e))
		return false;
	for (unsigned i = 0; i < TRIES; i++) { /* at most a second, at last a minute */
		uint32_t most = i < TRIES / 2 ? 1000000 : 60000000;
		bool taken = false;
		w->shift = (int64_t)(1 + randombytes_uniform(most)) << MICROSECOND;
		if (!kinds_taken(s, w->keys, w->n, w->shift, &taken, e))
			return false;
		if (!taken)
			return true;
	}
	return fail(e, ERR_CONFIG, NULL, "no room was found for new ids: import into a folder of its own (--data DIR)");
}

int64_t renew_key(const struct renew *w, int64_t key)
{
	return key > 0 ? key + w->shift : key;
}

void renew_end(struct renew *w)
{
	xfree(w->keys);
	w->keys = NULL;
	w->n = w->cap = 0;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static int renew_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* How many digits stand from p on, at most one more than an id has. */
static size_t renew_digits(const char *p, const char *end)
{
	size_t n = 0;
	while (p + n < end && n <= ID_HEX && renew_digit(p[n]) >= 0)
		n++;
	return n;
}

/* Exchanges the key at `p`, if it is one of the export's. */
static void renew_id(struct renew *w, char *p)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t text = 0;
	for (int i = 0; i < KEY_HEX; i++)
		text = text << 4 | (uint64_t)renew_digit(p[i]);
	int64_t key = (int64_t)id_decipher(w->from, text);
	if (!w->n || !bsearch(&key, w->keys, w->n, sizeof key, renew_compare))
		return;
	text = id_encipher(w->to, (uint64_t)renew_key(w, key));
	for (int i = 0; i < KEY_HEX; i++)
		p[i] = digits[text >> (60 - 4 * i) & 15];
	w->texts++;
}

/* Ids stand behind '_' or '-': those of prefixes that end so. */
static struct str renew_text(struct renew *w, struct arena *a, struct str s)
{
	struct str copy = str_copy(a, s);
	char *p = (char *)copy.p, *end = p + copy.n;
	for (; p < end; p++) {
		if (*p != '_' && *p != '-')
			continue;
		if (renew_digits(p + 1, end) == ID_HEX)
			renew_id(w, p + 1);
	}
	return copy;
}

static struct str renew_list(const struct renew *w, struct arena *a, struct str packed)
{
	struct key_walk walk = {packed, 0};
	int64_t key, prev = 0;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	while (keys_next(&walk, &key)) {
		keys_pack(&b, prev, renew_key(w, key));
		prev = renew_key(w, key);
	}
	struct str list = str_copy(a, buf_str(&b));
	buf_release(&b);
	return list;
}

void renew_row(struct renew *w, struct arena *a, enum kind k, struct bind *binds)
{
	for (const char *letter = kind_rows[k].letters; *letter; letter++, binds++) {
		if (*letter == 'k')
			binds->i = renew_key(w, binds->i);
		else if (*letter == 'l')
			binds->s = renew_list(w, a, binds->s);
		else if (binds->kind == BIND_TEXT || binds->kind == BIND_BLOB)
			binds->s = renew_text(w, a, binds->s);
	}
}
