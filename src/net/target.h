/* target.h - where HTTP calls go: a base URL taken apart once. Pure. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

/* Where to: parsed once, owned by the caller, outlives its calls. */
struct http_target {
	struct str url;                /* as configured */
	struct str host, port, prefix; /* prefix: path before /v1/..., no trailing slash */
	struct str version; /* what stands for /v1 behind the prefix: "/v1", "" where the URL has a path of its own */
	struct str query;   /* "?x=y", or "" */
	struct str unix_path;          /* set: connect there */
	struct str proxy_host, proxy_port;
	bool tls;
	struct str proxy_auth;         /* Basic credentials, or {0} */
};
/* "http://h:1/p", "https://h", "unix:/path.sock". Strings live in `a`. The environment's proxy
 * (https_proxy, http_proxy, no_proxy) is applied. */
bool http_target_parse(struct arena *a, struct str url, struct http_target *ret, struct err *e);

/* "/v1/models" as this target has it, behind its prefix. */
struct str http_target_path(struct arena *a, const struct http_target *t, struct str path);
