/* toolrun.c - what a tool asks of its call while it runs, on a worker thread. */
#include "tools/toolrun.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "tools/tool.h"

bool toolrun_stopped(const struct toolrun *run)
{
	return atomic_load(&run->job.cancelled) || clock_mono_us() / 1000 >= run->due_ms;
}

void toolrun_forget(struct toolrun *run)
{
	run->call = NULL;
	atomic_store(&run->job.cancelled, true);
}

const _Atomic bool *toolrun_flag(const struct toolrun *run)
{
	return &run->job.cancelled;
}

int64_t toolrun_left_ms(const struct toolrun *run, int64_t most)
{
	int64_t left = run->due_ms - clock_mono_us() / 1000;
	return left < 1 ? 1 : left < most ? left : most;
}

struct note { /* lies on the heap until the loop has read it; the run is there, for its end is posted later */
	struct post post;
	struct toolrun *run;
};

static void on_note(struct post *p)
{
	struct note *n = OWNER(p, struct note, post);
	if (n->run->call)
		n->run->call->running(n->run->call);
	xfree(n);
}

void toolrun_running(struct toolrun *run)
{
	struct note *n = xalloc(sizeof *n);
	n->run = run;
	n->post.run = on_note;
	loop_post(run->job.loop, &n->post);
}

bool toolrun_fail(struct toolrun *run, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	run->result.failed = true;
	run->result.said = str_copy(&run->arena, str_of(text));
	run->result.sources = NULL;
	run->result.n_sources = 0;
	return false;
}
