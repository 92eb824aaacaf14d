/* url.h - the parts of an http(s) URL, and whether two have one origin (RFC 6454).
 *
 * Only what the guard takes (guard_url()) is split: no user name, no odd characters. Pure. Any thread. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

struct url {
	struct str scheme, host; /* as written; the host of an IPv6 address with its brackets */
	int port;                /* the scheme's own where none is written */
	struct str path, query;  /* "/mcp" ("" where none is written), "?a=b" or "" */
	bool fragment;           /* a '#' follows, which is left out of both */
};
/* false: not an http or https URL. Strings are borrowed from `text`. */
bool url_split(struct str text, struct url *ret);
/* Scheme, host and port are the same; letters' case is ignored. */
bool url_same_origin(struct str a, struct str b);
/* `reference` (RFC 3986 4.2) as seen from `base`, in `a`; dot segments stay. {0}: base is no URL. */
struct str url_join(struct arena *a, struct str base, struct str reference);
