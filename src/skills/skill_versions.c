/* skill_versions.c - /v1/skills/{id}/versions: made, read, listed, deleted, and their archives. */
#include "door/lists.h"
#include "door/resource.h"
#include "skills/skill_objects.h"
#include "skills/skill_start.h"
#include "skills/skill_upload.h"

/* --- POST -------------------------------------------------------------------------------------------------------- */

/* The skill is looked for first: for one that is not there nothing has to be read. */
static bool skill_versions_create_work(struct intake *in, struct err *e)
{
	struct skill k;
	struct skill_upload u;
	struct skill_bounds most = skill_bounds_set();
	if (!skill_get(in->store, in->project, in->args[0], &in->arena, &k, e) || !skill_upload_take(in, &u, e))
		return false;
	if (!skill_version_put(in->store, in->project, &k.id, &u.version, u.becomes_default, &most, e)) {
		skill_upload_drop(&u);
		return false;
	}
	skill_upload_answer(&u, &k, true);
	return true;
}

void skill_version_create(struct request *rq)
{
	static const struct intake_form form = {
	    SKILL_FORM, .fields = {"default"}, .check = skill_upload_check, .work = skill_versions_create_work};
	intake_begin(rq, &form, skill_limits.bytes);
}

/* --- one --------------------------------------------------------------------------------------------------------- */

static bool skill_versions_find(struct errand *er, struct skill *k, struct skill_version *v, struct err *e)
{
	return skill_version_get(er->store, er->project, er->args[0], er->args[1], &er->arena, k, v, e);
}

static bool skill_versions_answer(struct errand *er, struct err *e)
{
	struct skill k;
	struct skill_version v;
	struct jout o = errand_out(er);
	if (!skill_versions_find(er, &k, &v, e))
		return false;
	skill_version_write(&o, &k, &v);
	return true;
}

void skill_version_get_one(struct request *rq)
{
	errand_begin(rq, skill_versions_answer, 0, NULL);
}

static bool skill_versions_content_work(struct errand *er, struct err *e)
{
	struct skill k;
	struct skill_version v;
	if (!skill_versions_find(er, &k, &v, e))
		return false;
	er->file = (struct blob_file){.key = v.id.key,
				      .bytes = v.bytes,
				      .filename = str_fmt(&er->arena, "%.*s.zip", FMT(v.name)),
				      .type = S("application/zip")};
	return true;
}

void skill_version_content(struct request *rq)
{
	errand_begin(rq, skill_versions_content_work, 0, NULL);
}

static bool skill_versions_erase_work(struct errand *er, struct err *e)
{
	struct skill k;
	struct skill_version v;
	struct jout o = errand_out(er);
	char id[ID_MAX];
	if (!skill_versions_find(er, &k, &v, e) || !skill_version_delete(er->store, er->project, &k, &v, e))
		return false;
	jo_obj(&o);
	jo_kstr(&o, "id", id_text(id, "skillver", &v.id));
	jo_kstr(&o, "object", S("skill.version.deleted"));
	jo_kbool(&o, "deleted", true);
	jo_kstr(&o, "version", str_fmt(&er->arena, "%lld", (long long)v.number));
	jo_obj_end(&o);
	return true;
}

void skill_version_erase(struct request *rq)
{
	errand_begin(rq, skill_versions_erase_work, 0, NULL);
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static bool skill_versions_list_work(struct errand *er, struct err *e)
{
	struct skill k;
	struct skill_page p;
	struct jout o = errand_out(er);
	if (!skill_get(er->store, er->project, er->args[0], &er->arena, &k, e) ||
	    !skill_version_list(er->store, &k, er->more, &er->arena, &p, e))
		return false;
	list_begin(&o);
	for (size_t i = 0; i < p.n; i++)
		skill_version_write(&o, &k, &p.versions[i]);
	list_end_ids(&o, RESOURCE_SKILL, "skillver", p.n ? &p.versions[0].id : NULL, p.n ? &p.versions[p.n - 1].id : NULL, p.has_more);
	return true;
}

void skill_versions_list(struct request *rq)
{
	skill_list_start(rq, skill_versions_list_work);
}
