/* host.c - names of hosts, and lists of them. */
#include "egress/host.h"

#include <arpa/inet.h>
#include <string.h>

static bool host_is_address(struct str host)
{
	char text[HOST_MOST + 1];
	struct in_addr four;
	memcpy(text, host.p, host.n);
	text[host.n] = 0;
	return inet_aton(text, &four) != 0; /* "0x7f.1", too; one of IPv6 has a colon, which no name has */
}

bool host_fits(struct str host)
{
	size_t label = 0;
	if (!host.n || host.n > HOST_MOST)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		unsigned char c = (unsigned char)host.p[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z', digit = c >= '0' && c <= '9';
		if (c == '.' ? label == 0 : !letter && !digit && c != '-' && c != '_')
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && !host_is_address(host);
}

static struct str host_base(struct str entry)
{
	return str_starts(entry, S("*.")) ? (struct str){entry.p + 2, entry.n - 2} : entry;
}

bool host_entry_fits(struct str entry)
{
	return str_eq(entry, S("*")) || host_fits(host_base(entry));
}

static bool host_below(struct str host, struct str base)
{
	return host.n > base.n + 1 && host.p[host.n - base.n - 1] == '.' &&
	       str_eq_nocase((struct str){host.p + host.n - base.n, base.n}, base);
}

bool host_in(const struct host_list *l, struct str host)
{
	for (size_t i = 0; i < l->n; i++) {
		struct str base = host_base(l->at[i]);
		if (str_eq(l->at[i], S("*")) || host_below(host, base) ||
		    (base.n == l->at[i].n && str_eq_nocase(host, base)))
			return true;
	}
	return false;
}

bool host_covered(const struct host_list *l, struct str entry)
{
	struct str base = host_base(entry);
	if (base.n == entry.n && !str_eq(entry, S("*")))
		return host_in(l, entry);
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->at[i], S("*")) || (base.n < entry.n && (str_eq_nocase(host_base(l->at[i]), base) ||
								      host_below(base, host_base(l->at[i])))))
			return true;
	return false;
}
