/* template.c - prompt templates: what /v1/prompts takes and gives, and how a request is filled from one. */
#include "model/template.h"

#include <stdio.h>
#include <string.h>

#include "model/parts.h"

enum { NAME_MOST = 40 /* an error names it */, MEMBERS_MAX = 512 << 20 };

/* --- variables in a text ---------------------------------------------------------------------------------- */

static bool template_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* "{{ name }}" at the beginning of `s`: how long it is, 0 when there is none. */
static size_t variable_at(struct str s, struct str *name)
{
	size_t i = 2;
	if (s.n < 5 || s.p[0] != '{' || s.p[1] != '{')
		return 0;
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	size_t from = i;
	while (i < s.n && template_name_char(s.p[i]))
		i++;
	*name = (struct str){s.p + from, i - from};
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	if (!name->n || name->n > NAME_MOST || i + 1 >= s.n || s.p[i] != '}' || s.p[i + 1] != '}')
		return 0;
	return i + 2;
}

/* Cuts the text before the next variable off *rest, and the variable too; false: no further one, *before is all. */
static bool next_variable(struct str *rest, struct str *before, struct str *name)
{
	for (size_t i = 0; i < rest->n; i++) {
		size_t n = variable_at((struct str){rest->p + i, rest->n - i}, name);
		if (!n)
			continue;
		*before = (struct str){rest->p, i};
		*rest = (struct str){rest->p + i + n, rest->n - i - n};
		return true;
	}
	*before = *rest;
	*rest = (struct str){rest->p + rest->n, 0};
	return false;
}

struct names {
	struct str name[TEMPLATE_VARIABLES];
	size_t n;
	bool over;
};

static bool template_known(const struct names *all, struct str name)
{
	for (size_t i = 0; i < all->n; i++)
		if (str_eq(all->name[i], name))
			return true;
	return false;
}

static void names_in(struct names *all, struct str text)
{
	struct str before, name;
	while (next_variable(&text, &before, &name)) {
		if (template_known(all, name))
			continue;
		if (all->n == TEMPLATE_VARIABLES)
			all->over = true;
		else
			all->name[all->n++] = name;
	}
}

static void names_of(struct names *all, yyjson_val *members)
{
	yyjson_val *input = json_get(members, S("input")), *message, *part;
	size_t i, n, k, m;
	all->n = 0;
	names_in(all, json_str(json_get(members, S("instructions"))));
	names_in(all, json_str(input));
	yyjson_arr_foreach(input, i, n, message)
	{
		yyjson_val *content = json_get(message, S("content"));
		names_in(all, json_str(content));
		yyjson_arr_foreach(content, k, m, part) names_in(all, json_str(json_get(part, S("text"))));
	}
}

/* --- bodies ----------------------------------------------------------------------------------------------- */

static const struct field update_fields[] = {
	FIELD_CHECKED("name", F_STR, .nullable = true, .min = 1, .max = TEMPLATE_NAME),
	FIELD_CHECKED("metadata", F_MAP, .nullable = true, .max = 16, .max_key = 64, .max_val = 512),
	FIELD_CHECKED("default_version", F_STR, .nullable = true, .pattern = "^[1-9][0-9]{0,9}$"),
	LAST_FIELD,
};

static bool about(struct str name) /* of the template, not of the version */
{
	return str_eq(name, S("name")) || str_eq(name, S("metadata")) || str_eq(name, S("is_default"));
}

static struct str members_json(struct arena *a, yyjson_val *body)
{
	struct buf b;
	struct jout o = {.b = &b};
	yyjson_val *key, *val;
	size_t i, n;
	buf_init(&b, MEMBERS_MAX);
	jo_obj(&o);
	yyjson_obj_foreach(body, i, n, key, val)
	{
		if (about(json_str(key)) || yyjson_is_null(val))
			continue;
		jo_key(&o, json_str(key));
		jo_val(&o, val);
	}
	jo_obj_end(&o);
	struct str s = str_copy(a, buf_str(&b));
	buf_release(&b);
	return s;
}

/* Only messages can be instructions. */
static bool messages_only(const struct create *c, struct err *e)
{
	for (size_t i = 0; i < c->n_items; i++) {
		char path[128];
		field_index(path, "input", i);
		if (c->items[i].type != ITEM_MESSAGE)
			return fail(e, ERR_UNSUPPORTED_VALUE, path, "Unsupported value: '%s'. A prompt holds messages only.",
				    item_rows[c->items[i].type].wire);
	}
	return true;
}

static bool says_something(yyjson_val *body, const struct create *c, struct err *e)
{
	struct names names = {.n = 0};
	if (!c->instructions.n && !c->n_items)
		return fail(e, ERR_MISSING_PARAMETER, NULL, "One of 'instructions' or 'input' must be provided.");
	names_of(&names, body);
	return !names.over || fail(e, ERR_INVALID_VALUE, NULL, "Invalid prompt: more than %d variables.", TEMPLATE_VARIABLES);
}

bool template_read(struct arena *a, yyjson_val *body, enum template_form form, struct template_body *ret, struct err *e)
{
	struct request_rules rules = {.kind = form == TEMPLATE_CREATE ? REQUEST_TEMPLATE : REQUEST_TEMPLATE_VERSION};
	struct create c;
	if (!yyjson_is_obj(body))
		return field_type(body, "", "an object", e);
	if (form == TEMPLATE_UPDATE ? !fields_read(update_fields, body, "", NULL, NULL, NULL, e)
				    : !create_read(a, body, &rules, &c, e) || !messages_only(&c, e) || !says_something(body, &c, e))
		return false;
	yyjson_val *metadata = json_get(body, S("metadata"));
	*ret = (struct template_body){.name = json_str(json_get(body, S("name"))),
				      .is_default = !yyjson_is_false(json_get(body, S("is_default")))};
	if (yyjson_is_obj(metadata))
		ret->metadata = json_text(a, metadata);
	if (form != TEMPLATE_UPDATE)
		ret->members = members_json(a, body);
	str_int(json_str(json_get(body, S("default_version"))), &ret->default_version);
	return true;
}

/* --- the object -------------------------------------------------------------------------------------------- */

static void template_put_number(struct jout *o, struct str key, int64_t n) /* versions are text, as in a request */
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)n);
	jo_key(o, key);
	jo_str(o, str_of(text));
}

void template_write(struct jout *o, const struct template_view *t)
{
	struct names names = {.n = 0};
	yyjson_val *key, *val;
	size_t i, n;
	names_of(&names, t->members);
	jo_obj(o);
	jo_kstr(o, "id", t->id);
	jo_kstr(o, "object", S("prompt"));
	jo_kint(o, "created_at", t->created_at);
	jo_kstr(o, "name", t->name);
	template_put_number(o, S("version"), t->version);
	jo_kint(o, "version_created_at", t->version_created_at);
	jo_kbool(o, "is_default", t->version == t->default_version);
	template_put_number(o, S("default_version"), t->default_version);
	template_put_number(o, S("latest_version"), t->latest);
	jo_key(o, S("variables"));
	jo_arr(o);
	for (i = 0; i < names.n; i++)
		jo_str(o, names.name[i]);
	jo_arr_end(o);
	yyjson_obj_foreach(t->members, i, n, key, val)
	{
		jo_key(o, json_str(key));
		jo_val(o, val);
	}
	jo_kraw(o, "metadata", t->metadata);
	jo_obj_end(o);
}

/* --- filling ----------------------------------------------------------------------------------------------- */

struct filling {
	struct arena *a;
	yyjson_val *variables;
	struct err *e;
};

static yyjson_val *template_value_of(const struct filling *f, struct str name)
{
	yyjson_val *v = json_get(f->variables, name);
	return yyjson_is_null(v) ? NULL : v;
}

static bool template_is_text(yyjson_val *v)
{
	return yyjson_is_str(v) || str_eq(json_str(json_get(v, S("type"))), S("input_text"));
}

static const char *template_place_of(char out[128], struct str name)
{
	snprintf(out, 128, "prompt.variables.%.*s", FMT(name));
	return out;
}

/* What the request gives for the variables is all that the template asks for, and nothing else. */
static bool variables_fit(const struct filling *f, const struct names *names, struct err *e)
{
	yyjson_val *key, *val;
	size_t i, n;
	char place[128];
	yyjson_obj_foreach(f->variables, i, n, key, val)
	{
		struct str name = json_str(key);
		struct str quoted = {name.p, name.n < NAME_MOST ? name.n : NAME_MOST};
		template_place_of(place, quoted);
		if (!template_known(names, name))
			return fail(e, ERR_UNKNOWN_PARAMETER, place, "Unknown parameter: '%s'. The prompt has no such variable.", place);
		if (yyjson_is_null(val) || yyjson_is_str(val))
			continue;
		if (!yyjson_is_obj(val))
			return field_type(val, place, "one of a string or object", e);
		if (!field_value(&input_part, val, place, NULL, e))
			return false;
	}
	for (i = 0; i < names->n; i++)
		if (!template_value_of(f, names->name[i])) {
			template_place_of(place, names->name[i]);
			return fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
		}
	return true;
}

static bool has_media(const struct filling *f, struct str text)
{
	struct str before, name;
	while (next_variable(&text, &before, &name))
		if (!template_is_text(template_value_of(f, name)))
			return true;
	return false;
}

static struct str text_of(yyjson_val *v)
{
	return json_str(yyjson_is_str(v) ? v : json_get(v, S("text")));
}

/* A text that can only be a text, filled. */
static void template_put_text(struct filling *f, struct jout *o, struct str text)
{
	struct str before, name;
	struct buf b;
	bool more = true;
	buf_init(&b, o->b->max);
	while (more) {
		more = next_variable(&text, &before, &name);
		buf_add(&b, before);
		if (!more)
			break;
		yyjson_val *v = template_value_of(f, name);
		char place[128];
		if (!template_is_text(v) && !f->e->code)
			fail(f->e, ERR_INVALID_TYPE, template_place_of(place, name),
			     "Invalid type for '%s': expected a string, since it stands in instructions or in an "
			     "assistant's message.",
			     place);
		buf_add(&b, text_of(v));
	}
	o->b->over |= b.over;
	jo_str(o, buf_str(&b));
	buf_release(&b);
}

/* A variable's value as the API repeats it: an image has a detail always. */
static void put_value(struct jout *o, yyjson_val *v)
{
	yyjson_val *detail = json_get(v, S("detail")), *key, *val;
	size_t i, n;
	if (!str_eq(json_str(json_get(v, S("type"))), S("input_image")) || yyjson_is_str(detail)) {
		jo_val(o, v);
		return;
	}
	jo_obj(o);
	yyjson_obj_foreach(v, i, n, key, val)
	{
		if (val == detail)
			continue;
		jo_key(o, json_str(key));
		jo_val(o, val);
	}
	jo_kstr(o, "detail", S("auto"));
	jo_obj_end(o);
}

static void put_variables(struct jout *o, yyjson_val *variables)
{
	yyjson_val *key, *val;
	size_t i, n;
	if (!variables || yyjson_is_null(variables)) {
		jo_null(o);
		return;
	}
	jo_obj(o);
	yyjson_obj_foreach(variables, i, n, key, val)
	{
		jo_key(o, json_str(key));
		put_value(o, val);
	}
	jo_obj_end(o);
}

static void put_text_part(struct jout *o, struct str text)
{
	if (!text.n)
		return;
	jo_obj(o);
	jo_kstr(o, "type", S("input_text"));
	jo_kstr(o, "text", text);
	jo_obj_end(o);
}

/* A text with images or files for some of its variables becomes several parts. */
static void template_put_parts(struct filling *f, struct jout *o, struct str text)
{
	struct str before, name;
	struct buf b;
	buf_init(&b, o->b->max);
	for (bool more = true; more;) {
		more = next_variable(&text, &before, &name);
		buf_add(&b, before);
		yyjson_val *v = more ? template_value_of(f, name) : NULL;
		if (more && template_is_text(v)) {
			buf_add(&b, text_of(v));
			continue;
		}
		put_text_part(o, buf_str(&b));
		o->b->over |= b.over;
		buf_clear(&b);
		if (more)
			put_value(o, v);
	}
	buf_release(&b);
}

static void template_put_part(struct filling *f, struct jout *o, yyjson_val *part, bool assistant)
{
	struct str text = json_str(json_get(part, S("text")));
	yyjson_val *key, *val;
	size_t i, n;
	if (text.p && !assistant && has_media(f, text)) {
		template_put_parts(f, o, text);
		return;
	}
	jo_obj(o);
	yyjson_obj_foreach(part, i, n, key, val)
	{
		jo_key(o, json_str(key));
		if (str_eq(json_str(key), S("text")) && text.p)
			template_put_text(f, o, text);
		else
			jo_val(o, val);
	}
	jo_obj_end(o);
}

static void template_put_content(struct filling *f, struct jout *o, yyjson_val *content, bool assistant)
{
	yyjson_val *part;
	size_t i, n;
	bool list = yyjson_is_arr(content) || (!assistant && has_media(f, json_str(content)));
	if (!list) {
		template_put_text(f, o, json_str(content));
		return;
	}
	jo_arr(o);
	if (yyjson_is_str(content))
		template_put_parts(f, o, json_str(content));
	yyjson_arr_foreach(content, i, n, part) template_put_part(f, o, part, assistant);
	jo_arr_end(o);
}

static void template_put_message(struct filling *f, struct jout *o, yyjson_val *message)
{
	bool plain = yyjson_is_str(message); /* one message of the user */
	struct str role = plain ? S("user") : json_str(json_get(message, S("role")));
	yyjson_val *key, *val;
	size_t i, n;
	jo_obj(o);
	jo_kstr(o, "type", S("message"));
	jo_kstr(o, "role", role);
	jo_key(o, S("content"));
	template_put_content(f, o, plain ? message : json_get(message, S("content")), str_eq(role, S("assistant")));
	yyjson_obj_foreach(plain ? NULL : message, i, n, key, val)
	{
		struct str k = json_str(key);
		if (str_eq(k, S("type")) || str_eq(k, S("role")) || str_eq(k, S("content")) || str_eq(k, S("id")))
			continue;
		jo_key(o, k);
		jo_val(o, val);
	}
	jo_obj_end(o);
}

static void put_prompt(struct filling *f, struct jout *o, const struct template_view *t)
{
	yyjson_val *input = json_get(t->members, S("input")), *message;
	size_t i, n;
	jo_key(o, S("prompt"));
	jo_obj(o);
	jo_kstr(o, "id", t->id);
	jo_key(o, S("variables"));
	put_variables(o, f->variables);
	template_put_number(o, S("version"), t->version);
	jo_key(o, S("items"));
	jo_arr(o);
	if (yyjson_is_str(input))
		template_put_message(f, o, input);
	yyjson_arr_foreach(input, i, n, message) template_put_message(f, o, message);
	jo_arr_end(o);
	jo_obj_end(o);
}

static bool template_given(yyjson_val *body, struct str key)
{
	yyjson_val *v = json_get(body, key);
	return v && !yyjson_is_null(v);
}

bool template_fill(struct arena *a, yyjson_val *body, const struct template_view *t, size_t most, struct str *ret,
		   struct err *e)
{
	struct filling f = {a, json_get(json_get(body, S("prompt")), S("variables")), e};
	struct names names = {.n = 0};
	struct buf b;
	struct jout o = {.b = &b};
	yyjson_val *key, *val;
	size_t i, n;
	names_of(&names, t->members);
	if (!variables_fit(&f, &names, e))
		return false;
	buf_init(&b, most);
	jo_obj(&o);
	yyjson_obj_foreach(body, i, n, key, val)
	{
		struct str k = json_str(key);
		if (str_eq(k, S("prompt")) || (yyjson_is_null(val) && template_given(t->members, k)))
			continue;
		jo_key(&o, k);
		jo_val(&o, val);
	}
	yyjson_obj_foreach(t->members, i, n, key, val)
	{
		struct str k = json_str(key);
		if (str_eq(k, S("input")) || template_given(body, k))
			continue;
		jo_key(&o, k);
		if (str_eq(k, S("instructions")))
			template_put_text(&f, &o, json_str(val));
		else
			jo_val(&o, val);
	}
	put_prompt(&f, &o, t);
	jo_obj_end(&o);
	if (b.over && !e->code)
		fail(e, ERR_TOO_LARGE, "prompt", "The prompt with its variables is larger than %zu bytes.", most);
	*ret = str_copy(a, buf_str(&b));
	buf_release(&b);
	return !e->code;
}

bool template_wanted(yyjson_val *body, struct str *id, struct str *version)
{
	yyjson_val *prompt = json_get(body, S("prompt"));
	*id = json_str(json_get(prompt, S("id")));
	*version = json_str(json_get(prompt, S("version")));
	return yyjson_is_obj(prompt) && id->p;
}
