/* owner_job.c - what the machine's owner asks for over the admin socket, and a worker answers. */
#include "main/owner_job.h"

#include "door/answer.h"

static void owner_job_end(struct owner_job *j)
{
	if (j->x && j->err.code)
		answer_error(j->x, &j->err);
	else if (j->x)
		exchange_send(j->x, 200, S("application/json"), buf_str(&j->out));
	buf_release(&j->out);
	arena_free(&j->arena);
	xfree(j);
}

static void owner_job_done(struct job *job)
{
	struct owner_job *j = OWNER(job, struct owner_job, job);
	if (j->x)
		exchange_unwatch(j->x);
	owner_job_end(j);
}

static void owner_job_gone(struct reader *r)
{
	OWNER(r, struct owner_job, reader)->x = NULL;
}

static void owner_job_room(struct reader *r)
{
	(void)r; /* the answer is small and sent whole */
}

void owner_job_init(struct owner_job *j, struct exchange *x, size_t most, void (*run)(struct job *))
{
	*j = (struct owner_job){
	    .job = {.run = run, .done = owner_job_done}, .reader = {owner_job_gone, owner_job_room}, .x = x};
	buf_init(&j->out, most);
}

void owner_job_start(struct owner_job *j, struct workers *w, struct loop *l, const char *busy)
{
	bool begun = !j->err.code && (job_start(w, l, &j->job) || fail(&j->err, ERR_UNAVAILABLE, NULL, "%s", busy));
	if (!begun)
		owner_job_end(j);
	else if (j->x)
		exchange_watch(j->x, &j->reader);
}
