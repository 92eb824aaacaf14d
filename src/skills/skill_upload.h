/* skill_upload.h - what a client sent as a skill becomes a version of one. */
#pragma once
#include "door/errand.h"
#include "door/file_form.h"
#include "index/skill_limits.h"
#include "store/skill.h"

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
