/* breaker.h - a circuit breaker: who fails too often is left out for a while, then tried by one call.
 *
 *   closed --failures--> open --its time is over--> half-open (one call) --well--> closed
 *                          ^                            |
 *                          +----- failed, twice as long-+
 *
 * A failure is one of the engine, not of the request: no connection, a cut, a timeout, 5xx. {0} is a closed one. Pure;
 * times are milliseconds of a clock that never goes back. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
struct breaker {
	enum breaker_state state;
	uint32_t calls, failed; /* one bit a call, the last one lowest: was there one, and did it fail */
	int64_t in_a_row;
	int64_t until_ms, wait_ms; /* open: until when; how long that was */
	bool probing;              /* half-open: the one call is under way */
};
/* May a call be made? An open one whose time is over becomes half-open. */
bool breaker_allows(struct breaker *b, int64_t now_ms);
/* A call begins: the one of a half-open breaker is taken by it. */
void breaker_begin(struct breaker *b);
/* It has ended, well or badly. */
void breaker_end(struct breaker *b, bool ok, int64_t now_ms);
/* It has ended and says nothing of the engine: it was cancelled. */
void breaker_drop(struct breaker *b);
struct str breaker_name(enum breaker_state state);
