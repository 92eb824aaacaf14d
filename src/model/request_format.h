/* request_format.h - `text`: in which form the answer is to be. Pure. */
#pragma once
#include "model/request.h"
#include "wire/fields.h"

struct reader; /* request_parts.h */
/* `text`: its format's shape and then its meaning. */
field_check format_check;
bool text_take(struct reader *r, struct err *e);
/* What updates among these items say of effort and format holds from now on (configuration_update). */
bool create_update(struct arena *a, struct create *c, const struct item *items, size_t n, const char *path, struct err *e);
