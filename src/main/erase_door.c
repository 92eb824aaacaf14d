/* erase_door.c - POST /admin/erase. */
#include "main/erase_door.h"

#include "base/log.h"
#include "main/owner_job.h"
#include "wire/fields.h"

enum { RECEIPT_MAX = 1 << 20, NAME_MOST = 128 };

static const char BUSY[] = "Another erasure runs. Try again when it has ended.";

struct erase_door {
	struct erase with;
	struct sent *sent; /* requests that engines were sent */
	struct loop *loop;
	struct workers *workers;
};

struct erase_body {
	struct str project, user;
	bool dry_run;
};

struct erase_job {
	struct owner_job owner;
	const struct erase *with;
	struct sent *sent;
	struct erase_what what;
	bool resume;
};

static void erase_door_run(struct job *job)
{
	struct erase_job *j = OWNER(job, struct erase_job, owner.job);
	struct err *e = &j->owner.err;
	struct str what = {0};
	if (!j->resume) {
		if (erase_run(j->with, &j->what, &j->owner.out, e) && !j->what.dry)
			sent_clear(j->sent);
		return;
	}
	if (!erase_resume(j->with, &j->owner.arena, &what, e))
		log_at(LOG_WARN, "an erasure could not be ended", "reason=\"%s\"", e->msg);
	else if (what.n)
		log_at(LOG_INFO, "an erasure that was cut off is done", "%s", "");
}

static struct erase_job *erase_job_new(struct erase_door *d, struct exchange *x)
{
	struct erase_job *j = xalloc(sizeof *j);
	owner_job_init(&j->owner, x, RECEIPT_MAX, erase_door_run);
	j->with = &d->with;
	j->sent = d->sent;
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
	j->what = (struct erase_what){str_copy(&j->owner.arena, body.project), str_copy(&j->owner.arena, body.user),
				     body.dry_run};
	return true;
}

void erase_door_take(struct erase_door *d, struct exchange *x)
{
	struct erase_job *j = erase_job_new(d, x);
	erase_door_read(x, j, &j->owner.err);
	owner_job_start(&j->owner, d->workers, d->loop, BUSY);
}

struct erase_door *erase_door_new(struct loop *l, const struct erase *with, struct sent *sent)
{
	struct erase_door *d = xalloc(sizeof *d);
	*d = (struct erase_door){*with, sent, l, workers_new("erase", 1, 4)};
	struct erase_job *j = erase_job_new(d, NULL);
	j->resume = true;
	owner_job_start(&j->owner, d->workers, l, BUSY);
	return d;
}

void erase_door_free(struct erase_door *d)
{
	if (!d)
		return;
	workers_free(d->workers);
	xfree(d);
}
