/* format.c - does a text fit the format that was asked for? */
#include "model/format.h"

#include "wire/json.h"
#include "wire/schema.h"

bool format_fits(const struct format *f, struct arena *a, struct str text, struct err *e)
{
	struct err why = {0};
	yyjson_val *v;
	if (f->kind != FORMAT_JSON_SCHEMA || !f->strict)
		return true;
	if (!json_parse(a, text, &v, &why))
		return fail(e, ERR_INTERNAL, NULL, "The model's output does not fit the schema '%.*s': it is not JSON.", FMT(f->name));
	if (schema_fits(f->schema, v, &why))
		return true;
	return fail(e, ERR_INTERNAL, NULL, "The model's output does not fit the schema '%.*s': %s", FMT(f->name), why.msg);
}
