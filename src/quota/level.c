/* level.c - a limit that drains. */
#include "quota/level.h"

/* What n units are worth; n * period may pass 64 bits. */
static int64_t level_worth(struct level_rule r, int64_t n)
{
	return (int64_t)((__int128)n * r.period_ns / r.most);
}

static int64_t level_taken(const struct level *l, int64_t now)
{
	return l->full_at > now ? l->full_at - now : 0;
}

int64_t level_wait(const struct level *l, struct level_rule r, int64_t n, int64_t now)
{
	if (n > r.most)
		return -1;
	int64_t over = level_taken(l, now) + level_worth(r, n) - r.period_ns;
	return over > 0 ? over : 0;
}

void level_charge(struct level *l, struct level_rule r, int64_t n, int64_t now)
{
	int64_t worth = level_worth(r, n);
	if (!l->added)
		l->began = now;
	l->full_at = (l->full_at > now ? l->full_at : now) + worth;
	l->added += worth;
}

int64_t level_left(const struct level *l, struct level_rule r, int64_t now)
{
	int64_t free_ns = r.period_ns - level_taken(l, now);
	/* A unit's worth is rounded down: what is left of it is no unit taken. */
	return free_ns <= 0 ? 0 : (int64_t)((__int128)free_ns * r.most / r.period_ns);
}

void level_settle(struct level *l, int64_t full_at, int64_t sent)
{
	l->added -= sent;
	l->full_at = full_at + l->added;
}
