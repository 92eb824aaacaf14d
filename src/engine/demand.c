/* demand.c - an answer in which tool_choice demands a call. */
#include "engine/demand.h"

enum { HELD_MAX = 256 * 1024 }; /* bytes of events; a longer answer is told as it comes */

struct demand_held {
	struct model_event ev;
	struct demand_held *next;
};

struct demand *demand_begin(struct demand *d, struct arena *a, const struct engine_caps *caps, const struct prompt *p,
			    void (*emit)(void *ctx, const struct model_event *), void *ctx)
{
	bool demands = caps->tools && p->n_tools && (p->choice == CHOICE_REQUIRED || p->choice == CHOICE_NAMED);
	if (!d && !demands)
		return NULL;
	if (!d) {
		d = new(a, struct demand);
		*d = (struct demand){.emit = emit, .ctx = ctx};
	}
	d->arena = a;
	d->first = NULL;
	d->last = &d->first;
	d->bytes = 0;
	d->holds = !d->again && demands;
	return d;
}

void demand_end(struct demand *d)
{
	if (!d)
		return;
	d->holds = false;
	for (struct demand_held *h = d->first; h; h = h->next)
		d->emit(d->ctx, &h->ev);
	d->first = NULL;
	d->last = &d->first;
}

void demand_event(struct demand *d, const struct model_event *ev)
{
	if (d->holds && (ev->kind == ME_CALL_BEGIN || ev->kind == ME_REFUSAL))
		demand_end(d);
	if (!d->holds || ev->kind == ME_REASONING) {
		d->emit(d->ctx, ev);
		return;
	}
	struct demand_held *h = new(d->arena, struct demand_held);
	h->ev = *ev;
	h->ev.text = str_copy(d->arena, ev->text);
	h->ev.logprobs = str_copy(d->arena, ev->logprobs);
	*d->last = h;
	d->last = &h->next;
	d->bytes += sizeof *h + ev->text.n + ev->logprobs.n;
	if (d->bytes > HELD_MAX)
		demand_end(d);
}

bool demand_again(struct demand *d, const struct engine_caps **caps, const struct usage *spent)
{
	if (!d || !d->holds)
		return false;
	d->again = true;
	d->holds = false;
	d->first = NULL;
	d->spent = *spent;
	d->caps = **caps;
	d->caps.tools = false;
	*caps = &d->caps;
	return true;
}

const struct usage *demand_spent(const struct demand *d)
{
	static const struct usage none;
	return d ? &d->spent : &none;
}

bool demand_fail(struct err *e)
{
	return fail(e, ERR_ENGINE, NULL, "The model made no function call although 'tool_choice' demands one.");
}
