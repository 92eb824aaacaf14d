/* resource.c - the shapes that all resources share. */
#include "door/resource.h"

static const struct {
	struct str deleted;
	const char *order, *ends;
} rows[] = {
#define RESOURCE(NAME, deleted, order, ends) {STR(deleted), order, ends},
#include "door/resources.def"
#undef RESOURCE
};

struct str deleted_json(struct arena *a, enum resource r, struct str id)
{
	struct buf b;
	buf_init(&b, 4096);
	struct jout o = {&b, false};
	jo_obj(&o);
	for (const char *c = rows[r].order; *c; c++) {
		if (*c == 'i')
			jo_kstr(&o, "id", id);
		else if (*c == 'o')
			jo_kstr(&o, "object", rows[r].deleted);
		else
			jo_kbool(&o, "deleted", true);
	}
	jo_obj_end(&o);
	struct str json = str_copy(a, buf_str(&b));
	buf_release(&b);
	return json;
}

void list_begin(struct jout *o)
{
	jo_obj(o);
	jo_kstr(o, "object", S("list"));
	jo_key(o, S("data"));
	jo_arr(o);
}

void list_end(struct jout *o, enum resource r, struct str first, struct str last, bool has_more)
{
	jo_arr_end(o);
	for (const char *c = rows[r].ends; *c; c++) {
		if (*c == 'f')
			jo_kstr(o, "first_id", first);
		else if (*c == 'l')
			jo_kstr(o, "last_id", last);
		else
			jo_kbool(o, "has_more", has_more);
	}
	jo_obj_end(o);
}

void list_end_ids(struct jout *o, enum resource r, const char *prefix, const struct id *first, const struct id *last, bool has_more)
{
	char first_text[ID_MAX], last_text[ID_MAX];
	struct str none = {0};
	list_end(o, r, first ? id_text(first_text, prefix, first) : none, last ? id_text(last_text, prefix, last) : none, has_more);
}
