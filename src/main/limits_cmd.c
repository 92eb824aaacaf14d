/* limits_cmd.c - what a key or a project may use at most, through the running server or in the store. */
#include "main/limits_cmd.h"

#include <stdio.h>
#include <string.h>

#include "door/limits_write.h"
#include "wire/json.h"

/* What both ways answer. */
static bool limits_cmd_do(struct key_ways *w, struct str asked, yyjson_val **ret, struct err *e)
{
	struct arena *a = &w->args->config.arena;
	struct buf b;
	struct jout o = {&b, false};
	yyjson_val *body = NULL;
	if (!w->store)
		return remote_admin(w->args, w->socket, "/admin/limits", asked, ret, NULL, e);
	buf_init(&b, SIZE_MAX / 2);
	bool ok = !asked.p || (json_parse(a, asked, &body, e) && limits_change(w->store, NULL, body, e));
	ok = ok && limits_write(w->store, &o, e) && json_parse(a, str_copy(a, buf_str(&b)), ret, e);
	buf_release(&b);
	return ok;
}

/* {"key" or "project": holder, "limits": {NAME: VALUE, ...}} */
static bool limits_cmd_body(bool key, struct str holder, char **words, int n, struct buf *b, struct err *e)
{
	struct jout o = {b, false};
	jo_obj(&o);
	jo_key(&o, key ? S("key") : S("project"));
	jo_str(&o, holder);
	jo_key(&o, S("limits"));
	jo_obj(&o);
	for (int i = 0; i < n; i++) {
		struct str value = str_of(words[i]), name = str_cut(&value, '=');
		if (!memchr(words[i], '=', strlen(words[i])))
			return fail(e, ERR_CONFIG, NULL, "'%s' is not NAME=VALUE", words[i]);
		jo_key(&o, name);
		jo_str(&o, value);
	}
	jo_obj_end(&o);
	jo_obj_end(&o);
	return true;
}

static void limits_cmd_print(yyjson_val *v, bool key, struct str holder)
{
	struct str member = key ? S("key") : S("project");
	yyjson_val *one, *name, *value;
	size_t i, j, n, m;
	yyjson_arr_foreach(json_get(v, S("data")), i, n, one)
	{
		struct str whose = json_str(json_get(one, member));
		if (!whose.p || (holder.p && !str_eq(holder, whose)))
			continue;
		printf("%.*s", FMT(whose));
		yyjson_obj_foreach(json_get(one, S("limits")), j, m, name, value)
		    printf("  %.*s=%.*s", FMT(json_str(name)), FMT(json_str(value)));
		printf("\n");
	}
}

bool limits_cmd_set(struct key_ways *w, bool key, struct str holder, char **words, int n, struct err *e)
{
	struct buf b;
	yyjson_val *v;
	buf_init(&b, SIZE_MAX / 2);
	bool ok = limits_cmd_body(key, holder, words, n, &b, e) && limits_cmd_do(w, buf_str(&b), &v, e);
	buf_release(&b);
	if (ok)
		limits_cmd_print(v, key, holder);
	return ok;
}

bool limits_cmd_list(struct key_ways *w, bool key, struct err *e)
{
	yyjson_val *v;
	if (!limits_cmd_do(w, (struct str){0}, &v, e))
		return false;
	limits_cmd_print(v, key, (struct str){0});
	return true;
}
