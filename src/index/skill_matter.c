/* skill_matter.c - the front matter of a SKILL.md. */
#include "index/skill_matter.h"

#include <string.h>
#include <yaml.h>

#include "index/skill_file.h"

/* What stands between the two lines; {0}: there are no such lines. */
static struct str skill_matter_between(struct str text)
{
	struct str none = {0};
	if (str_starts(text, S("\xef\xbb\xbf")))
		text = (struct str){text.p + 3, text.n - 3};
	if (text.n > SKILL_MATTER_BYTES)
		text.n = SKILL_MATTER_BYTES;
	struct str line = str_cut(&text, '\n');
	if (!str_eq(str_trim(line), S("---")) || line.p[0] != '-')
		return none;
	for (struct str rest = text; rest.n;) {
		const char *at = rest.p;
		line = str_cut(&rest, '\n');
		if (line.n && line.p[0] == '-' && str_eq(str_trim(line), S("---")))
			return (struct str){text.p, (size_t)(at - text.p)};
	}
	return none;
}

struct skill_matter_load {
	struct arena *a;
	yaml_document_t doc;
	struct skill_matter *ret;
};

static struct str skill_matter_scalar(const yaml_node_t *n)
{
	return (struct str){(const char *)n->data.scalar.value, n->data.scalar.length};
}

/* The two keys once at most, as plain texts; others may be there and say what they like. */
static enum skill_fault skill_matter_pairs(struct skill_matter_load *l, yaml_node_t *map)
{
	struct {
		const char *key;
		struct str *to;
		enum skill_fault fault;
	} rows[] = {{"name", &l->ret->name, SKILL_NAME}, {"description", &l->ret->description, SKILL_DESCRIPTION}};
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(&l->doc, p->key), *v = yaml_document_get_node(&l->doc, p->value);
		for (size_t i = 0; i < 2; i++) {
			if (!key || key->type != YAML_SCALAR_NODE || !str_eq(skill_matter_scalar(key), str_of(rows[i].key)))
				continue;
			if (rows[i].to->p) {
				l->ret->detail = S("a key is given twice");
				return SKILL_YAML;
			}
			if (!v || v->type != YAML_SCALAR_NODE)
				return rows[i].fault;
			*rows[i].to = str_copy(l->a, str_trim(skill_matter_scalar(v)));
		}
	}
	return SKILL_SOUND;
}

static enum skill_fault skill_matter_document(struct skill_matter_load *l)
{
	yaml_node_t *root = yaml_document_get_root_node(&l->doc);
	if (!root || root->type != YAML_MAPPING_NODE)
		return SKILL_YAML;
	enum skill_fault fault = skill_matter_pairs(l, root);
	if (fault)
		return fault;
	if (!skill_name_good(l->ret->name)) {
		l->ret->detail = l->ret->name;
		return SKILL_NAME;
	}
	return skill_description_good(l->ret->description) ? SKILL_SOUND : SKILL_DESCRIPTION;
}

enum skill_fault skill_matter_read(struct arena *a, struct str text, struct skill_matter *ret)
{
	struct skill_matter_load l = {.a = a, .ret = ret};
	struct str yaml = skill_matter_between(text);
	yaml_parser_t parser;
	*ret = (struct skill_matter){0};
	if (!yaml.p)
		return SKILL_MATTER;
	if (!yaml_parser_initialize(&parser))
		return SKILL_YAML;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.p, yaml.n);
	enum skill_fault fault = SKILL_YAML;
	if (yaml_parser_load(&parser, &l.doc)) {
		fault = skill_matter_document(&l);
		yaml_document_delete(&l.doc);
	} else if (parser.problem) {
		ret->detail = str_fmt(a, "line %zu: %s", parser.problem_mark.line + 2, parser.problem);
	}
	yaml_parser_delete(&parser);
	return fault;
}
