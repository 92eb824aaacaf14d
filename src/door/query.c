/* query.c - a request's query parameters. */
#include <string.h>

#include "door/request.h"

static int query_hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct str percent_decode(struct arena *a, struct str s, bool plus)
{
	if (str_find(s, '%') == s.n && (!plus || str_find(s, '+') == s.n))
		return s;
	char *out = arena_bytes(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int hi = i + 2 < s.n ? query_hex_of(s.p[i + 1]) : -1, lo = i + 2 < s.n ? query_hex_of(s.p[i + 2]) : -1;
		if (s.p[i] == '%' && hi >= 0 && lo >= 0) {
			out[n++] = (char)(hi * 16 + lo);
			i += 2;
		} else {
			out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return (struct str){out, n};
}

/* One "name=value" of the query; false at its end. */
static bool query_next(struct request *rq, struct str *rest, struct str *name, struct str *value)
{
	struct arena *a = exchange_arena(rq->x);
	while (rest->n) {
		struct str pair = str_cut(rest, '&');
		if (!pair.n)
			continue;
		*name = percent_decode(a, str_cut(&pair, '='), true);
		*value = percent_decode(a, pair, true);
		if (!value->p)
			*value = S("");
		if (name->n > 2 && !memcmp(name->p + name->n - 2, "[]", 2))
			name->n -= 2;
		return true;
	}
	return false;
}

struct str query_get(struct request *rq, const char *want, size_t *at)
{
	struct str rest = exchange_request(rq->x)->query, name, value;
	size_t i = 0, from = at ? *at : 0;
	while (query_next(rq, &rest, &name, &value))
		if (str_eq(name, str_of(want)) && i++ >= from) {
			if (at)
				*at = i;
			return value;
		}
	return (struct str){0};
}

bool query_known(struct request *rq, const char *const *known, struct err *e)
{
	struct str rest = exchange_request(rq->x)->query, name, value;
	while (query_next(rq, &rest, &name, &value)) {
		bool found = str_eq(name, S("beta"));
		for (size_t i = 0; known[i] && !found; i++) {
			struct str k = str_of(known[i]);
			bool open = k.n && k.p[k.n - 1] == '['; /* "metadata[" stands for "metadata[x]" */
			found = open ? str_starts(name, k) && name.p[name.n - 1] == ']' : str_eq(name, k);
		}
		if (!found)
			return fail(e, ERR_UNKNOWN_PARAMETER, str_copy(exchange_arena(rq->x), name).p,
			            "Unknown parameter: '%.*s'.", FMT(name));
	}
	return true;
}

size_t query_pairs(struct request *rq, const char *open, struct str (*out)[2], size_t most)
{
	struct str rest = exchange_request(rq->x)->query, name, value, want = str_of(open);
	size_t n = 0;
	while (query_next(rq, &rest, &name, &value)) {
		if (!str_starts(name, want) || name.p[name.n - 1] != ']')
			continue;
		if (n < most) {
			out[n][0] = (struct str){name.p + want.n, name.n - want.n - 1};
			out[n][1] = value;
		}
		n++;
	}
	return n;
}

bool query_int(struct request *rq, const char *name, int64_t least, int64_t most, int64_t *ret, struct err *e)
{
	struct str v = query_get(rq, name, NULL);
	int64_t n;
	if (!v.p)
		return true;
	if (!str_int(v, &n))
		return fail(e, ERR_INVALID_TYPE, name, "Invalid type for '%s': expected an integer, but got a string instead.", name);
	if (n < least)
		return fail(e, ERR_INT_BELOW_MIN, name,
		            "Invalid '%s': integer below minimum value. Expected a value >= %lld, but got %lld instead.", name,
		            (long long)least, (long long)n);
	if (n > most)
		return fail(e, ERR_INT_ABOVE_MAX, name,
		            "Invalid '%s': integer above maximum value. Expected a value <= %lld, but got %lld instead.", name,
		            (long long)most, (long long)n);
	*ret = n;
	return true;
}

bool query_bool(struct request *rq, const char *name, bool *ret, struct err *e)
{
	struct str v = query_get(rq, name, NULL);
	if (!v.p)
		return true;
	if (!str_eq(v, S("true")) && !str_eq(v, S("false")))
		return fail(e, ERR_INVALID_TYPE, name, "Invalid type for '%s': expected a boolean, but got a string instead.", name);
	*ret = str_eq(v, S("true"));
	return true;
}
