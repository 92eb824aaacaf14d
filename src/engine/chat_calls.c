/* chat_calls.c - calls of the history as engines can take them. */
#include "engine/chat_calls.h"

#include "wire/json.h"

static struct str wrapped(struct arena *a, struct str text)
{
	struct buf b;
	buf_init(&b, text.n * 6 + 64); /* an escape makes six bytes of one */
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "arguments", text);
	jo_obj_end(&o);
	struct str json = str_copy(a, buf_str(&b));
	buf_release(&b);
	return json;
}

/* The object that `text` is, or that the string which it is holds; {0}: none. */
static struct str object_in(struct arena *a, struct str text, bool *nothing)
{
	struct arena tmp = {0};
	struct err ignored = {0};
	struct str found = {0};
	yyjson_val *v = NULL, *inner = NULL;
	if (json_parse(&tmp, text, &v, &ignored)) {
		*nothing = yyjson_is_null(v) || (yyjson_is_str(v) && !str_trim(json_str(v)).n);
		if (yyjson_is_obj(v))
			found = text;
		else if (yyjson_is_str(v) && json_parse(&tmp, json_str(v), &inner, &ignored) && yyjson_is_obj(inner))
			found = str_copy(a, json_str(v));
	}
	arena_free(&tmp);
	return found;
}

struct str call_object(struct arena *a, struct str arguments)
{
	bool nothing = !str_trim(arguments).n;
	struct str object = nothing ? (struct str){0} : object_in(a, arguments, &nothing);
	if (object.n)
		return object;
	return nothing ? S("{}") : wrapped(a, arguments);
}
