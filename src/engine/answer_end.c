/* answer_end.c - how an answer ended, and what it cost. */
#include "engine/answer_end.h"

#include <stdlib.h>

enum { TOKENS_MAX = 1 << 30 }; /* of a call; what an engine tells beyond is nonsense, and sums must not overflow */

static const struct finish_row {
	struct str reason;
	enum finish finish;
	enum err_code fails; /* ERR_NONE: it ends */
	const char *told;
} finish_rows[] = {
#define ENDS(reason, finish) {STR(reason), finish, ERR_NONE, NULL},
#define FAILS(reason, code, text) {STR(reason), FINISH_STOP, code, text},
#include "engine/finish.def"
#undef ENDS
#undef FAILS
};

bool finish_read(struct str reason, enum finish *ret, struct err *e)
{
	*ret = FINISH_STOP;
	for (size_t i = 0; i < sizeof finish_rows / sizeof *finish_rows; i++) {
		const struct finish_row *row = &finish_rows[i];
		if (!str_eq_nocase(reason, row->reason))
			continue;
		if (row->fails != ERR_NONE)
			return fail(e, row->fails, NULL, "%s", row->told);
		*ret = row->finish;
	}
	return true;
}

void usage_init(struct usage_told *u)
{
	*u = (struct usage_told){-1, -1, -1, -1, -1};
}

/* A count, or -1. */
static int64_t count_of(yyjson_val *v)
{
	char text[32] = "", *end = text;
	struct str s = str_trim(json_str(v));
	double d = yyjson_get_num(v);
	if (yyjson_is_str(v)) {
		if (!s.n || s.n >= sizeof text)
			return -1;
		for (size_t i = 0; i < s.n; i++)
			text[i] = s.p[i];
		d = strtod(text, &end);
		if (end != text + s.n)
			return -1;
	} else if (!yyjson_is_num(v)) {
		return -1;
	}
	if (!(d > 0)) /* NaN, too */
		return d == 0 ? 0 : -1;
	return d < TOKENS_MAX ? (int64_t)d : TOKENS_MAX;
}

static void take_count(int64_t *ret, yyjson_val *v)
{
	int64_t n = count_of(v);
	if (n > *ret)
		*ret = n;
}

void usage_take(struct usage_told *u, yyjson_val *v)
{
	static const struct {
		size_t at;
		struct str inside, name; /* inside {0}: a member of the usage itself */
	} rows[] = {
	    {offsetof(struct usage_told, input), {0}, STR("prompt_tokens")},
	    {offsetof(struct usage_told, input), {0}, STR("input_tokens")},
	    {offsetof(struct usage_told, output), {0}, STR("completion_tokens")},
	    {offsetof(struct usage_told, output), {0}, STR("output_tokens")},
	    {offsetof(struct usage_told, total), {0}, STR("total_tokens")},
	    {offsetof(struct usage_told, cached), STR("prompt_tokens_details"), STR("cached_tokens")},
	    {offsetof(struct usage_told, cached), STR("input_tokens_details"), STR("cached_tokens")},
	    {offsetof(struct usage_told, cached), {0}, STR("cached_tokens")},
	    {offsetof(struct usage_told, cached), {0}, STR("prompt_cache_hit_tokens")}, /* DeepSeek's */
	    {offsetof(struct usage_told, reasoning), STR("completion_tokens_details"), STR("reasoning_tokens")},
	    {offsetof(struct usage_told, reasoning), STR("output_tokens_details"), STR("reasoning_tokens")},
	    {offsetof(struct usage_told, reasoning), {0}, STR("reasoning_tokens")},
	};
	if (!yyjson_is_obj(v)) /* as in most chunks, each of which asks three times */
		return;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		yyjson_val *from = rows[i].inside.n ? json_get(v, rows[i].inside) : v;
		take_count((int64_t *)((char *)u + rows[i].at), json_get(from, rows[i].name));
	}
}

static int64_t answer_end_least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

struct usage usage_sum(const struct usage_told *u, int64_t pieces, int64_t thoughts)
{
	int64_t input = u->input, output = u->output, reasoning = u->reasoning;
	bool nothing = input < 0 && output < 0;
	if (output < 0 && u->total >= 0 && input >= 0)
		output = u->total > input ? u->total - input : 0;
	if (output < 0)
		output = answer_end_least(pieces, TOKENS_MAX);
	if (input < 0)
		input = u->total > output ? u->total - output : 0;
	int64_t beyond = nothing ? 0 : u->total - input - output;
	if (beyond > 0 && u->output >= 0) {
		output += beyond;
		if (reasoning < 0)
			reasoning = beyond;
	} else if (u->total < 0 && u->output >= 0 && reasoning > output) {
		output += reasoning;
	}
	if (reasoning < 0)
		reasoning = thoughts;
	return (struct usage){
	    .input = input,
	    .cached = u->cached > 0 ? answer_end_least(u->cached, input) : 0,
	    .output = answer_end_least(output, TOKENS_MAX),
	    .reasoning = answer_end_least(reasoning, output),
	};
}
