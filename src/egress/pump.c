/* pump.c - two ends, and what passes between them. */
#include "egress/pump.h"

#include <poll.h>

#include "base/clock.h"
#include "egress/egress.h"

enum { TICK_MS = 200, PIECE = 16384, WAITING = 65536 /* bytes for one end, before the other is read on */ };

void pump_init(struct pump *p, int in, const _Atomic bool *cut)
{
	*p = (struct pump){.in.fd = in, .out.fd = -1, .cut = cut};
	p->until_us = clock_mono_us() + egress_limits.total_ms * 1000;
	buf_init(&p->up.out, SIZE_MAX / 2); /* bounded by WAITING and one piece as it was read */
	buf_init(&p->down.out, SIZE_MAX / 2);
}

void pump_release(struct pump *p)
{
	end_close(&p->in);
	end_close(&p->out);
	buf_release(&p->up.out);
	buf_release(&p->down.out);
}

bool pump_wait(const struct pump *p, const struct end *x, short events, int64_t until_us)
{
	while (clock_mono_us() < until_us && !atomic_load(p->cut)) {
		struct pollfd on = {.fd = x->fd, .events = events};
		if (poll(&on, 1, TICK_MS) > 0)
			return true;
	}
	return false;
}

/* false: the end is gone. */
static bool pump_write(struct lane *l, struct end *to)
{
	int n = 1;
	while (l->out.n && (n = end_write(to, buf_str(&l->out))) > 0) {
		l->bytes += n;
		buf_drop(&l->out, (size_t)n);
	}
	if (n == END_OVER)
		return false;
	if (l->ended && !l->out.n && !l->finished) {
		l->finished = true;
		end_finish(to);
	}
	return true;
}

static void pump_read(struct pump *p, struct end *from, struct lane *to, void (*on)(struct pump *, struct str))
{
	char piece[PIECE];
	int n = 1;
	while (!to->ended && to->out.n < WAITING && (n = end_read(from, piece, sizeof piece)) > 0)
		on(p, (struct str){piece, (size_t)n});
	if (n == END_OVER)
		on(p, (struct str){0});
}

static short pump_events(const struct end *x, const struct lane *from, const struct lane *to)
{
	bool read = !from->ended && from->out.n<WAITING, write = to->out.n> 0 || x->write;
	return (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0));
}

static int64_t pump_passed(const struct pump *p)
{
	return p->up.bytes + p->down.bytes;
}

void pump_run(struct pump *p)
{
	int64_t heard = clock_mono_us(), passed = 0;
	while (!p->down.finished && !atomic_load(p->cut)) {
		struct pollfd on[] = {{.fd = p->in.fd, .events = pump_events(&p->in, &p->up, &p->down)},
				      {.fd = p->out.fd, .events = pump_events(&p->out, &p->down, &p->up)}};
		bool at_hand = (end_pending(&p->in) && (on[0].events & POLLIN)) ||
			       (end_pending(&p->out) && (on[1].events & POLLIN));
		for (int i = 0; i < 2; i++)
			if (!on[i]
				 .events) /* one that hung up would be told without end; whoever writes to it sees it */
				on[i].fd = -1;
		poll(on, 2, at_hand ? 0 : TICK_MS);
		if (on[0].events & POLLIN)
			pump_read(p, &p->in, &p->up, p->on_in);
		if (on[1].events & POLLIN)
			pump_read(p, &p->out, &p->down, p->on_out);
		if (!pump_write(&p->down, &p->in))
			return;
		if (!pump_write(&p->up, &p->out)) { /* it may have answered before it had all */
			p->up.ended = p->up.finished = true;
			buf_clear(&p->up.out);
		}
		int64_t now = clock_mono_us();
		if (pump_passed(p) > passed)
			heard = now;
		passed = pump_passed(p);
		if (passed > egress_limits.bytes || now > p->until_us || now - heard > egress_limits.idle_ms * 1000)
			return;
	}
}

bool pump_flush(struct pump *p, int64_t until_us)
{
	while (p->down.out.n) {
		if (!pump_write(&p->down, &p->in))
			return false;
		if (p->down.out.n && !pump_wait(p, &p->in, POLLOUT, until_us))
			return false;
	}
	return true;
}
