/* prices.c - what tokens cost. */
#include "quota/prices.h"

#include "base/arena.h"

enum { DIGITS = 9, WHOLE_MOST = 9, MILLION = 1000000, LINES = 3 };

struct price {
	struct str model;
	int64_t input, cached, output; /* billionths of a dollar for a million tokens */
};
static struct price *prices;
static size_t n_prices;

bool dollars_read(struct str text, int64_t *ret)
{
	int64_t n = 0;
	size_t whole = 0, part = 0;
	bool point = false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '.' && !point && whole) {
			point = true;
		} else if (c >= '0' && c <= '9' && (point ? part++ < DIGITS : whole++ < WHOLE_MOST)) {
			n = n * 10 + (c - '0');
		} else {
			return false;
		}
	}
	for (size_t i = part; i < DIGITS; i++)
		n *= 10;
	*ret = n;
	return whole && (!point || part);
}

static bool price_read(struct str row, struct price *ret, struct err *e)
{
	struct str rest = row, numbers;
	int64_t at[LINES];
	size_t n = 0, eq = row.n;
	while (eq && row.p[eq - 1] != '=') /* names of models may have one, too */
		eq--;
	ret->model = str_trim((struct str){row.p, eq ? eq - 1 : 0});
	numbers = (struct str){rest.p + eq, rest.n - eq};
	while (ret->model.n && numbers.n && n < LINES && dollars_read(str_trim(str_cut(&numbers, '/')), &at[n]))
		n++;
	if (n < 2 || numbers.n)
		return fail(e, ERR_CONFIG, NULL,
			    "prices.models: '%.*s' is no price: MODEL=INPUT/OUTPUT or MODEL=INPUT/CACHED/OUTPUT, in "
			    "dollars for "
			    "a million tokens",
			    FMT(row));
	ret->input = at[0];
	ret->cached = n == LINES ? at[1] : at[0];
	ret->output = at[n - 1];
	return true;
}

bool prices_set(const struct str *rows, size_t n, struct err *e)
{
	xfree(prices);
	prices = xalloc((n + 1) * sizeof *prices);
	n_prices = n;
	for (size_t i = 0; i < n; i++)
		if (!price_read(rows[i], &prices[i], e))
			return false;
	return true;
}

bool prices_any(void)
{
	return n_prices > 0;
}

static const struct price *price_of(struct str model)
{
	const struct price *any = NULL;
	for (size_t i = 0; i < n_prices; i++) {
		if (str_eq(prices[i].model, model))
			return &prices[i];
		if (str_eq(prices[i].model, S("*")))
			any = &prices[i];
	}
	return any;
}

void prices_apply(struct usage_add *u)
{
	const struct price *p = price_of(u->model);
	struct usage_numbers *n = &u->n;
	if (!p)
		return;
	n->input_cost = (int64_t)((__int128)(n->input - n->cached) * p->input / MILLION);
	n->cached_cost = (int64_t)((__int128)n->cached * p->cached / MILLION);
	n->output_cost = (int64_t)((__int128)n->output * p->output / MILLION);
}
