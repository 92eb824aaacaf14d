/* query.h - a request's query parameters. Included by request.h. */
#pragma once
#include "base/err.h"

struct arena;
struct request;

/* Percent-decoding (RFC 3986, 2.1); a bad escape is kept as it stands. `plus`: '+' is a space (queries). */
struct str percent_decode(struct arena *a, struct str s, bool plus);

/* A query parameter, decoded; {0} when absent. `at` walks repeated ones (0 at first; NULL: the first). */
struct str query_get(struct request *rq, const char *name, size_t *at);
/* The parameters metadata[x]=y of `open` "metadata[": x and y, of the first `most`. Returns how many there are. */
size_t query_pairs(struct request *rq, const char *open, struct str (*out)[2], size_t most);
/* Refuses query parameters that are not in `known` (NULL-terminated; "include" covers include[] too, "x[" is x[...]). */
bool query_known(struct request *rq, const char *const *known, struct err *e);
bool query_int(struct request *rq, const char *name, int64_t least, int64_t most, int64_t *ret, struct err *e);
bool query_bool(struct request *rq, const char *name, bool *ret, struct err *e);
