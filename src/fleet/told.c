/* told.c - what an engine says of its own load. */
#include "fleet/told.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_MOST = 1000000 }; /* calls; more is no number of calls */

static const struct {
	struct str name;
	bool waits;
} names[] = {
    {STR("vllm:num_requests_running"), false}, {STR("vllm:num_requests_waiting"), true},
    {STR("sglang:num_running_reqs"), false},   {STR("sglang:num_queue_reqs"), true},
    {STR("llamacpp:requests_processing"), false}, {STR("llamacpp:requests_deferred"), true},
};

/* The value behind the name and its labels; -1: none. */
static double told_value(struct str rest)
{
	char number[40];
	if (rest.n && *rest.p == '{') {
		size_t end = rest.n;
		while (end && rest.p[end - 1] != '}') /* a label's value may hold one, too: the last one ends them */
			end--;
		rest = (struct str){rest.p + end, rest.n - end};
	}
	rest = str_trim(rest);
	rest = str_cut(&rest, ' '); /* a time may follow */
	if (!rest.n || rest.n >= sizeof number)
		return -1;
	memcpy(number, rest.p, rest.n);
	number[rest.n] = 0;
	char *end;
	double v = strtod(number, &end);
	return *end || !isfinite(v) || v < 0 || v > TOLD_MOST ? -1 : v;
}

bool told_read(struct str text, struct told_load *ret)
{
	bool any = false;
	*ret = (struct told_load){0};
	while (text.n) {
		struct str line = str_trim(str_cut(&text, '\n'));
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			if (!str_starts(line, names[i].name))
				continue;
			struct str rest = {line.p + names[i].name.n, line.n - names[i].name.n};
			if (!rest.n || (*rest.p != '{' && *rest.p != ' '))
				continue; /* a longer name */
			double v = told_value(rest);
			if (v < 0)
				continue;
			int64_t *n = names[i].waits ? &ret->waiting : &ret->running;
			*n = *n + (int64_t)v > TOLD_MOST ? TOLD_MOST : *n + (int64_t)v;
			any = true;
		}
	}
	return any;
}
