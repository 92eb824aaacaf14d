/* erase_door.c - POST /admin/erase. */
#include "main/erase_door.h"

#include "base/log.h"
#include "door/answer.h"
#include "loop/workers.h"
#include "net/exchange.h"
#include "wire/fields.h"

enum { RECEIPT_MAX = 1 << 20, NAME_MOST = 128 };

struct erase_door {
	struct erase with;
	struct loop *loop;
	struct workers *workers;
};

struct erase_body {
	struct str project, user;
	bool dry_run;
};

struct erase_job {
	struct job job;
	struct reader reader;
	struct exchange *x; /* NULL: the client left, or nobody asked */
	const struct erase *with;
	struct arena arena;
	struct erase_what what;
	bool resume;
	struct buf out;
	struct err err;
};

static void erase_door_run(struct job *job)
{
	struct erase_job *j = OWNER(job, struct erase_job, job);
	struct str what = {0};
	if (!j->resume) {
		erase_run(j->with, &j->what, &j->out, &j->err);
		return;
	}
	if (!erase_resume(j->with, &j->arena, &what, &j->err))
		log_at(LOG_WARN, "an erasure could not be ended", "reason=\"%s\"", j->err.msg);
	else if (what.n)
		log_at(LOG_INFO, "an erasure that was cut off is done", "%s", "");
}

static void erase_door_done(struct job *job)
{
	struct erase_job *j = OWNER(job, struct erase_job, job);
	if (j->x) {
		exchange_unwatch(j->x);
		if (j->err.code)
			answer_error(j->x, &j->err);
		else
			exchange_send(j->x, 200, S("application/json"), buf_str(&j->out));
	}
	buf_release(&j->out);
	arena_free(&j->arena);
	xfree(j);
}

static void erase_door_gone(struct reader *r)
{
	OWNER(r, struct erase_job, reader)->x = NULL; /* what was begun is finished */
}

static void erase_door_room(struct reader *r)
{
	(void)r; /* the answer is small and sent whole */
}

static struct erase_job *erase_job_new(struct erase_door *d, struct exchange *x)
{
	struct erase_job *j = xalloc(sizeof *j);
	*j = (struct erase_job){.job = {.run = erase_door_run, .done = erase_door_done},
				.reader = {erase_door_gone, erase_door_room},
				.x = x,
				.with = &d->with};
	buf_init(&j->out, RECEIPT_MAX);
	return j;
}

static bool erase_door_read(struct exchange *x, struct erase_job *j, struct err *e)
{
	static const struct field fields[] = {
	    FIELD(struct erase_body, project, F_STR, .nullable = true, .max = NAME_MOST),
	    FIELD(struct erase_body, user, F_STR, .nullable = true, .max = NAME_MOST),
	    FIELD(struct erase_body, dry_run, F_BOOL),
	    FIELD_END,
	};
	struct erase_body body = {0};
	yyjson_val *v;
	if (!json_parse(exchange_arena(x), exchange_request(x)->body, &v, e) ||
	    !fields_read(fields, v, "", NULL, &body, NULL, e))
		return false;
	if (!body.project.n == !body.user.n)
		return fail(e, ERR_INVALID_VALUE, "project", "Name either a 'project' or a 'user'.");
	j->what = (struct erase_what){str_copy(&j->arena, body.project), str_copy(&j->arena, body.user), body.dry_run};
	return true;
}

void erase_door_take(struct erase_door *d, struct exchange *x)
{
	struct erase_job *j = erase_job_new(d, x);
	struct err e = {0};
	bool ok = erase_door_read(x, j, &e);
	if (ok && !job_start(d->workers, d->loop, &j->job))
		ok = fail(&e, ERR_UNAVAILABLE, NULL, "Another erasure runs. Try again when it has ended.");
	if (ok) {
		exchange_watch(x, &j->reader);
		return;
	}
	answer_error(x, &e);
	buf_release(&j->out);
	arena_free(&j->arena);
	xfree(j);
}

struct erase_door *erase_door_new(struct loop *l, const struct erase *with)
{
	struct erase_door *d = xalloc(sizeof *d);
	*d = (struct erase_door){*with, l, workers_new("erase", 1, 4)};
	struct erase_job *j = erase_job_new(d, NULL);
	j->resume = true;
	if (!job_start(d->workers, l, &j->job)) {
		buf_release(&j->out);
		xfree(j);
	}
	return d;
}

void erase_door_free(struct erase_door *d)
{
	if (!d)
		return;
	workers_free(d->workers);
	xfree(d);
}
