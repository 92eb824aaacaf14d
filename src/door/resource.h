/* resource.h - the shapes that all resources share: what is deleted, and a page of a list (resources.def). */
#pragma once
#include "base/id.h"
#include "wire/json.h"

enum resource {
#define RESOURCE(NAME, deleted, order, ends) RESOURCE_##NAME,
#include "door/resources.def"
#undef RESOURCE
};

/* What is answered for a deleted one, in `a`. */
struct str deleted_json(struct arena *a, enum resource r, struct str id);

/* The elements are written between the two. `first`, `last`: their ids; {0} of an empty page. */
void list_begin(struct jout *o);
void list_end(struct jout *o, enum resource r, struct str first, struct str last, bool has_more);
/* The same by ids; NULL of an empty page. */
void list_end_ids(struct jout *o, enum resource r, const char *prefix, const struct id *first, const struct id *last, bool has_more);
