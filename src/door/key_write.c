/* key_write.c - an API key as its owner is shown it. */
#include "door/key_write.h"

#include "wire/json.h"

void key_write(struct jout *o, const struct key_info *k, const char *secret)
{
	jo_obj(o);
	jo_kstr(o, "id", str_of(k->id));
	jo_kstr(o, "name", str_of(k->name));
	jo_kstr(o, "project", str_of(k->project));
	jo_kstr(o, "hint", str_of(k->hint));
	jo_kbool(o, "admin", k->admin);
	jo_kint(o, "created_at", k->created_at);
	jo_kint(o, "revoked_at", k->revoked_at);
	jo_kint(o, "last_used_at", k->used_at);
	if (secret)
		jo_kstr(o, "secret", str_of(secret));
	jo_obj_end(o);
}
