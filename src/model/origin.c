/* origin.c - who made an item, and what that engine wants back with it. */
#include "model/origin.h"

#include <string.h>

bool origin_id_speaks(struct str id, struct str name)
{
	return name.n && id.n > name.n && memmem(id.p, id.n, name.p, name.n);
}

bool origin_read(yyjson_val *ours, struct origin *ret)
{
	*ret = (struct origin){
	    .engine = json_str(json_get(ours, S("engine"))),
	    .model = json_str(json_get(ours, S("model"))),
	    .id = json_str(json_get(ours, S("id"))),
	    .thoughts = json_str(json_get(ours, S("thoughts"))),
	    .marks = json_get(ours, S("marks")),
	};
	return ret->engine.n;
}

void origin_put(struct jout *o, const struct origin *from, struct str marks)
{
	jo_kstr(o, "engine", from->engine);
	jo_kstr(o, "model", from->model);
	if (from->id.n)
		jo_kstr(o, "id", from->id);
	if (from->thoughts.n)
		jo_kstr(o, "thoughts", from->thoughts);
	if (marks.n)
		jo_kraw(o, "marks", marks);
}
