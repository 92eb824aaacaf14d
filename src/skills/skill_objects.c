/* skill_objects.c - the objects that answer. */
#include "skills/skill_objects.h"

void skill_write(struct jout *o, const struct skill *k)
{
	char id[ID_MAX], number[24];
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "skill", &k->id));
	jo_kstr(o, "object", S("skill"));
	jo_kint(o, "created_at", k->created_at);
	snprintf(number, sizeof number, "%lld", (long long)k->version);
	jo_kstr(o, "default_version", str_of(number));
	jo_kstr(o, "description", k->description);
	snprintf(number, sizeof number, "%lld", (long long)k->latest);
	jo_kstr(o, "latest_version", str_of(number));
	jo_kstr(o, "name", k->name);
	jo_obj_end(o);
}

void skill_version_write(struct jout *o, const struct skill *k, const struct skill_version *v)
{
	char id[ID_MAX], number[24];
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "skillver", &v->id));
	jo_kstr(o, "object", S("skill.version"));
	jo_kint(o, "created_at", v->created_at);
	jo_kstr(o, "description", v->description);
	jo_kstr(o, "name", v->name);
	jo_kstr(o, "skill_id", id_text(id, "skill", &k->id));
	snprintf(number, sizeof number, "%lld", (long long)v->number);
	jo_kstr(o, "version", str_of(number));
	jo_obj_end(o);
}

struct skill_bounds skill_bounds_set(void)
{
	return (struct skill_bounds){skill_limits.project, skill_limits.versions};
}
