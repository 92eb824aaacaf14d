/* bodies.c - bodies and queries of /v1/containers, and the objects that answer. */
#include "containers/bodies.h"

#include <stdio.h>

#include "container/limits.h"
#include "container/memory.h"
#include "container/network.h"
#include "door/lists.h"
#include "model/container_fields.h"

enum { NAME_CHARS = 255, FILES = 50, FILE_PATH = 2048 };

static const char *const anchors[] = {"last_active_at", NULL};
static const struct field expires_fields[] = {
    FIELD_CHECKED("anchor", F_ENUM, .required = true, .values = anchors),
    FIELD_CHECKED("minutes", F_INT, .required = true, .min = 1, .max = 525600),
    FIELD_END,
};
static const struct field file_id = {.kind = F_STR, .at = -1, .has_at = -1, .min = 1, .max = 128};
static const struct field create_fields[] = {
    FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = NAME_CHARS),
    FIELD_CHECKED("expires_after", F_OBJECT, .nullable = true, .sub = expires_fields),
    FIELD_CHECKED("file_ids", F_ARRAY, .nullable = true, .max = FILES, .item = &file_id),
    FIELD_CHECKED("memory_limit", F_ENUM, .nullable = true, .values = container_memory_limits),
    FIELD_CHECKED("network_policy", F_OBJECT, .nullable = true, .check = container_policy_check),
    FIELD_CHECKED("skills", F_ARRAY, .nullable = true, .max = 200, .item = &container_skill),
    FIELD_END,
};

static bool minutes_fit(int64_t minutes, struct err *e)
{
	return minutes <= container_limits.minutes_max ||
	       fail(e, ERR_INT_ABOVE_MAX, "expires_after.minutes",
		    "Invalid 'expires_after.minutes': integer above maximum value. Expected a value <= %lld, but got %lld "
		    "instead.",
		    (long long)container_limits.minutes_max, (long long)minutes);
}

bool container_body_read(struct arena *a, yyjson_val *body, struct cntr_want *ret, struct err *e)
{
	yyjson_val *ids, *one;
	size_t i, max;
	*ret = (struct cntr_want){0};
	if (!fields_read(create_fields, body, "", NULL, NULL, NULL, e))
		return false;
	ids = json_get(body, S("file_ids"));
	ret->name = str_copy(a, json_str(json_get(body, S("name"))));
	ret->minutes = (int64_t)yyjson_get_num(json_get(json_get(body, S("expires_after")), S("minutes")));
	struct str *files = new_array(a, struct str, yyjson_arr_size(ids) + 1);
	yyjson_arr_foreach(ids, i, max, one) files[ret->n_files++] = json_str(one);
	ret->files = files;
	ret->network = json_get(body, S("network_policy"));
	ret->skills = json_get(body, S("skills"));
	ret->skills_path = "skills";
	return minutes_fit(ret->minutes, e) &&
	       cntr_memory(json_str(json_get(body, S("memory_limit"))), "memory_limit", &ret->memory, e) &&
	       network_fits(json_get(body, S("network_policy")), "network_policy", e);
}

bool container_file_body_read(yyjson_val *body, struct str *ret, struct err *e)
{
	static const struct field fields[] = {
	    FIELD_CHECKED("file_id", F_STR, .required = true, .min = 1, .max = 128),
	    FIELD_END,
	};
	if (!fields_read(fields, body, "", NULL, NULL, NULL, e))
		return false;
	*ret = json_str(json_get(body, S("file_id")));
	return true;
}

bool container_query_read(struct request *rq, struct arena *a, bool names, struct container_query *ret, struct err *e)
{
	static const char *const known[] = {"after", "limit", "order", NULL};
	static const char *const with_name[] = {"after", "limit", "order", "name", NULL};
	struct str name = query_get(rq, "name", NULL);
	struct page_query q;
	if (!page_read(rq, names ? with_name : known, &q, e))
		return false;
	*ret = (struct container_query){.limit = q.limit, .ascending = q.ascending};
	if (q.after.n)
		ret->after = str_copy(a, q.after);
	if (name.n)
		ret->name = str_copy(a, name);
	return true;
}

/* --- objects ----------------------------------------------------------------------------------------------------- */

static void policy_write(struct jout *o, struct str policy)
{
	jo_key(o, S("network_policy"));
	if (policy.n) {
		jo_raw(o, policy);
		return;
	}
	jo_obj(o);
	jo_kstr(o, "type", S("disabled"));
	jo_obj_end(o);
}

void container_write(struct jout *o, const struct container *c)
{
	char id[ID_MAX];
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "cntr", &c->id));
	jo_kstr(o, "object", S("container"));
	jo_kint(o, "created_at", c->created_at);
	jo_kstr(o, "status", container_expired(c) ? S("expired") : S("running"));
	jo_key(o, S("expires_after"));
	jo_obj(o);
	jo_kstr(o, "anchor", S("last_active_at"));
	jo_kint(o, "minutes", c->minutes);
	jo_obj_end(o);
	jo_kint(o, "last_active_at", c->active_at);
	jo_kstr(o, "memory_limit", cntr_memory_word(c->memory));
	jo_kstr(o, "name", c->name);
	policy_write(o, c->policy);
	jo_obj_end(o);
}

void container_file_write(struct jout *o, const struct container *c, const struct container_file *f)
{
	char id[ID_MAX], path[FILE_PATH];
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "cfile", &f->id));
	jo_kstr(o, "object", S("container.file"));
	jo_kint(o, "created_at", f->created_at);
	jo_kint(o, "bytes", f->bytes);
	jo_kstr(o, "container_id", id_text(id, "cntr", &c->id));
	size_t n = (size_t)snprintf(path, sizeof path, "/mnt/data/%.*s", FMT(f->path));
	struct str whole = {path, n};
	jo_kstr(o, "path", whole);
	jo_kstr(o, "source", f->source == CONTAINER_USER ? S("user") : S("assistant"));
	jo_obj_end(o);
}
