/* cntr.c - containers are made, used, dropped. */
#include "container/cntr.h"

#include "base/clock.h"
#include "base/log.h"
#include "container/cntr_skills.h"
#include "container/folder.h"
#include "container/limits.h"
#include "container/network.h"
#include "store/nodes.h"

/* What was put in before a row that could not be written; unless another call of the same turn has made it meanwhile. */
static void cntr_unmake(struct cntrs *c, int64_t key)
{
	struct err ignored = {0};
	bool made = true;
	if (container_has_folder(cntrs_store(c), key, &made, &ignored) && !made)
		folder_remove(cntrs_folders(c), key);
}

bool cntr_make(struct cntrs *c, int64_t project, const struct cntr_want *w, struct arena *a, struct container *ret,
	       struct err *e)
{
	struct stored_file source;
	*ret = (struct container){.id = w->id.key ? w->id : id_mint(),
				  .created_at = clock_wall_s(),
				  .minutes = w->minutes ? w->minutes : container_limits.minutes,
				  .memory = w->memory ? w->memory : (int64_t)1 << 30,
				  .name = str_copy(a, w->name),
				  .project = project};
	network_keep(c, project, w->network, a, ret);
	ret->active_at = ret->created_at;
	ret->expires_at = ret->created_at + ret->minutes * 60;
	for (size_t i = 0; i < w->n_files; i++)
		if (!container_file_source(cntrs_store(c), project, w->files[i], a, &source, e))
			return false;
	if (yyjson_arr_size(w->skills) &&
	    !cntr_skills_put(c, project, ret->id.key, w->skills, w->skills_path, a, &ret->skills, e))
		return false;
	if (!container_put(cntrs_store(c), project, ret, container_limits.project, e)) {
		cntr_unmake(c, ret->id.key);
		return false;
	}
	for (size_t i = 0; i < w->n_files; i++) {
		struct container_file f;
		struct err ignored = {0};
		if (!cntr_copy(c, project, ret, w->files[i], a, &f, e)) {
			cntr_drop(c, ret, &ignored);
			return false;
		}
	}
	return true;
}

/* Its files and what runs in it are on the machine that made it. */
static bool cntr_is_here(struct cntrs *c, const struct container *of, struct str id, struct err *e)
{
	struct node_row where;
	if (store_has_here(cntrs_store(c), &of->id, &where))
		return true;
	return fail(e, ERR_BAD_REQUEST, NULL,
		    "The container '%.*s' is on node %d of this server%s%s and can only be used there. Ask that node, or use another container.",
		    FMT(id), (int)where.number, *where.address ? ", " : "", where.address);
}

bool cntr_use(struct cntrs *c, int64_t project, struct str id, struct arena *a, struct container *ret, struct err *e)
{
	return container_get(cntrs_store(c), project, id, a, ret, e) && container_living(ret, e) && cntr_is_here(c, ret, id, e) &&
	       container_touch(cntrs_store(c), ret, e);
}

bool cntr_drop(struct cntrs *c, const struct container *of, struct err *e)
{
	if (!container_delete(cntrs_store(c), of->id.key, e))
		return false;
	cntr_doom(c, of->id.key);
	return true;
}

void cntr_drop_unused(struct cntrs *c, int64_t key)
{
	struct err e = {0};
	if (container_delete_unused(cntrs_store(c), key, &e))
		cntr_doom(c, key);
	else if (e.code != ERR_CONFLICT)
		log_at(LOG_WARN, "a container that nobody uses stays until it expires", "error=\"%s\"", e.msg);
}
