/* skills.h - what the files of this folder share. */
#pragma once
#include "door/errand.h"
#include "door/file_form.h"
#include "index/skill_limits.h"
#include "store/skill.h"

/* --- skill_objects.c --- */
/* As live: the objects of skills and of versions. */
void skill_write(struct jout *o, const struct skill *k);
void skill_version_write(struct jout *o, const struct skill *k, const struct skill_version *v);
struct skill_bounds skill_bounds_set(void); /* of a project, of a skill */

/* --- skill_start.c: a request's errand --- */
/* er->more: the page that the query asks for. */
void skill_list_start(struct request *rq, bool (*work)(struct errand *er, struct err *e));

/* --- skill_upload.c --- */
struct skill_upload {
	struct intake *in;
	struct skill_version version; /* all but its number */
	bool becomes_default;
};
/* A form with the skill's files, as live: one `files`, or many `files[]`. work() reads them, and writes the row. */
#define SKILL_FORM .file = "files", .list = "files[]", .most = &skill_limits.files, .named = true
/* Of a form whose first field is `default`. */
bool skill_upload_check(struct intake *in, struct err *e);
/* Worker thread: the form's files as a version whose blob is kept. */
bool skill_upload_take(struct intake *in, struct skill_upload *ret, struct err *e);
/* The row could not be written: the blob goes. Or it was, and this is the answer. */
void skill_upload_drop(struct skill_upload *u);
void skill_upload_answer(struct skill_upload *u, const struct skill *k, bool version);
