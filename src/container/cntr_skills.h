/* cntr_skills.h - skills are put into containers: unpacked beside the container's folder, for programs inside to read at
 * /home/oai/skills. All functions block: worker threads, any. */
#pragma once
#include "container/cntrs.h"
#include "store/container.h"
#include "wire/json.h"

#define CNTR_SKILLS "/home/oai/skills"

/* The elements of a request's `skills`, whose fields were checked, for the container of this key, whose row is not there
 * yet. *ret, in `a`: what a model is told of them (model/skill_words.h), as JSON. `path`: the list's place in the request,
 * which errors name: ERR_NOT_FOUND, ERR_INVALID_VALUE as index/skill_archive.h, ERR_FILE_TOO_LARGE: more than
 * skills.container_bytes in all. After a failure nothing is left. */
bool cntr_skills_put(struct cntrs *c, int64_t project, int64_t key, yyjson_val *list, const char *path, struct arena *a,
		     struct str *ret, struct err *e);
/* Has this container what such a list asks for? A list that asks for none is content with any. */
bool cntr_skills_same(struct cntrs *c, int64_t project, yyjson_val *list, const struct container *of, struct arena *a);
