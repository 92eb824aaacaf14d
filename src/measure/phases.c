/* phases.c - where the time of one turn goes. */
#include "measure/phases.h"

#include "base/clock.h"
#include "measure/measure.h"
#include "wire/jout.h"

enum { MOMENT_US = 20 };

const struct str phase_names[N_PHASES] = {
#define PHASE(NAME, text, help) [PHASE_##NAME] = STR(text),
#include "measure/phases.def"
#undef PHASE
};

static int64_t since(const struct phases *p, int64_t at_us)
{
	int64_t us = (at_us ? at_us : clock_mono_us()) - p->began_us;
	return us > 0 ? us : 0;
}

void phases_begin(struct phases *p, struct arena *a, int64_t at_us, enum phase first)
{
	struct phase_mark *m = new (a, struct phase_mark);
	m->phase = first;
	*p = (struct phases){.began_us = at_us, .first = m, .last = m, .tools_end = &p->tools, .n = 1};
	atomic_store_explicit(&p->now, (int)first, memory_order_relaxed);
}

/* Which span a phase belongs to. */
static unsigned span_of(struct phases *p, enum phase phase)
{
	return phase == PHASE_SAVE ? phases_span(p) : phase == PHASE_PROMPT || phase == PHASE_ANSWER ? p->call : 0;
}

void phases_enter(struct phases *p, struct arena *a, enum phase next, int64_t at_us)
{
	if (p->last->phase == next)
		return;
	atomic_store_explicit(&p->now, (int)next, memory_order_relaxed);
	int64_t us = since(p, at_us);
	if (us < p->last->at_us)
		us = p->last->at_us;
	if (next == PHASE_ANSWER && !p->first_token_us)
		p->first_token_us = us ? us : 1;
	if (us - p->last->at_us < MOMENT_US && p->last != p->first) {
		p->last->phase = next;
		p->last->span = span_of(p, next);
		return;
	}
	if (p->n >= measure_limits.phases && next != PHASE_SAVE)
		return;
	struct phase_mark *m = new (a, struct phase_mark);
	*m = (struct phase_mark){.at_us = us, .phase = next, .span = span_of(p, next)};
	p->last->next = m;
	p->last = m;
	p->n++;
}

struct phase_tool *phases_tool(struct phases *p, struct arena *a, struct str name)
{
	if (p->n >= measure_limits.phases)
		return NULL;
	struct phase_tool *t = new (a, struct phase_tool);
	*t = (struct phase_tool){.name = str_copy(a, name), .at_us = since(p, 0), .span = phases_span(p)};
	*p->tools_end = t;
	p->tools_end = &t->next;
	p->n++;
	return t;
}

void phases_tool_end(const struct phases *p, struct phase_tool *t, bool ok)
{
	if (!t)
		return;
	t->end_us = since(p, 0);
	t->ok = ok;
}

struct str phases_line(const struct phases *p, struct arena *a)
{
	int64_t in[N_PHASES] = {0}, now = since(p, 0);
	struct buf b;
	buf_init(&b, 1024);
	for (const struct phase_mark *m = p->first; m; m = m->next)
		in[m->phase] += (m->next ? m->next->at_us : now) - m->at_us;
	for (int i = 0; i < N_PHASES; i++)
		if (in[i])
			buf_fmt(&b, "%s%.*s=%.3f", b.n ? " " : "", FMT(phase_names[i]), (double)in[i] / 1000);
	struct str line = str_copy(a, buf_str(&b));
	buf_release(&b);
	return line;
}

void phases_write(const struct phases *p, struct buf *b)
{
	struct jout o = {b, false};
	jo_obj(&o);
	jo_key(&o, S("phases"));
	jo_arr(&o);
	for (const struct phase_mark *m = p->first; m; m = m->next) {
		jo_arr(&o);
		jo_str(&o, phase_names[m->phase]);
		jo_int(&o, m->at_us);
		jo_arr_end(&o);
	}
	jo_arr_end(&o);
	if (p->tools) {
		jo_key(&o, S("tools"));
		jo_arr(&o);
		for (const struct phase_tool *t = p->tools; t; t = t->next) {
			jo_arr(&o);
			jo_str(&o, t->name);
			jo_int(&o, t->at_us);
			jo_int(&o, t->end_us);
			jo_bool(&o, t->ok);
			jo_arr_end(&o);
		}
		jo_arr_end(&o);
	}
	jo_obj_end(&o);
}
