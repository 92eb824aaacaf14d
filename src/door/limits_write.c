/* limits_write.c - limits of keys and projects as their owner is shown them and sets them. */
#include "door/limits_write.h"

#include <stdio.h>

#include "quota/prices.h"
#include "store/keys.h"

enum { VALUE_TEXT = 32, DIGITS = 9, DOLLAR = 1000000000 };

/* --- in --- */

static bool limit_value(enum quota which, struct str text, int64_t *ret, struct err *e)
{
	char name[64];
	*ret = -1;
	if (str_eq(text, S("none")))
		return true;
	if (which == QUOTA_BUDGET ? dollars_read(text, ret) : str_int(text, ret) && *ret >= 0)
		return true;
	snprintf(name, sizeof name, "%.*s", FMT(quota_kinds[which].name));
	return fail(e, ERR_INVALID_VALUE, name, "%s: '%.*s' is no %s; 'none' takes the limit away", name,
		    (int)(text.n < VALUE_TEXT ? text.n : VALUE_TEXT), text.p,
		    which == QUOTA_BUDGET ? "amount of dollars, such as 20 or 0.50" : "whole number");
}

static bool limit_holder(struct store *s, yyjson_val *body, int64_t *ret, struct err *e)
{
	struct str key = json_str(json_get(body, S("key"))), project = json_str(json_get(body, S("project")));
	struct id id;
	if (!key.p)
		return project_find(s, project.p ? project : S(""), true, ret, e);
	if (!id_parse(key, "key", &id) || !key_id(s, id.key).key)
		return fail(e, ERR_NOT_FOUND, NULL, "no API key with id '%.*s'", (int)(key.n < 200 ? key.n : 200),
			    key.p);
	*ret = id.key;
	return true;
}

static bool limit_names(yyjson_val *limits, bool key, struct err *e)
{
	yyjson_val *name, *value;
	size_t i, n;
	int64_t most;
	yyjson_obj_foreach(limits, i, n, name, value)
	{
		struct str text = json_str(name);
		enum quota which = quota_named(text);
		if (which == N_QUOTAS)
			return fail(e, ERR_INVALID_VALUE, "limits",
				    "'%.*s' is no limit; there are requests_per_minute, tokens_per_minute, "
				    "tokens_per_day, turns_at_once, background_runs, storage_bytes, budget_per_month, "
				    "budget_warning_percent",
				    (int)(text.n < 64 ? text.n : 64), text.p);
		if (key && quota_kinds[which].has == QUOTA_PROJECT)
			return fail(e, ERR_INVALID_VALUE, "limits", "%.*s is a limit of projects, not of keys",
				    FMT(text));
		if (!limit_value(which, json_str(value), &most, e))
			return false;
	}
	return true;
}

bool limits_change(struct store *s, struct quotas *q, yyjson_val *body, struct err *e)
{
	yyjson_val *limits = json_get(body, S("limits")), *name, *value;
	size_t i, n;
	int64_t holder, most;
	if (!limit_holder(s, body, &holder, e) || !limit_names(limits, json_get(body, S("key")), e))
		return false;
	yyjson_obj_foreach(limits, i, n, name, value)
	{
		enum quota which = quota_named(json_str(name));
		if (!limit_value(which, json_str(value), &most, e) ||
		    !(q ? quota_set(q, holder, which, most, e) : quota_put(s, holder, which, most, e)))
			return false;
	}
	return true;
}

/* --- out --- */

struct limits_writing {
	struct store *store;
	struct jout *o;
	int64_t holder; /* whose are being written; 0: nobody's yet */
};

static struct str limit_text(enum quota which, int64_t most, char out[VALUE_TEXT])
{
	int n = snprintf(out, VALUE_TEXT, "%lld", (long long)most);
	if (which == QUOTA_BUDGET) {
		n = snprintf(out, VALUE_TEXT, "%lld.%09lld", (long long)(most / DOLLAR), (long long)(most % DOLLAR));
		while (out[n - 1] == '0' && out[n - 3] != '.')
			n--;
	}
	return (struct str){out, (size_t)n};
}

static void limits_on_one(void *ctx, int64_t holder, enum quota which, int64_t most)
{
	struct limits_writing *w = ctx;
	char text[ID_MAX], value[VALUE_TEXT];
	if (w->holder != holder) {
		struct id key = key_id(w->store, holder);
		if (w->holder) {
			jo_obj_end(w->o);
			jo_obj_end(w->o);
		}
		w->holder = holder;
		jo_obj(w->o);
		jo_key(w->o, key.key ? S("key") : S("project"));
		jo_str(w->o, key.key ? id_text(text, "key", &key) : project_name(w->store, holder));
		jo_key(w->o, S("limits"));
		jo_obj(w->o);
	}
	jo_key(w->o, quota_kinds[which].name);
	jo_str(w->o, limit_text(which, most, value));
}

bool limits_write(struct store *s, struct jout *o, struct err *e)
{
	struct limits_writing w = {s, o, 0};
	jo_obj(o);
	jo_key(o, S("data"));
	jo_arr(o);
	bool ok = quota_each(s, limits_on_one, &w, e);
	if (w.holder) {
		jo_obj_end(o);
		jo_obj_end(o);
	}
	jo_arr_end(o);
	jo_obj_end(o);
	return ok;
}
