/* tool_search.c - deferred tools ranked by the words of a question, on a worker thread. */
#include "tools/tool_search.h"

#include <stdatomic.h>
#include <string.h>

#include "tools/internal.h"

enum { SAID_MOST = 4096 };

struct tool_search_run {
	struct job job;
	struct tool_search *search; /* NULL: cancelled. Loop thread */
	struct arena arena;
	struct few_text *texts;
	size_t n, most, found, *best;
	struct str question;
};

static void tool_search_work(struct job *job)
{
	struct tool_search_run *run = OWNER(job, struct tool_search_run, job);
	run->found = few_rank(run->texts, run->n, run->question, run->best, run->most);
}

static void tool_search_free(struct tool_search_run *run)
{
	arena_free(&run->arena);
	xfree(run);
}

static void tool_search_on_done(struct job *job)
{
	struct tool_search_run *run = OWNER(job, struct tool_search_run, job);
	struct tool_search *s = run->search;
	if (s) {
		s->run = NULL;
		s->n = run->found;
		s->best = new_array(s->arena, size_t, run->found + 1);
		if (run->found)
			memcpy(s->best, run->best, run->found * sizeof *s->best);
	}
	tool_search_free(run);
	if (s)
		s->done(s);
}

/* Whole characters of its beginning. */
static struct str tool_search_cut(struct str s)
{
	if (s.n > SAID_MOST)
		for (s.n = SAID_MOST; s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80;)
			s.n--;
	return s;
}

bool tool_search_start(struct tools_port *p, struct tool_search *s, struct arena *a, const struct tool_search_ask *ask)
{
	struct tool_search_run *run = xalloc(sizeof *run);
	*run = (struct tool_search_run){.search = s, .n = ask->n, .most = ask->most};
	run->job.run = tool_search_work;
	run->job.done = tool_search_on_done;
	run->question = str_copy(&run->arena, ask->question);
	run->best = new_array(&run->arena, size_t, ask->most + 1);
	run->texts = new_array(&run->arena, struct few_text, ask->n + 1);
	for (size_t i = 0; i < ask->n; i++)
		run->texts[i] = (struct few_text){str_copy(&run->arena, ask->texts[i].name),
						  str_copy(&run->arena, tool_search_cut(ask->texts[i].said))};
	s->arena = a;
	s->run = run;
	if (tools_job(p, &run->job, POOL_QUICK))
		return true;
	s->run = NULL;
	tool_search_free(run);
	return false;
}

void tool_search_cancel(struct tool_search *s)
{
	if (!s->run)
		return;
	s->run->search = NULL;
	atomic_store(&s->run->job.cancelled, true);
	s->run = NULL;
}
