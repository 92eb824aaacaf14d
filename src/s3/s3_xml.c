/* s3_xml.c - the small XML of an S3 store's answers. */
#include "s3/s3_xml.h"

#include <stdlib.h>
#include <string.h>

static bool s3_xml_bad(struct s3_xml *x)
{
	x->bad = true;
	x->rest.n = 0;
	return false;
}

/* What stands before `end`, which is passed over, too. */
static bool s3_xml_until(struct s3_xml *x, const char *end, struct str *ret)
{
	const char *at = memmem(x->rest.p, x->rest.n, end, strlen(end));
	if (!at)
		return s3_xml_bad(x);
	*ret = (struct str){x->rest.p, (size_t)(at - x->rest.p)};
	size_t past = ret->n + strlen(end);
	x->rest = (struct str){x->rest.p + past, x->rest.n - past};
	return true;
}

/* A tag's name: up to white space or its '/', behind its namespace's ':'. */
static struct str s3_xml_name(struct str tag)
{
	size_t n = 0;
	while (n < tag.n && !char_in(tag.p[n], " \t\r\n/"))
		n++;
	struct str name = {tag.p, n}, rest = name, first = str_cut(&rest, ':');
	return first.n < name.n ? rest : name;
}

static bool s3_xml_tag(struct s3_xml *x, struct s3_xml_part *ret, bool *is)
{
	struct str text;
	*is = false;
	if (str_starts(x->rest, S("!--")))
		return s3_xml_until(x, "-->", &text);
	if (str_starts(x->rest, S("?")))
		return s3_xml_until(x, "?>", &text);
	if (str_starts(x->rest, S("!")))
		return s3_xml_bad(x);
	bool end = str_starts(x->rest, S("/"));
	if (end)
		x->rest = (struct str){x->rest.p + 1, x->rest.n - 1};
	if (!s3_xml_until(x, ">", &text))
		return false;
	*ret = (struct s3_xml_part){
	    end ? S3_XML_END : S3_XML_BEGIN, s3_xml_name(text), {x->rest.p, str_find(x->rest, '<')}};
	*is = ret->name.n > 0;
	return *is || s3_xml_bad(x);
}

bool s3_xml_next(struct s3_xml *x, struct s3_xml_part *ret)
{
	for (;;) {
		size_t at = str_find(x->rest, '<');
		bool is;
		if (at == x->rest.n)
			return false;
		x->rest = (struct str){x->rest.p + at + 1, x->rest.n - at - 1};
		if (!s3_xml_tag(x, ret, &is))
			return false;
		if (is)
			return true;
	}
}

/* The byte that an entity stands for, of those that names and ids of a store have; 0: another. */
static char s3_xml_entity(struct str name)
{
	static const struct {
		struct str name;
		char c;
	} known[] = {{STR("amp"), '&'}, {STR("lt"), '<'}, {STR("gt"), '>'}, {STR("quot"), '"'}, {STR("apos"), '\''}};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (str_eq(name, known[i].name))
			return known[i].c;
	char digits[8] = "";
	bool hex = str_starts(name, S("#x"));
	size_t skip = hex ? 2 : 1;
	if (!str_starts(name, S("#")) || name.n - skip > 4 || name.n == skip)
		return 0;
	memcpy(digits, name.p + skip, name.n - skip);
	char *end;
	long n = strtol(digits, &end, hex ? 16 : 10);
	return *end || n < 1 || n > 127 ? 0 : (char)n;
}

struct str s3_xml_text(struct arena *a, struct str text)
{
	char *out = arena_bytes(a, text.n + 1);
	size_t n = 0;
	text = str_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		struct str rest = {text.p + i + 1, text.n - i - 1}, name = {rest.p, str_find(rest, ';')};
		char c = text.p[i] == '&' && name.n < rest.n ? s3_xml_entity(name) : 0;
		out[n++] = c ? c : text.p[i];
		i += c ? name.n + 1 : 0;
	}
	out[n] = 0;
	return (struct str){out, n};
}

struct str s3_xml_find(struct arena *a, struct str xml, struct str name)
{
	struct s3_xml x = {.rest = xml};
	struct s3_xml_part p;
	while (s3_xml_next(&x, &p))
		if (p.what == S3_XML_BEGIN && str_eq(p.name, name))
			return s3_xml_text(a, p.text);
	return (struct str){0};
}
