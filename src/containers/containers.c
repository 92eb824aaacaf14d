/* containers.c - /v1/containers: made, listed, read, deleted. */
#include "containers/bodies.h"
#include "door/resource.h"

static bool container_create_work(struct errand *er, struct err *e)
{
	struct container c;
	struct jout o = errand_out(er);
	if (!cntr_make(er->containers, er->project, er->more, &er->arena, &c, e))
		return false;
	container_write(&o, &c);
	return true;
}

void container_create(struct request *rq)
{
	struct errand *er = errand_new(rq, container_create_work);
	struct err e = {0};
	if (!er)
		return;
	er->more = new (&er->arena, struct cntr_want);
	if (container_body_read(&er->arena, er->body, er->more, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}

/* Reading one uses it; one that has expired is told as it was. */
static bool container_get_work(struct errand *er, struct err *e)
{
	struct container c;
	struct err late = {0};
	struct jout o = errand_out(er);
	if (!container_get(er->store, er->project, er->args[0], &er->arena, &c, e))
		return false;
	if (!container_expired(&c) && !container_touch(er->store, &c, &late) && late.code != ERR_BAD_REQUEST) {
		*e = late;
		return false;
	}
	container_write(&o, &c);
	return true;
}

void container_get_one(struct request *rq)
{
	errand_begin(rq, container_get_work, 0, NULL);
}

static bool container_erase_work(struct errand *er, struct err *e)
{
	struct container c;
	if (!container_get(er->store, er->project, er->args[0], &er->arena, &c, e) ||
	    !cntr_drop(er->containers, &c, e))
		return false;
	errand_deleted(er, er->args[0], S("container.deleted"));
	return true;
}

void container_erase(struct request *rq)
{
	errand_begin(rq, container_erase_work, 0, NULL);
}

static bool containers_list_work(struct errand *er, struct err *e)
{
	struct container_page p;
	struct jout o = errand_out(er);
	if (!container_list(er->store, er->project, er->more, &er->arena, &p, e))
		return false;
	list_begin(&o);
	for (size_t i = 0; i < p.n; i++)
		container_write(&o, &p.list[i]);
	list_end_ids(&o, RESOURCE_CONTAINER, "cntr", p.n ? &p.list[0].id : NULL, p.n ? &p.list[p.n - 1].id : NULL, p.has_more);
	return true;
}

void containers_list(struct request *rq)
{
	struct errand *er = errand_new(rq, containers_list_work);
	struct err e = {0};
	if (!er)
		return;
	er->more = new (&er->arena, struct container_query);
	if (container_query_read(rq, &er->arena, true, er->more, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}
