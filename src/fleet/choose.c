/* choose.c - which member of a fleet answers a call. */
#include "fleet/choose.h"

#include "fleet/limits.h"

/* Equals in turns: the first one behind `turn`. */
static size_t in_turn(const struct choosing *c, size_t i, size_t n)
{
	return (c->turn + i) % n;
}

static int choose_by_load(const struct choosing *c, const struct candidate *list, size_t n)
{
	int best = -1;
	for (size_t i = 0; i < n; i++) {
		size_t at = in_turn(c, i, n);
		if (list[at].able && (best < 0 || list[at].load < list[best].load))
			best = (int)at;
	}
	return best;
}

/* Rendezvous hashing: a member that comes or goes moves only its own keys. */
static int choose_by_key(const struct choosing *c, const struct candidate *list, size_t n, int64_t most)
{
	int best = -1;
	uint64_t high = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t both[2] = {c->key, list[i].id}, h = prefix_hash((struct str){(const char *)both, sizeof both});
		if (!list[i].able || list[i].load > most || h <= high)
			continue;
		best = (int)i;
		high = h;
	}
	return best;
}

static int choose_by_prefix(const struct choosing *c, const struct candidate *list, size_t n, int64_t most)
{
	uint64_t read[PREFIX_MEMBERS], able = 0;
	int64_t least = 0;
	int best = -1;
	bool any = false;
	for (size_t i = 0; i < n; i++)
		able |= (uint64_t)list[i].able << i;
	prefixes_match(c->prefixes, c->marks, able, read);
	for (size_t i = 0; i < n; i++) {
		size_t at = in_turn(c, i, n);
		if (!list[at].able)
			continue;
		int64_t worth = list[at].load > most ? 0 : (int64_t)read[at];
		int64_t cost = list[at].load * fleet_limits.call_bytes - worth;
		any |= worth > 0;
		if (best < 0 || cost < least || (cost == least && list[at].load < list[best].load)) {
			best = (int)at;
			least = cost;
		}
	}
	return any ? best : -1;
}

int fleet_choose(const struct choosing *c, const struct candidate *list, size_t n, enum choice_reason *why)
{
	int idle = choose_by_load(c, list, n), ret = -1;
	if (idle < 0)
		return -1;
	int64_t most = list[idle].load + fleet_limits.imbalance;
	*why = CHOSEN_PREFIX;
	if (c->prefixes && c->marks && c->marks->n)
		ret = choose_by_prefix(c, list, n, most);
	if (ret >= 0)
		return ret;
	*why = CHOSEN_KEY;
	if (c->key)
		ret = choose_by_key(c, list, n, most);
	if (ret >= 0)
		return ret;
	*why = CHOSEN_LOAD;
	return idle;
}
