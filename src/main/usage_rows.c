/* usage_rows.c - usage as a table in a terminal. */
#include "main/usage_rows.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct usage_line {
	struct usage_line *next;
	struct str day, project, key, model, batch;
	int64_t requests, input, cached, output;
};
struct usage_lines {
	struct arena *arena;
	struct usage_line *first, **last;
	bool by_day;
};

static struct str usage_rows_day(struct arena *a, int64_t at)
{
	char text[16];
	struct tm tm;
	time_t t = (time_t)at;
	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%Y-%m-%d", &tm);
	return str_copy(a, str_of(text));
}

static bool usage_rows_same(const struct usage_line *a, const struct usage_line *b)
{
	return str_eq(a->day, b->day) && str_eq(a->project, b->project) && str_eq(a->key, b->key) &&
	       str_eq(a->model, b->model) && str_eq(a->batch, b->batch);
}

static struct str usage_rows_text(yyjson_val *v, const char *name)
{
	struct str s = json_str(json_get(v, str_of(name)));
	return s.p ? s : S("");
}

static int64_t usage_rows_number(yyjson_val *v, const char *name)
{
	return yyjson_get_sint(json_get(v, str_of(name)));
}

static void usage_rows_add(struct usage_lines *all, int64_t start, yyjson_val *r)
{
	yyjson_val *batch = json_get(r, S("batch"));
	struct usage_line one = {.day = all->by_day ? usage_rows_day(all->arena, start) : S(""),
				 .project = usage_rows_text(r, "project_id"),
				 .key = usage_rows_text(r, "api_key_id"),
				 .model = usage_rows_text(r, "model"),
				 .batch = yyjson_is_true(batch) ? S("batch") : S("")},
			  *at = all->first;
	while (at && !usage_rows_same(at, &one))
		at = at->next;
	if (!at) {
		at = new (all->arena, struct usage_line);
		*at = one;
		*all->last = at;
		all->last = &at->next;
	}
	at->requests += usage_rows_number(r, "num_model_requests");
	at->input += usage_rows_number(r, "input_tokens");
	at->cached += usage_rows_number(r, "input_cached_tokens");
	at->output += usage_rows_number(r, "output_tokens");
}

static double usage_rows_cost(yyjson_val *costs)
{
	yyjson_val *bucket, *r;
	size_t i, j, n, m;
	double sum = 0;
	yyjson_arr_foreach(json_get(costs, S("data")), i, n, bucket)
	    yyjson_arr_foreach(json_get(bucket, S("results")), j, m, r) sum +=
	    yyjson_get_num(json_get(json_get(r, S("amount")), S("value")));
	return sum;
}

void usage_rows_print(struct arena *a, yyjson_val *used, yyjson_val *costs, bool by_day)
{
	struct usage_lines all = {.arena = a, .by_day = by_day};
	yyjson_val *bucket, *r;
	size_t i, j, n, m;
	double cost = usage_rows_cost(costs);
	all.last = &all.first;
	yyjson_arr_foreach(json_get(used, S("data")), i, n, bucket)
	    yyjson_arr_foreach(json_get(bucket, S("results")), j, m, r)
		usage_rows_add(&all, usage_rows_number(bucket, "start_time"), r);
	printf("%-10s  %9s  %12s  %12s  %12s  %s\n", by_day ? "DAY (UTC)" : "", "REQUESTS", "INPUT", "CACHED", "OUTPUT",
	       "OF");
	for (const struct usage_line *l = all.first; l; l = l->next) {
		printf("%-10.*s  %9lld  %12lld  %12lld  %12lld ", FMT(l->day), (long long)l->requests,
		       (long long)l->input, (long long)l->cached, (long long)l->output);
		const struct str names[] = {l->model, l->project, l->key, l->batch};
		for (size_t k = 0; k < sizeof names / sizeof *names; k++)
			if (names[k].n)
				printf(" %.*s", FMT(names[k]));
		printf("\n");
	}
	if (cost > 0)
		printf("\nCost: $%.4f\n", cost);
}
