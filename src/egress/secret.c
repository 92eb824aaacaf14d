/* secret.c - secrets of hosts: put into what is sent, taken out of what comes back. */
#include "egress/secret.h"

#include <sodium.h>
#include <string.h>

bool secret_value_fits(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
			return false;
	return value.n > 0;
}

bool secret_name_fits(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
		if (!letter && c != '_' && !(i && c >= '0' && c <= '9'))
			return false;
	}
	return name.n > 0 && name.n <= 64;
}

bool secret_of(const struct secret *list, size_t n, struct str host)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(list[i].domain, host))
			return true;
	return false;
}

bool secret_put_in(const struct secret *list, size_t n, struct str host, struct str text, struct buf *out)
{
	bool some = false;
	for (size_t at = 0; at < text.n;) {
		const struct secret *found = NULL;
		for (size_t i = 0; i < n && !found; i++)
			if (str_eq_nocase(list[i].domain, host) &&
			    str_starts((struct str){text.p + at, text.n - at}, list[i].stand_in))
				found = &list[i];
		buf_add(out, found ? found->value : (struct str){text.p + at, 1});
		at += found ? found->stand_in.n : 1;
		some |= found != NULL;
	}
	return some;
}

/* Some leave the padding out. */
static bool secret_decode(struct str text, struct buf *plain)
{
	static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING};
	char *room = buf_room(plain, text.n);
	size_t n = 0;
	for (size_t i = 0; room && i < sizeof variants / sizeof *variants; i++)
		if (sodium_base642bin((unsigned char *)room, text.n, text.p, text.n, NULL, &n, NULL, variants[i]) == 0) {
			plain->n += n;
			return true;
		}
	return false;
}

bool secret_put_in_basic(const struct secret *list, size_t n, struct str host, struct str text, struct buf *out,
			 struct str *credentials)
{
	static const struct str scheme = STR("Basic ");
	struct buf plain, put;
	if (text.n <= scheme.n || !str_eq_nocase((struct str){text.p, scheme.n}, scheme))
		return false;
	buf_init(&plain, SIZE_MAX / 2);
	buf_init(&put, SIZE_MAX / 2);
	bool some = secret_decode(str_trim((struct str){text.p + scheme.n, text.n - scheme.n}), &plain) &&
		    secret_put_in(list, n, host, buf_str(&plain), &put);
	size_t length = sodium_base64_ENCODED_LEN(put.n, sodium_base64_VARIANT_ORIGINAL); /* with the 0 at its end */
	char *room;
	if (some) {
		buf_add(out, scheme);
		room = buf_room(out, length);
		sodium_bin2base64(room, length, (const unsigned char *)put.p, put.n, sodium_base64_VARIANT_ORIGINAL);
		*credentials = (struct str){room, length - 1};
		out->n += length - 1;
	}
	buf_release(&plain);
	buf_release(&put);
	return some;
}

void secret_veil_init(struct secret_veil *v, const struct secret *list, size_t n, struct str host, struct str credentials)
{
	*v = (struct secret_veil){.list = list, .n = n, .host = host, .credentials = credentials};
	buf_init(&v->held, SIZE_MAX / 2);
}

/* How many bytes at the front are a secret; 0: none. *open: they may become one. */
static size_t veil_covers(const struct secret_veil *v, struct str text, bool *open)
{
	size_t longest = 0;
	*open = false;
	for (size_t i = 0; i <= v->n; i++) {
		bool theirs = i == v->n ? v->credentials.n > 0 : str_eq_nocase(v->list[i].domain, v->host);
		struct str value = i == v->n ? v->credentials : v->list[i].value;
		size_t both = value.n < text.n ? value.n : text.n;
		if (!theirs || memcmp(value.p, text.p, both) != 0)
			continue;
		if (both == value.n)
			longest = longest > both ? longest : both;
		else
			*open = true;
	}
	return longest;
}

void secret_veil_pass(struct secret_veil *v, struct str in, bool last, struct buf *out)
{
	size_t at = 0;
	buf_add(&v->held, in);
	while (at < v->held.n) {
		bool open;
		size_t n = veil_covers(v, (struct str){v->held.p + at, v->held.n - at}, &open);
		if (open && !last)
			break;
		for (size_t i = 0; i < n; i++)
			buf_byte(out, '*');
		if (!n)
			buf_byte(out, v->held.p[at]);
		at += n ? n : 1;
	}
	buf_drop(&v->held, at);
}

void secret_veil_release(struct secret_veil *v)
{
	buf_release(&v->held);
}
