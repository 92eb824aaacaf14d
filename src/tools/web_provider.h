/* web_provider.h - who answers searches of the web: one row in web_providers.def, two functions in web_provider.c.
 *
 * Pure: what is asked and what came back are bytes. Any thread. */
#pragma once
#include "tools/tools.h"

struct web_query {
	struct str text;
	size_t max;                    /* results wanted */
	yyjson_val *allowed, *blocked; /* domains; NULL: all, none */
	struct str country;            /* two letters; {0}: not known */
};

struct web_request {          /* strings in the arena that was given */
	struct str url, body; /* body {0}: GET */
	struct str headers[4];
	size_t n_headers;
};

struct web_hit {
	struct str url, title, text;
};

struct web_provider {
	struct str name, url, key_env, what;
	void (*ask)(struct arena *a, const struct tools_options *o, const struct web_query *q, struct web_request *ret);
	/* The list of results in an answer; NULL: it is none of this provider's. */
	yyjson_val *(*list)(yyjson_val *answer);
	struct str must;        /* a member that every answer has */
	struct str title, text; /* members of one result; its address is `url` with all of them */
};

/* NULL: no such. */
const struct web_provider *web_provider(struct str name);
/* Results out of an answer of status 200, in `a`; at most q->max, of the domains that q wants. ERR_ENGINE: it is no
 * answer. */
bool web_read_hits(struct arena *a, const struct web_provider *p, const struct web_query *q, struct str answer,
		   struct web_hit *ret, size_t *n, struct err *e);
/* May this address be used, by the query's domains? */
bool web_domain_fits(const struct web_query *q, struct str url);
/* The host of an http(s) address, without "www."; {0}: it is none. */
struct str web_host(struct str url);
