/* turn_machine.c - what moves a turn along its steps. */
#include "turn/turn_machine.h"

#include <assert.h>

void turn_run(struct turn *t)
{
	enum flow f;
	do
		f = t->api->api->machine->steps[t->step].run(t);
	while (f == GO);
	if (f == END)
		t->api->api->machine->free(t);
}

enum flow turn_goto(struct turn *t, enum turn_step next)
{
	assert(t->api->api->machine->steps[t->step].to & (1u << next)); /* the only place a step changes */
	t->step = next;
	return GO;
}

void turn_on_store(struct store_op *op, const struct err *e)
{
	struct turn *t = OWNER(op, struct turn, op);
	if (e->code != ERR_NONE && t->error.code == ERR_NONE)
		t->error = *e;
	turn_run(t);
}
