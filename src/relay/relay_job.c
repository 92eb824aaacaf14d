/* relay_job.c - what blocks or takes long for a relay. */
#include "relay/relay_job.h"

enum { LEFT_MOST = 65536 };

void relay_job_free(struct relay_job *j)
{
	struct arena a = j->arena;
	if (j->relay)
		j->relay->busy = NULL;
	buf_release(&j->in);
	buf_release(&j->out);
	arena_free(&a);
}

static void relay_job_run(struct job *job)
{
	struct relay_job *j = OWNER(job, struct relay_job, job);
	struct err e = {0};
	if (!j->work(j, &e))
		j->error = e;
}

static void relay_job_done(struct job *job)
{
	struct relay_job *j = OWNER(job, struct relay_job, job);
	struct relay *r = j->relay;
	if (r) {
		r->busy = NULL;
		j->relay = NULL;
	}
	if (r && j->error.code)
		relay_fail(r, &j->error);
	else if (r && j->then)
		j->then(r, j);
	else if (r)
		relay_answer(r, j->type, buf_str(&j->out));
	relay_job_free(j);
}

struct relay_job *relay_job_new(struct relay *r, bool (*work)(struct relay_job *j, struct err *e))
{
	struct arena a = {0};
	struct relay_job *j = new (&a, struct relay_job);
	*j = (struct relay_job){.relay = r, .work = work, .in = r->answer, .type = S("application/json")};
	buf_init(&r->answer, LEFT_MOST);
	buf_init(&j->out, SIZE_MAX / 2);
	j->arena = a;
	r->busy = j;
	return j;
}

void relay_job_start(struct relay_job *j, struct workers *w)
{
	struct relay *r = j->relay;
	struct err busy = {.retry_after_ms = 1000};
	j->job.run = relay_job_run;
	j->job.done = relay_job_done;
	if (job_start(w, r->api->loop, &j->job))
		return;
	fail(&busy, ERR_BUSY, NULL, "Too many requests of this kind are waiting. Please retry in a moment.");
	relay_job_free(j);
	relay_fail(r, &busy);
}
