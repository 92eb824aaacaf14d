/* config_show.c - the settings in force, as data. */
#include "main/config_show.h"

#include <string.h>

#include "main/config_rows.h"
#include "wire/jout.h"

static bool show_secret(const struct setting *s)
{
	return !strcmp(s->name, "key");
}

/* "https://user:password@host" has a password that nobody should read off a screen. */
static void show_text(struct jout *o, struct arena *a, struct str v)
{
	struct str rest = v;
	for (size_t i = 0; i + 3 <= v.n; i++)
		if (!memcmp(v.p + i, "://", 3)) {
			rest = (struct str){v.p + i + 3, v.n - i - 3};
			break;
		}
	struct str host = rest;
	host.n = str_find(host, '/');
	size_t at = str_find(host, '@');
	if (rest.p == v.p || at == host.n)
		jo_str(o, v);
	else
		jo_str(o, str_fmt(a, "%.*s***%.*s", (int)(rest.p - v.p), v.p, (int)(rest.n - at), rest.p + at));
}

static void show_value(struct jout *o, struct arena *a, const struct setting *s, const void *at)
{
	const struct str *text = at;
	const struct config_list *list = at;
	switch (s->kind) {
	case SETTING_TEXT:
	case SETTING_CHOICE:
		if (show_secret(s))
			jo_str(o, text->n ? S("***") : S(""));
		else
			show_text(o, a, *text);
		return;
	case SETTING_INT:
		jo_int(o, *(const int64_t *)at);
		return;
	case SETTING_NUMBER:
		jo_num(o, *(const double *)at);
		return;
	case SETTING_FLAG:
		jo_bool(o, *(const bool *)at);
		return;
	case SETTING_LIST:
		jo_arr(o);
		for (size_t i = 0; i < list->n; i++)
			show_text(o, a, list->at[i]);
		jo_arr_end(o);
		return;
	}
}

static struct str show_from(const struct config *c, struct str name)
{
	for (size_t i = c->n_origins; i-- > 0;)
		if (str_eq(c->origins[i].name, name))
			return c->origins[i].where;
	return S("default");
}

static void show_row(struct jout *o, struct arena *a, const struct config *c, const struct setting *s, struct str name, const void *owner)
{
	jo_obj(o);
	jo_kstr(o, "name", name);
	jo_key(o, S("value"));
	show_value(o, a, s, (const char *)owner + s->at);
	jo_kstr(o, "default", str_of(s->def));
	jo_kstr(o, "from", show_from(c, name));
	jo_kstr(o, "help", str_of(s->help));
	jo_obj_end(o);
}

static void show_alias(struct jout *o, struct arena *a, const struct config *c, const struct engine_alias *alias)
{
	struct str name = str_fmt(a, "aliases.%.*s", FMT(alias->pattern));
	jo_obj(o);
	jo_kstr(o, "name", name);
	jo_kstr(o, "value", alias->model.p ? alias->model : S(""));
	jo_kstr(o, "default", S(""));
	jo_kstr(o, "from", show_from(c, name));
	jo_kstr(o, "help", S("the model that answers to that name; empty: the default one"));
	jo_obj_end(o);
}

struct str config_show(const struct config *c, struct arena *a)
{
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, SIZE_MAX / 2);
	jo_arr(&o);
	for (const struct setting *s = config_rows; s->name; s++)
		show_row(&o, a, c, s, str_fmt(a, "%s.%s", s->section, s->name), c);
	for (size_t i = 0; i < c->n_engines; i++)
		for (const struct setting *s = engine_rows; s->name; s++)
			show_row(&o, a, c, s, str_fmt(a, "engines[%zu].%s", i, s->name), &c->engines[i]);
	for (size_t i = 0; i < c->n_aliases; i++)
		show_alias(&o, a, c, &c->aliases[i]);
	jo_arr_end(&o);
	struct str ret = str_copy(a, buf_str(&b));
	buf_release(&b);
	return ret;
}
