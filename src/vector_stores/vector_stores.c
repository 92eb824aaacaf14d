/* vector_stores.c - /v1/vector_stores: made, read, listed, changed, deleted. */
#include "base/clock.h"
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

void vector_store_create(struct request *rq)
{
	struct errand *er = errand_new(rq, store_create_work);
	struct err e = {0};
	if (!er)
		return;
	struct creation *c = new (&er->arena, struct creation);
	er->more = c;
	if (store_body_read(&er->arena, er->body, true, &c->body, &e) &&
	    create_files_read(&er->arena, er->body, &c->files, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}

/* --- GET, POST, DELETE of one ------------------------------------------------------------------------------------ */

void vector_store_get_one(struct request *rq)
{
	struct errand *er = errand_new(rq, answer_store);
	if (er)
		errand_start(er);
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

void vector_store_update(struct request *rq)
{
	struct errand *er = errand_new(rq, store_update_work);
	struct err e = {0};
	if (!er)
		return;
	er->more = new (&er->arena, struct store_body);
	if (store_body_read(&er->arena, er->body, false, er->more, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}

static bool erase(struct errand *er, struct err *e)
{
	struct vector_store v;
	if (!errand_store(er, &v, e) || !vector_store_delete(er->store, v.id.key, e))
		return false;
	er->changed = true;
	errand_deleted(er, er->args[0], S("vector_store.deleted"));
	return true;
}

void vector_store_erase(struct request *rq)
{
	struct errand *er = errand_new(rq, erase);
	if (er)
		errand_start(er);
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static bool stores_list_work(struct errand *er, struct err *e)
{
	struct vector_store_page p;
	struct jout o = errand_out(er);
	char id[ID_MAX];
	if (!vector_store_list(er->store, er->project, er->more, &er->arena, &p, e))
		return false;
	jo_obj(&o);
	jo_kstr(&o, "object", S("list"));
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < p.n; i++)
		vector_store_write(&o, &p.list[i]);
	jo_arr_end(&o);
	jo_kstr(&o, "first_id", p.n ? id_text(id, "vs", &p.list[0].id) : (struct str){0});
	jo_kstr(&o, "last_id", p.n ? id_text(id, "vs", &p.list[p.n - 1].id) : (struct str){0});
	jo_kbool(&o, "has_more", p.has_more);
	jo_obj_end(&o);
	return true;
}

void vector_stores_list(struct request *rq)
{
	struct errand *er = errand_new(rq, stores_list_work);
	struct err e = {0};
	if (!er)
		return;
	er->more = new (&er->arena, struct vector_query);
	if (list_query_read(rq, &er->arena, false, er->more, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}
