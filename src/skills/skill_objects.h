/* skill_objects.h - skills and their versions as they are answered, and the bounds of their number. */
#pragma once
#include "index/skill_limits.h"
#include "store/skill.h"
#include "wire/jout.h"

/* As live: the objects of skills and of versions. */
void skill_write(struct jout *o, const struct skill *k);
void skill_version_write(struct jout *o, const struct skill *k, const struct skill_version *v);
struct skill_bounds skill_bounds_set(void); /* of a project, of a skill */
