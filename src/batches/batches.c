/* batches.c - /v1/batches: made, read, listed, cancelled. */

#include "base/clock.h"
#include "batches/batch_pump.h"
#include "door/errand.h"
#include "door/resource.h"
#include "news/run_news.h"
#include "store/batch.h"
#include "store/file.h"

enum { LIST_LEAST = 1, LIST_MOST = 100, LIST_DEFAULT = 20 };

struct ask {
	struct api *api; /* to be woken, from any thread */
	int64_t asker;   /* the API key */
	struct batch_body body;
	struct str after; /* of a list */
	int64_t limit;
};

static struct str file_text(char text[ID_MAX], const struct id *file)
{
	return file->key ? id_text(text, "file-", file) : (struct str){0};
}

static void batches_put(struct jout *o, const struct stored_batch *b)
{
	char id[ID_MAX], files[3][ID_MAX];
	struct batch_object object = {
	    .id = id_text(id, "batch", &b->id),
	    .endpoint = b->endpoint,
	    .input_file = file_text(files[0], &b->input),
	    .output_file = file_text(files[1], &b->output),
	    .error_file = file_text(files[2], &b->error),
	    .model = b->model,
	    .errors = b->errors,
	    .metadata = b->metadata,
	    .status = b->status,
	    .expires_at = b->expires_at,
	    .counts = b->counts,
	};
	for (int i = BATCH_VALIDATING; i < BATCH_STATES; i++)
		object.at[i] = b->at[i];
	batch_write(o, &object);
}

static bool batches_answer(struct errand *er, struct err *e)
{
	struct stored_batch b;
	struct jout o = errand_out(er);
	if (!batch_get(er->store, er->project, er->args[0], &er->arena, &b, e))
		return false;
	batches_put(&o, &b);
	return true;
}

static struct errand *batches_errand(struct request *rq, bool (*work)(struct errand *er, struct err *e))
{
	struct errand *er = errand_new(rq, work);
	if (!er)
		return NULL;
	struct ask *ask = new (&er->arena, struct ask);
	ask->api = rq->api->api;
	ask->asker = rq->key.key;
	er->more = ask;
	return er;
}

/* --- POST -------------------------------------------------------------------------------------------------------- */

static bool batches_input(struct errand *er, const struct batch_body *body, struct id *ret, struct err *e)
{
	enum { QUOTED = 100 };
	struct str id = body->input_file_id;
	struct stored_file f;
	struct err why = {0};
	bool ok = file_find(er->store, er->project, id, &er->arena, &f, &why);
	*ret = f.id;
	if (!ok && why.code == ERR_NOT_FOUND)
		return fail(e, ERR_INVALID_VALUE, "input_file_id", "Invalid 'input_file_id': there is no file '%.*s'.",
			    (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
	if (!ok) {
		*e = why;
		return false;
	}
	return str_eq(f.purpose, S("batch")) ||
	       fail(e, ERR_INVALID_VALUE, "input_file_id",
		    "Invalid 'input_file_id': the file must have been sent with the purpose 'batch'.");
}

static bool batches_create_work(struct errand *er, struct err *e)
{
	struct ask *ask = er->more;
	const struct batch_body *body = &ask->body;
	int64_t now = clock_wall_s();
	struct stored_batch b = {.id = id_mint(),
				 .project = er->project,
				 .asker = ask->asker,
				 .endpoint = body->endpoint,
				 .metadata = body->metadata,
				 .output_seconds = body->output_seconds,
				 .expires_at = now + api_limits.batch_seconds,
				 .at = {[BATCH_VALIDATING] = now}};
	if (!batches_input(er, body, &b.input, e) || !batch_put(er->store, &b, api_limits.batches, e))
		return false;
	er->args[0] = id_text(arena_bytes(&er->arena, ID_MAX), "batch", &b.id);
	batches_wake(ask->api);
	return batches_answer(er, e);
}

static bool batches_served(const struct request *rq, struct str endpoint, struct err *e)
{
	const struct route *r = rq->api->api->route(METHOD_POST, endpoint);
	if (r && (r->flags & ROUTE_BODY))
		return true;
	return fail(e, ERR_INVALID_VALUE, "endpoint",
		    "Invalid value: '%.*s'. This server does not answer that endpoint in a batch.", FMT(endpoint));
}

void batch_create(struct request *rq)
{
	struct errand *er = batches_errand(rq, batches_create_work);
	struct err e = {0};
	if (!er)
		return;
	struct ask *ask = er->more;
	if (batch_body_read(&er->arena, er->body, &ask->body, &e) && batches_served(rq, ask->body.endpoint, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}

/* --- GET and cancel ---------------------------------------------------------------------------------------------- */

void batch_get_one(struct request *rq)
{
	errand_begin(rq, batches_answer, 0, NULL);
}

static bool batches_cancel_work(struct errand *er, struct err *e)
{
	struct ask *ask = er->more;
	struct stored_batch b;
	bool done = false;
	if (!batch_get(er->store, er->project, er->args[0], &er->arena, &b, e) ||
	    !batch_cancel(er->store, &b, &done, e))
		return false;
	if (!done && !batch_get(er->store, er->project, er->args[0], &er->arena, &b, e))
		return false;
	if (!done && b.status != BATCH_CANCELLING)
		return fail(e, ERR_BAD_REQUEST, NULL, "Cannot cancel a batch with status '%s'.",
			    batch_status_names[b.status]);
	batches_wake(ask->api);
	return batches_answer(er, e);
}

void batch_cancel_one(struct request *rq)
{
	struct errand *er = batches_errand(rq, batches_cancel_work);
	if (er)
		errand_start(er);
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static bool batches_list_work(struct errand *er, struct err *e)
{
	const struct ask *ask = er->more;
	struct batch_page p;
	struct jout o = errand_out(er);
	if (!batch_list(er->store, er->project, ask->after, ask->limit, &er->arena, &p, e))
		return false;
	list_begin(&o);
	for (size_t i = 0; i < p.n; i++)
		batches_put(&o, &p.list[i]);
	list_end_ids(&o, RESOURCE_BATCH, "batch", p.n ? &p.list[0].id : NULL, p.n ? &p.list[p.n - 1].id : NULL, p.has_more);
	return true;
}

void batches_list(struct request *rq)
{
	static const char *const known[] = {"after", "limit", NULL};
	struct errand *er = batches_errand(rq, batches_list_work);
	struct err e = {0};
	if (!er)
		return;
	struct ask *ask = er->more;
	struct str after = query_get(rq, "after", NULL);
	ask->limit = LIST_DEFAULT;
	ask->after = after.p ? str_copy(&er->arena, after) : after;
	if (query_known(rq, known, &e) && query_int(rq, "limit", LIST_LEAST, LIST_MOST, &ask->limit, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}
