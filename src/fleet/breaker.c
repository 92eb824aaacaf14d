/* breaker.c - a circuit breaker: who fails too often is left out for a while, then tried by one call. */
#include "fleet/breaker.h"

#include "fleet/limits.h"

enum { RATE_CALLS = 10 }; /* fewer calls than that have no rate */

struct str breaker_name(enum breaker_state state)
{
	static const struct str names[] = {
	    [BREAKER_CLOSED] = STR("closed"), [BREAKER_OPEN] = STR("open"), [BREAKER_HALF_OPEN] = STR("half-open")};
	return names[state];
}

bool breaker_allows(struct breaker *b, int64_t now_ms)
{
	if (b->state == BREAKER_OPEN && now_ms >= b->until_ms) {
		b->state = BREAKER_HALF_OPEN;
		b->probing = false;
	}
	return b->state == BREAKER_CLOSED || (b->state == BREAKER_HALF_OPEN && !b->probing);
}

void breaker_begin(struct breaker *b)
{
	if (b->state == BREAKER_HALF_OPEN)
		b->probing = true;
}

void breaker_drop(struct breaker *b)
{
	b->probing = false;
}

static void breaker_open(struct breaker *b, int64_t now_ms)
{
	int64_t wait = b->wait_ms ? b->wait_ms * 2 : fleet_limits.breaker_ms;
	b->wait_ms = wait < fleet_limits.breaker_most_ms ? wait : fleet_limits.breaker_most_ms;
	b->until_ms = now_ms + b->wait_ms;
	b->state = BREAKER_OPEN;
	b->calls = b->failed = 0;
	b->in_a_row = 0;
	b->probing = false;
}

static bool fails_often(const struct breaker *b)
{
	int calls = __builtin_popcount(b->calls), failed = __builtin_popcount(b->failed);
	return b->in_a_row >= fleet_limits.breaker_failures ||
	       (calls >= RATE_CALLS && failed * 100 >= calls * fleet_limits.breaker_percent);
}

void breaker_end(struct breaker *b, bool ok, int64_t now_ms)
{
	if (b->state == BREAKER_OPEN)
		return; /* a call from before: it was counted out already */
	if (b->state == BREAKER_HALF_OPEN) {
		if (ok)
			*b = (struct breaker){0};
		else
			breaker_open(b, now_ms);
		return;
	}
	b->calls = b->calls << 1 | 1;
	b->failed = b->failed << 1 | !ok;
	b->in_a_row = ok ? 0 : b->in_a_row + 1;
	if (!ok && fails_often(b))
		breaker_open(b, now_ms);
}
