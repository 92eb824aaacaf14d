/* vector_stores.c - /v1/vector_stores: made, read, listed, changed, deleted. */
#include "base/clock.h"
#include "door/resource.h"
#include "index/index_limits.h"
#include "vector_stores/bodies.h"

struct creation {
	struct store_body body;
	struct file_list files;
};

static bool answer_store(struct errand *er, struct err *e)
{
	struct vector_store v;
	struct jout o = errand_out(er);
	if (!errand_store(er, &v, e))
		return false;
	if (search_lacks_embedder(er->search))
		er->not_applied = "embeddings"; /* its files are found by words alone */
	vector_store_write(&o, &v);
	return true;
}

/* --- POST -------------------------------------------------------------------------------------------------------- */

/* The store first, then its files: were there a crash between, the client has no answer and the store no file. */
static bool store_create_work(struct errand *er, struct err *e)
{
	const struct creation *c = er->more;
	const struct store_body *b = &c->body;
	int64_t now = clock_wall_s();
	struct vector_store v = {.id = id_mint(),
				 .created_at = now,
				 .active_at = now,
				 .expire_days = b->days,
				 .name = b->name,
				 .description = b->description,
				 .metadata = b->metadata.p ? b->metadata : S("{}")};
	if (!vector_store_put(er->store, er->project, &v, index_limits.stores, e))
		return false;
	if (c->files.n && !vector_files_attach(er->store, er->project, v.id.key, NULL, c->files.files, c->files.n,
					       index_limits.store_files, e)) {
		struct err ignored = {0};
		vector_store_delete(er->store, v.id.key, &ignored);
		return false;
	}
	er->changed = true;
	er->args[0] = id_text(arena_bytes(&er->arena, ID_MAX), "vs", &v.id);
	return answer_store(er, e);
}

static bool creation_read(struct errand *er, void *more, struct err *e)
{
	struct creation *c = more;
	return store_body_read(&er->arena, er->body, true, &c->body, e) &&
	       create_files_read(&er->arena, er->body, &c->files, e);
}

void vector_store_create(struct request *rq)
{
	errand_begin(rq, store_create_work, sizeof(struct creation), creation_read);
}

/* --- GET, POST, DELETE of one ------------------------------------------------------------------------------------ */

void vector_store_get_one(struct request *rq)
{
	errand_begin(rq, answer_store, 0, NULL);
}

static bool store_update_work(struct errand *er, struct err *e)
{
	const struct store_body *b = er->more;
	struct vector_store v;
	struct vector_store_change c = {.has_name = b->has_name,
					.name = b->name,
					.metadata = b->metadata,
					.expire_days = b->has_days ? b->days : -1};
	return errand_store(er, &v, e) && vector_store_set(er->store, v.id.key, &c, e) && answer_store(er, e);
}

static bool store_change_read(struct errand *er, void *more, struct err *e)
{
	return store_body_read(&er->arena, er->body, false, more, e);
}

void vector_store_update(struct request *rq)
{
	errand_begin(rq, store_update_work, sizeof(struct store_body), store_change_read);
}

static bool erase(struct errand *er, struct err *e)
{
	struct vector_store v;
	if (!errand_store(er, &v, e) || !vector_store_delete(er->store, v.id.key, e))
		return false;
	er->changed = true;
	buf_add(&er->out, deleted_json(&er->arena, RESOURCE_VECTOR_STORE, er->args[0]));
	return true;
}

void vector_store_erase(struct request *rq)
{
	errand_begin(rq, erase, 0, NULL);
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static bool stores_list_work(struct errand *er, struct err *e)
{
	struct vector_store_page p;
	struct jout o = errand_out(er);
	if (!vector_store_list(er->store, er->project, er->more, &er->arena, &p, e))
		return false;
	list_begin(&o);
	for (size_t i = 0; i < p.n; i++)
		vector_store_write(&o, &p.list[i]);
	list_end_ids(&o, RESOURCE_VECTOR_STORE, "vs", p.n ? &p.list[0].id : NULL, p.n ? &p.list[p.n - 1].id : NULL, p.has_more);
	return true;
}

static bool stores_query_read(struct errand *er, void *more, struct err *e)
{
	return list_query_read(er->rq, &er->arena, false, more, e);
}

void vector_stores_list(struct request *rq)
{
	errand_begin(rq, stores_list_work, sizeof(struct vector_query), stores_query_read);
}
