/* prompts.h - what turns and /v1/prompts have in common. */
#pragma once
#include "door/request.h"
#include "model/template.h"

/* A stored version to be written or applied; false: what is stored cannot be read. */
bool prompt_view(struct arena *a, const struct stored_template *t, struct template_view *ret, struct err *e);
