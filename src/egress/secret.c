/* secret.c - secrets of hosts: put into what is sent, taken out of what comes back. */
#include "egress/secret.h"

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

void secret_veil_init(struct secret_veil *v, const struct secret *list, size_t n, struct str host)
{
	*v = (struct secret_veil){.list = list, .n = n, .host = host};
	buf_init(&v->held, SIZE_MAX / 2);
}

/* How many bytes at the front are a secret; 0: none. *open: they may become one. */
static size_t veil_covers(const struct secret_veil *v, struct str text, bool *open)
{
	size_t longest = 0;
	*open = false;
	for (size_t i = 0; i < v->n; i++) {
		struct str value = v->list[i].value;
		size_t both = value.n < text.n ? value.n : text.n;
		if (!str_eq_nocase(v->list[i].domain, v->host) || memcmp(value.p, text.p, both) != 0)
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
