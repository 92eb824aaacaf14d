/* skills.c - /v1/skills: made, read, listed, changed, deleted, and their archives. */

#include "base/clock.h"
#include "door/resource.h"
#include "skills/skill_objects.h"
#include "skills/skill_start.h"
#include "skills/skill_upload.h"
#include "wire/fields.h"

/* --- POST -------------------------------------------------------------------------------------------------------- */

static bool skill_create_work(struct intake *in, struct err *e)
{
	struct skill_upload u;
	struct skill_bounds most = skill_bounds_set();
	if (!skill_upload_take(in, &u, e))
		return false;
	struct skill k = {.id = id_mint(),
			  .created_at = u.version.created_at,
			  .version = 1,
			  .latest = 1,
			  .name = u.version.name,
			  .description = u.version.description};
	if (!skill_put(in->store, in->project, &k, &u.version, &most, e)) {
		skill_upload_drop(&u);
		return false;
	}
	skill_upload_answer(&u, &k, false);
	return true;
}

void skill_create(struct request *rq)
{
	static const struct intake_form form = {SKILL_FORM, .work = skill_create_work};
	intake_begin(rq, &form, skill_limits.bytes);
}

/* --- one --------------------------------------------------------------------------------------------------------- */

static bool skill_find(struct errand *er, struct skill *ret, struct err *e)
{
	return skill_get(er->store, er->project, er->args[0], &er->arena, ret, e);
}

static bool skill_answer(struct errand *er, struct err *e)
{
	struct skill k;
	struct jout o = errand_out(er);
	if (!skill_find(er, &k, e))
		return false;
	skill_write(&o, &k);
	return true;
}

void skill_get_one(struct request *rq)
{
	errand_begin(rq, skill_answer, 0, NULL);
}

static bool skill_erase_work(struct errand *er, struct err *e)
{
	struct skill k;
	if (!skill_find(er, &k, e) || !skill_delete(er->store, &k, e))
		return false;
	buf_add(&er->out, deleted_json(&er->arena, RESOURCE_SKILL, er->args[0]));
	return true;
}

void skill_erase(struct request *rq)
{
	errand_begin(rq, skill_erase_work, 0, NULL);
}

static bool skill_content_work(struct errand *er, struct err *e)
{
	struct skill k;
	struct skill_version v;
	if (!skill_version_get(er->store, er->project, er->args[0], (struct str){0}, &er->arena, &k, &v, e))
		return false;
	er->file = (struct blob_file){.key = v.id.key,
				      .bytes = v.bytes,
				      .filename = str_fmt(&er->arena, "%.*s.zip", FMT(v.name)),
				      .type = S("application/zip")};
	return true;
}

void skill_content(struct request *rq)
{
	errand_begin(rq, skill_content_work, 0, NULL);
}

/* --- which version is the default -------------------------------------------------------------------------------- */

static const struct field skill_update_fields[] = {
    FIELD_CHECKED("default_version", F_STR, .required = true),
    FIELD_END,
};

static bool skill_update_work(struct errand *er, struct err *e)
{
	struct skill k;
	struct str number = json_str(json_get(er->body, S("default_version")));
	int64_t n;
	if (!fields_read(skill_update_fields, er->body, "", NULL, NULL, NULL, e) || !skill_find(er, &k, e))
		return false;
	if (str_eq(number, S("latest")))
		n = k.latest;
	else if (!str_int(number, &n))
		return fail(e, ERR_INVALID_VALUE, "default_version",
			    "Invalid 'default_version': expected the number of a version of this skill, as a string, or 'latest'.");
	return skill_set_default(er->store, &k, n, e) && skill_answer(er, e);
}

void skill_update(struct request *rq)
{
	errand_begin(rq, skill_update_work, 0, NULL);
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static bool skills_list_work(struct errand *er, struct err *e)
{
	struct skill_page p;
	struct jout o = errand_out(er);
	if (!skill_list(er->store, er->project, er->more, &er->arena, &p, e))
		return false;
	list_begin(&o);
	for (size_t i = 0; i < p.n; i++)
		skill_write(&o, &p.list[i]);
	list_end_ids(&o, RESOURCE_SKILL, "skill", p.n ? &p.list[0].id : NULL, p.n ? &p.list[p.n - 1].id : NULL, p.has_more);
	return true;
}

void skills_list(struct request *rq)
{
	skill_list_start(rq, skills_list_work);
}
