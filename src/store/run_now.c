/* run_now.c - a background run as it now stands. */
#include "store/run_now.h"

#include <string.h>

static bool run_on_run(void *ctx, const struct cell *cells)
{
	struct run_now *run = ctx;
	size_t n = cells[5].s.n < sizeof run->status ? cells[5].s.n : sizeof run->status - 1;
	run->found = rnd_equal(cells[0].s, run->id) && (!cells[4].i || cells[4].i > run->now);
	run->ended = cells[1].i == STATE_ENDED;
	run->kept = cells[2].i;
	run->obfuscated = cells[3].i;
	if (n)
		memcpy(run->status, cells[5].s.p, n);
	run->created_at = cells[6].i;
	run->tries = cells[7].i;
	run->asker = cells[8].i;
	return false;
}

bool run_look(struct look *l, const struct id *id, struct run_now *ret, struct err *e)
{
	struct bind b[] = {INT(id->key), INT(l->project)};
	*ret = (struct run_now){.id = id, .now = l->now};
	return look_query(l, STMT_RUN_GET, b, 2, run_on_run, ret, e);
}
