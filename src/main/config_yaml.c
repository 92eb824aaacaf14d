/* config_yaml.c - settings from a YAML file (libyaml's document tree). */
#include "main/config_yaml.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "main/config_rows.h"

enum { FILE_MAX = 1048576 };

struct reader_state {
	struct config *c;
	yaml_document_t doc;
	const char *path;
	char where[512]; /* "file:line" of the node at hand */
	struct err *e;
};

static yaml_node_t *node_at(struct reader_state *r, yaml_node_item_t i)
{
	return yaml_document_get_node(&r->doc, i);
}

static const char *config_yaml_place(struct reader_state *r, const yaml_node_t *n)
{
	snprintf(r->where, sizeof r->where, "%s:%zu", r->path, n->start_mark.line + 1);
	return r->where;
}

static struct str config_yaml_scalar(const yaml_node_t *n)
{
	return (struct str){(const char *)n->data.scalar.value, n->data.scalar.length};
}

/* Plain `~`, `null` and nothing at all: the setting keeps what it has. */
static bool config_yaml_is_null(const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	struct str s = config_yaml_scalar(n);
	return !s.n || str_eq(s, S("~")) || str_eq(s, S("null"));
}

static bool want(struct reader_state *r, const yaml_node_t *n, yaml_node_type_t type, const char *name,
		 const char *what)
{
	return n->type == type ||
	       fail(r->e, ERR_CONFIG, NULL, "%s: '%s' must be %s", config_yaml_place(r, n), name, what);
}

static bool read_setting(struct reader_state *r, const char *name, yaml_node_t *v)
{
	if (config_yaml_is_null(v))
		return true;
	if (v->type == YAML_SCALAR_NODE)
		return config_set(r->c, str_of(name), config_yaml_scalar(v), config_yaml_place(r, v), r->e);
	if (!want(r, v, YAML_SEQUENCE_NODE, name, "a value or a list of values"))
		return false;
	size_t n = (size_t)(v->data.sequence.items.top - v->data.sequence.items.start);
	struct str *all = new_array(&r->c->arena, struct str, n + 1);
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *one = node_at(r, v->data.sequence.items.start[i]);
		if (!want(r, one, YAML_SCALAR_NODE, name, "a list of plain values"))
			return false;
		all[i] = config_yaml_scalar(one);
	}
	return config_set_list(r->c, str_of(name), all, n, config_yaml_place(r, v), r->e);
}

/* Every key of a mapping once, as "PREFIXkey". */
static bool read_mapping(struct reader_state *r, const char *prefix, yaml_node_t *map)
{
	yaml_node_pair_t *first = map->data.mapping.pairs.start, *end = map->data.mapping.pairs.top;
	for (yaml_node_pair_t *p = first; p < end; p++) {
		yaml_node_t *key = node_at(r, p->key), *v = node_at(r, p->value);
		char name[256];
		if (!want(r, key, YAML_SCALAR_NODE, prefix, "a mapping with plain keys"))
			return false;
		snprintf(name, sizeof name, "%s%.*s", prefix, FMT(config_yaml_scalar(key)));
		for (yaml_node_pair_t *q = first; q < p; q++)
			if (str_eq(config_yaml_scalar(node_at(r, q->key)), config_yaml_scalar(key)))
				return fail(r->e, ERR_CONFIG, NULL, "%s: '%s' is given twice",
					    config_yaml_place(r, key), name);
		config_yaml_place(r, key); /* for errors about the key itself */
		if (!read_setting(r, name, v))
			return false;
	}
	return true;
}

static bool read_engines(struct reader_state *r, yaml_node_t *list)
{
	if (!want(r, list, YAML_SEQUENCE_NODE, "engines", "a list of mappings"))
		return false;
	size_t n = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *one = node_at(r, list->data.sequence.items.start[i]);
		char prefix[40];
		if (!want(r, one, YAML_MAPPING_NODE, "engines", "a list of mappings"))
			return false;
		snprintf(prefix, sizeof prefix, "engines[%zu].", i);
		if (!read_mapping(r, prefix, one))
			return false;
	}
	return true;
}

/* Aliases are tried in the file's order, before those known already: so the last is put first. */
static bool read_aliases(struct reader_state *r, yaml_node_t *map)
{
	if (!want(r, map, YAML_MAPPING_NODE, "aliases", "a mapping of pattern to model"))
		return false;
	yaml_node_pair_t *first = map->data.mapping.pairs.start;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.top; p-- > first;) {
		yaml_node_t *key = node_at(r, p->key), *v = node_at(r, p->value);
		if (!want(r, key, YAML_SCALAR_NODE, "aliases", "a mapping of pattern to model") ||
		    !want(r, v, YAML_SCALAR_NODE, "aliases", "a mapping of pattern to model"))
			return false;
		config_alias(r->c, config_yaml_scalar(key), config_yaml_is_null(v) ? S("") : config_yaml_scalar(v));
	}
	return true;
}

static bool read_section(struct reader_state *r, yaml_node_t *key, yaml_node_t *v)
{
	char prefix[128];
	struct str name = config_yaml_scalar(key);
	if (config_yaml_is_null(v))
		return true;
	if (str_eq(name, S("engines")))
		return read_engines(r, v);
	if (str_eq(name, S("aliases")))
		return read_aliases(r, v);
	snprintf(prefix, sizeof prefix, "%.*s.", FMT(name));
	if (v->type == YAML_MAPPING_NODE)
		return read_mapping(r, prefix, v);
	for (const struct setting *s = config_rows; s->name; s++)
		if (str_eq(name, str_of(s->section)))
			return want(r, v, YAML_MAPPING_NODE, s->section, "a section with settings in it");
	return setting_unknown(config_rows, name, config_yaml_place(r, key), r->e);
}

static bool read_document(struct reader_state *r)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);
	if (!root || config_yaml_is_null(root))
		return true; /* an empty file changes nothing */
	if (root->type != YAML_MAPPING_NODE)
		return fail(r->e, ERR_CONFIG, NULL, "%s: the file must be a mapping of sections",
			    config_yaml_place(r, root));
	yaml_node_pair_t *first = root->data.mapping.pairs.start, *end = root->data.mapping.pairs.top;
	for (yaml_node_pair_t *p = first; p < end; p++) {
		yaml_node_t *key = node_at(r, p->key);
		if (!want(r, key, YAML_SCALAR_NODE, "file", "a mapping of sections"))
			return false;
		for (yaml_node_pair_t *q = first; q < p; q++)
			if (str_eq(config_yaml_scalar(node_at(r, q->key)), config_yaml_scalar(key)))
				return fail(r->e, ERR_CONFIG, NULL, "%s: section '%.*s' is given twice",
					    config_yaml_place(r, key), FMT(config_yaml_scalar(key)));
		if (!read_section(r, key, node_at(r, p->value)))
			return false;
	}
	return true;
}

static bool config_yaml_read_text(struct config *c, struct str text, const char *path, struct err *e)
{
	struct reader_state r = {.c = c, .path = path, .e = e};
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return fail(e, ERR_CONFIG, NULL, "%s: the YAML parser could not start", path);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.p, text.n);
	bool ok = yaml_parser_load(&parser, &r.doc);
	if (!ok) {
		fail(e, ERR_CONFIG, NULL, "%s:%zu: not YAML: %s", path, parser.problem_mark.line + 1,
		     parser.problem ? parser.problem : "unreadable");
	} else {
		ok = read_document(&r);
		yaml_document_delete(&r.doc);
	}
	yaml_parser_delete(&parser);
	return ok;
}

bool config_read_yaml(struct config *c, const char *path, struct err *e)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return fail(e, ERR_CONFIG, NULL, "%s: %s", path, strerror(errno));
	struct buf b;
	buf_init(&b, FILE_MAX + 1);
	char piece[8192];
	for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0 && !b.over;)
		buf_add(&b, (struct str){piece, n});
	bool ok = !ferror(f) || fail(e, ERR_CONFIG, NULL, "%s: %s", path, strerror(errno));
	fclose(f);
	if (ok && (b.over || b.n > FILE_MAX))
		ok = fail(e, ERR_CONFIG, NULL, "%s: larger than 1 MB", path);
	ok = ok && config_yaml_read_text(c, buf_str(&b), path, e);
	buf_release(&b);
	return ok;
}
