/* guard.c - which addresses may be reached on behalf of a client or of a web page. */
#include "net/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b}; /* RFC 6052: stands for the IPv4 address at its end */

static const struct row {
	struct guard_block block;
	const char *what;
} rows[] = {
#define GUARD4(a, b, c, d, bits_, what_) {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + bits_}, what_},
#define TWO(group) (group) >> 8, (group) & 255
#define GUARD6(a, b, c, d, e, f, g, h, bits_, what_)                                                                   \
	{{{TWO(a), TWO(b), TWO(c), TWO(d), TWO(e), TWO(f), TWO(g), TWO(h)}, bits_}, what_},
#include "net/guard.def"
};

static bool block_holds(const struct guard_block *b, const unsigned char address[16])
{
	int whole = b->bits / 8, rest = b->bits % 8;
	if (memcmp(b->address, address, (size_t)whole) != 0)
		return false;
	return !rest || !((b->address[whole] ^ address[whole]) >> (8 - rest));
}

static bool allowed(const struct guard *g, const unsigned char address[16])
{
	for (size_t i = 0; i < g->n_allowed; i++)
		if (block_holds(&g->allowed[i], address))
			return true;
	return false;
}

static const char *refuses(const struct guard *g, const unsigned char address[16])
{
	unsigned char inner[16];
	if (allowed(g, address))
		return NULL;
	if (!memcmp(address, nat64, sizeof nat64)) {
		memcpy(inner, mapped, sizeof mapped);
		memcpy(inner + 12, address + 12, 4);
		return refuses(g, inner);
	}
	/* An IPv4 address falls under no row of IPv6 but the last ones, which are not meant for it. */
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (block_holds(&rows[i].block, address) &&
		    (rows[i].block.bits >= 96 || memcmp(address, mapped, sizeof mapped) != 0))
			return rows[i].what;
	return NULL;
}

const char *guard_refuses(const struct guard *g, const struct sockaddr *address)
{
	unsigned char bytes[16];
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof in);
		memcpy(bytes, mapped, sizeof mapped);
		memcpy(bytes + 12, &in.sin_addr, 4);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, address, sizeof in6);
		memcpy(bytes, &in6.sin6_addr, 16);
	} else {
		return "not an internet address";
	}
	return refuses(g, bytes);
}

static bool block_read(struct str text, struct guard_block *ret)
{
	char address[INET6_ADDRSTRLEN + 1];
	struct str rest = text, host = str_cut(&rest, '/');
	int64_t bits = -1;
	if (host.n >= sizeof address || (host.n < text.n && (!str_int(rest, &bits) || bits < 0)))
		return false;
	memcpy(address, host.p, host.n);
	address[host.n] = 0;
	*ret = (struct guard_block){0};
	int width = 128;
	if (inet_pton(AF_INET, address, ret->address + 12) == 1) {
		memcpy(ret->address, mapped, sizeof mapped);
		width = 32;
	} else if (inet_pton(AF_INET6, address, ret->address) != 1) {
		return false;
	}
	ret->bits = (int)(bits < 0 ? width : bits) + 128 - width;
	return bits <= width;
}

bool guard_read(struct arena *a, const struct str *list, size_t n, struct guard *ret, struct err *e)
{
	struct guard_block *blocks = new_array(a, struct guard_block, n + 1);
	for (size_t i = 0; i < n; i++)
		if (!block_read(list[i], &blocks[i]))
			return fail(e, ERR_CONFIG, NULL,
				    "fetch.allow: '%.*s' is no address and no block of addresses such as 10.0.0.0/8 or "
				    "fd00::/8",
				    FMT(list[i]));
	*ret = (struct guard){blocks, n};
	return true;
}

/* The host as an address, in every spelling that the C library and curl take: 127.1, 0177.0.0.1, 0x7f000001, 2130706433. */
static bool host_address(struct str host, unsigned char ret[16])
{
	char text[64];
	struct in_addr four;
	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	size_t zone = str_find(host, '%');
	if (host.n >= sizeof text)
		return false;
	memcpy(text, host.p, zone);
	text[zone] = 0;
	if (inet_pton(AF_INET6, text, ret) == 1)
		return true;
	if (zone < host.n || !inet_aton(text, &four))
		return false;
	memcpy(ret, mapped, sizeof mapped);
	memcpy(ret + 12, &four, 4);
	return true;
}

static bool is_localhost(struct str host)
{
	static const struct str name = STR("localhost");
	while (host.n && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n < name.n || !str_eq_nocase((struct str){host.p + host.n - name.n, name.n}, name))
		return false;
	return host.n == name.n || host.p[host.n - name.n - 1] == '.';
}

static const char *refuses_host(const struct guard *g, struct str host)
{
	static const unsigned char one[16] = {[15] = 1};
	static const unsigned char four[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	unsigned char address[16];
	if (host_address(host, address))
		return refuses(g, address);
	if (is_localhost(host) && !allowed(g, four) && !allowed(g, one))
		return "a loopback address";
	return NULL;
}

/* Characters on which readers of URLs disagree, or which end a line of a request. */
static bool guard_has_odd_byte(struct str s, const char *odd)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f || strchr(odd, s.p[i]))
			return true;
	return false;
}

/* Cuts the host out of an authority; its port must be one. */
static bool host_cut(struct str authority, struct str *ret)
{
	bool six = authority.n && authority.p[0] == '[';
	size_t end = str_find(authority, six ? ']' : ':');
	int64_t port = 0;
	if (six && end == authority.n)
		return false;
	*ret = six ? (struct str){authority.p + 1, end - 1} : (struct str){authority.p, end};
	struct str rest = {authority.p + end + six, authority.n - end - six};
	if (rest.n && rest.p[0] != ':')
		return false;
	struct str digits = {rest.p + 1, rest.n - 1};
	if (rest.n > 1 && (!str_int(digits, &port) || port < 1 || port > 65535))
		return false;
	return ret->n && ret->n <= 253 && !guard_has_odd_byte(*ret, six ? "\\[]" : "\\[]%");
}

enum guard_verdict guard_url(const struct guard *g, struct str url, const char **why)
{
	size_t end = 0, colon = str_find(url, ':');
	struct str scheme = {url.p, colon}, left = {url.p + colon, url.n - colon}, host;
	*why = "not an http or https URL";
	if (!str_eq_nocase(scheme, S("http")) && !str_eq_nocase(scheme, S("https")))
		return GUARD_BAD_URL;
	*why = "not a valid URL";
	if (!str_starts(left, S("://")) || guard_has_odd_byte(url, ""))
		return GUARD_BAD_URL;
	left = (struct str){left.p + 3, left.n - 3};
	while (end < left.n && !strchr("/?#", left.p[end]))
		end++;
	left.n = end;
	if (str_find(left, '@') == left.n && !host_cut(left, &host))
		return GUARD_BAD_URL;
	*why = "a URL with a user name";
	if (str_find(left, '@') < left.n)
		return GUARD_BAD_URL;
	*why = refuses_host(g, host);
	return *why ? GUARD_REFUSED : GUARD_OPEN;
}
