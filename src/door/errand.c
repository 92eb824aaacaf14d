/* errand.c - a request that a worker thread answers. */
#include "door/errand.h"

#include "door/file_threads.h"

static void errand_release(struct errand *er)
{
	struct arena a = er->arena; /* the errand lies in it */
	buf_release(&er->out);
	arena_free(&a);
}

static void errand_left(struct reader *r)
{
	struct errand *er = OWNER(r, struct errand, reader);
	er->rq = NULL;
	if (!er->started) {
		errand_release(er);
		return;
	}
	atomic_store(&er->job.cancelled, true); /* it is freed when its job is done */
}

static void errand_room(struct reader *r)
{
}

static void errand_run(struct job *j)
{
	struct errand *er = OWNER(j, struct errand, job);
	struct err e = {0};
	if (!er->work(er, &e))
		er->error = e;
}

/* The bytes are read when this has gone: what names them lives on with the request. */
static void errand_hand_over(struct errand *er)
{
	struct request *rq = er->rq;
	struct arena *a = exchange_arena(rq->x);
	struct blob_file f = er->file;
	f.filename = str_copy(a, f.filename);
	f.type = str_copy(a, f.type);
	exchange_unwatch(rq->x);
	errand_release(er);
	blob_content(rq, &f);
}

static void errand_done(struct job *j)
{
	struct errand *er = OWNER(j, struct errand, job);
	if (er->changed)
		search_wake(er->search);
	if (er->rq && er->error.code)
		errand_fail(er, &er->error);
	else if (er->rq && er->file.key) {
		errand_hand_over(er);
	} else if (er->rq) {
		struct exchange *x = er->rq->x;
		exchange_unwatch(x);
		if (er->not_applied)
			exchange_add_header(x, S("antiphon-not-applied"), str_of(er->not_applied));
		if (er->poll_after_ms)
			exchange_add_header(x, S("openai-poll-after-ms"),
					    str_fmt(exchange_arena(x), "%lld", (long long)er->poll_after_ms));
		answer_json(er->rq, 200, buf_str(&er->out));
		errand_release(er);
	} else {
		errand_release(er);
	}
}

struct errand *errand_new(struct request *rq, bool (*work)(struct errand *er, struct err *e))
{
	struct arena a = {0};
	struct errand *er = new (&a, struct errand);
	const struct api_options *o = &rq->api->api->options;
	struct str body = exchange_request(rq->x)->body;
	struct err e = {0};
	*er = (struct errand){.rq = rq, .store = o->store, .search = o->search, .project = rq->project, .work = work};
	er->reader = (struct reader){errand_left, errand_room};
	er->args[0] = rq->args[0].p ? str_copy(&a, rq->args[0]) : (struct str){0};
	er->args[1] = rq->args[1].p ? str_copy(&a, rq->args[1]) : (struct str){0};
	buf_init(&er->out, SIZE_MAX / 2);
	bool ok = true;
	if (rq->route->flags & (ROUTE_BODY | ROUTE_BODY_IF_ANY)) {
		ok = json_parse(&a, str_copy(&a, body.n ? body : S("{}")), &er->body, &e) &&
		     (yyjson_is_obj(er->body) ||
		      fail(&e, ERR_INVALID_TYPE, NULL,
			   "Invalid type for the body: expected an object, but got %s instead.",
			   json_kind_name(er->body)));
	}
	er->arena = a;
	exchange_watch(rq->x, &er->reader);
	if (ok)
		return er;
	errand_fail(er, &e);
	return NULL;
}

void errand_fail(struct errand *er, const struct err *e)
{
	struct exchange *x = er->rq->x;
	exchange_unwatch(x);
	answer_error(x, e);
	errand_release(er);
}

void errand_start(struct errand *er)
{
	struct err busy = {.retry_after_ms = 1000};
	er->started = true;
	er->job.run = errand_run;
	er->job.done = errand_done;
	if (job_start(disk_searchers(er->rq->api), er->rq->api->loop, &er->job))
		return;
	fail(&busy, ERR_BUSY, NULL, "Too many requests of this kind are waiting. Please retry in a moment.");
	errand_fail(er, &busy);
}

void errand_begin(struct request *rq, bool (*work)(struct errand *er, struct err *e), size_t size,
		  bool (*read)(struct errand *er, void *more, struct err *e))
{
	struct errand *er = errand_new(rq, work);
	struct err e = {0};
	if (!er)
		return;
	er->more = size ? arena_alloc(&er->arena, size) : NULL;
	if (!read || read(er, er->more, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}

bool errand_store(struct errand *er, struct vector_store *ret, struct err *e)
{
	return vector_store_get(er->store, er->project, er->args[0], &er->arena, ret, e);
}

void errand_deleted(struct errand *er, struct str id, struct str object)
{
	struct jout o = errand_out(er);
	jo_obj(&o);
	jo_kstr(&o, "id", id);
	jo_kstr(&o, "object", object);
	jo_kbool(&o, "deleted", true);
	jo_obj_end(&o);
}
