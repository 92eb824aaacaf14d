/* content_type.c - the media type of a file by the ending of its name. */
#include "containers/content_type.h"

#include "containers/bodies.h"

static const struct {
	struct str ending, type;
} rows[] = {
#define TYPE(ending, type) {STR(ending), STR(type)},
#include "containers/content_type.def"
#undef TYPE
};

struct str content_type(struct str name)
{
	size_t dot = name.n;
	while (dot && name.p[dot - 1] != '.' && name.p[dot - 1] != '/')
		dot--;
	if (!dot || name.p[dot - 1] != '.')
		return S("application/octet-stream");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (str_eq_nocase(rows[i].ending, (struct str){name.p + dot, name.n - dot}))
			return rows[i].type;
	return S("application/octet-stream");
}
