/* turn_machine.c - what moves a turn along its steps. */
#include "turn/turn_machine.h"

#include <assert.h>

#include "door/slice.h"

static void turn_on_rest(struct deferred *d)
{
	turn_run(OWNER(d, struct turn, clocks.rest));
}

void turn_rest(struct turn *t)
{
	loop_yield(t->api->loop, &t->clocks.rest, turn_on_rest);
}

void turn_run(struct turn *t)
{
	enum flow f;
	int64_t began_us = clock_mono_us();
	defer_cancel(&t->clocks.rest); /* something else goes on with it */
	do
		f = t->api->api->machine->steps[t->step].run(t);
	while (f == GO && !slice_over(began_us));
	if (f == GO)
		turn_rest(t);
	else if (f == END)
		t->api->api->machine->free(t);
}

enum flow turn_goto(struct turn *t, enum turn_step next)
{
	assert(t->api->api->machine->steps[t->step].to & (1u << next)); /* the only place a step changes */
	t->step = next;
	phases_enter(&t->clocks.phases, &t->arena, t->api->api->machine->steps[next].phase, 0);
	return GO;
}

struct err *turn_error(struct turn *t)
{
	if (!t->error)
		t->error = xalloc(sizeof *t->error);
	return t->error;
}

enum err_code turn_failed(const struct turn *t)
{
	return t->error ? t->error->code : ERR_NONE;
}

void turn_error_rest(struct turn *t)
{
	if (turn_failed(t))
		return;
	xfree(t->error);
	t->error = NULL;
}

void turn_on_store(struct store_op *op, const struct err *e)
{
	struct turn *t = OWNER(op, struct turn, op);
	if (e->code != ERR_NONE && turn_failed(t) == ERR_NONE)
		*turn_error(t) = *e;
	turn_run(t);
}
