/* phases.h - where the time of one turn goes.
 *
 * A list of marks: each is the begin of a phase (phases.def), which lasts until the next, so that their sum is the
 * whole; and beside it the calls of hosted tools, which may run side by side. At most metrics.phases of both are kept.
 * Times are microseconds of clock_mono_us(), in the marks since began_us. What is kept with a response is JSON:
 *
 *   {"phases":[["load",0],["queue",310],["prompt",340],["answer",52000],["save",910000]],
 *    "tools":[["web_search",61000,352000,true]]}
 *
 * name and begin; name, begin, end and whether it ended well. The last phase, `save`, is the write that carries all
 * this, so its own end is not in it. One thread, that of the turn; marks lie in its arena. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"

enum phase {
#define PHASE(NAME, text, help) PHASE_##NAME,
#include "measure/phases.def"
#undef PHASE
	N_PHASES
};
extern const struct str phase_names[N_PHASES];

struct phase_mark {
	struct phase_mark *next;
	int64_t at_us;
	enum phase phase;
	unsigned span; /* phases_span() of the call of an engine, or of the write, that it belongs to; 0: none */
};
struct phase_tool {
	struct phase_tool *next;
	struct str name;
	int64_t at_us, end_us; /* 0: it runs */
	unsigned span;         /* phases_span() */
	bool ok;
};
struct phases {
	int64_t began_us;
	struct phase_mark *first, *last;
	struct phase_tool *tools, **tools_end;
	int n;                   /* of both */
	_Atomic int now;         /* the present phase; this and what follows: any thread may look */
	_Atomic unsigned pieces; /* how often the engine said something */
	unsigned spans, call;    /* numbers that were given; that of the present call of an engine */
	int64_t first_token_us;  /* of the first PHASE_ANSWER, since began_us; 0: none yet */
};

/* It began then, in this phase. */
void phases_begin(struct phases *p, struct arena *a, int64_t at_us, enum phase first);
/* Another phase from `at_us` on (0: now). One that lasted less than a moment (20 us) belongs to the next. */
void phases_enter(struct phases *p, struct arena *a, enum phase next, int64_t at_us);
static inline enum phase phases_now(const struct phases *p)
{
	return (enum phase)atomic_load_explicit(&p->now, memory_order_relaxed);
}
/* The engine said something. */
static inline void phases_piece(struct phases *p)
{
	atomic_store_explicit(&p->pieces, atomic_load_explicit(&p->pieces, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}
/* A number of its own for what is asked elsewhere: a span of traces. */
static inline unsigned phases_span(struct phases *p)
{
	return ++p->spans;
}
/* A call of an engine begins: its number. */
static inline unsigned phases_call(struct phases *p)
{
	return p->call = phases_span(p);
}
/* A tool begins; NULL when too many are kept. Its name is copied. */
struct phase_tool *phases_tool(struct phases *p, struct arena *a, struct str name);
void phases_tool_end(const struct phases *p, struct phase_tool *t, bool ok);
/* "load=0.410 prompt=51.200 save=2.100": milliseconds in each until now, in `a`. */
struct str phases_line(const struct phases *p, struct arena *a);
/* As it is kept. */
void phases_write(const struct phases *p, struct buf *b);
