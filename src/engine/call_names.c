/* call_names.c - what a model means by a tool's name, and what it may call. */
#include <string.h>

#include "engine/answer_calls.h"
#include "model/parts.h"

enum { WORDS_MAX = 64 }; /* of one name; no name has more */

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The next run of characters that names may have; {0}: no more. */
static struct str next_word(struct str *s)
{
	size_t n = 0;
	if (!s->n)
		return (struct str){0};
	while (s->n && !is_name(s->p[0]))
		*s = (struct str){s->p + 1, s->n - 1};
	while (n < s->n && is_name(s->p[n]))
		n++;
	struct str word = {s->p, n};
	*s = (struct str){s->p + n, s->n - n};
	return n ? word : (struct str){0};
}

static const struct function_tool *same_but_case(const struct function_tool *tools, size_t n, struct str name)
{
	const struct function_tool *found = NULL;
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(tools[i].name, name)) {
			if (found)
				return NULL;
			found = &tools[i];
		}
	return found;
}

/* What models write before a name or behind it without a mark between. */
static struct str without_affix(struct str s)
{
	static const struct str before[] = {STR("functions_"), STR("function_"),    STR("tools_"),
					    STR("tool_"),      STR("default_api_"), STR("multi_tool_use_")};
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (str_starts(s, before[i]) && s.n > before[i].n)
			return (struct str){s.p + before[i].n, s.n - before[i].n};
	return s;
}

static struct str without_number(struct str s)
{
	size_t n = s.n;
	while (n && s.p[n - 1] >= '0' && s.p[n - 1] <= '9')
		n--;
	return n > 1 && n < s.n && (s.p[n - 1] == '_' || s.p[n - 1] == '-') ? (struct str){s.p, n - 1} : s;
}

static const struct function_tool *word_offered(const struct function_tool *tools, size_t n, struct str word)
{
	const struct str tries[] = {word, without_affix(word), without_number(word),
				    without_number(without_affix(word))};
	const struct function_tool *t = NULL;
	for (size_t i = 0; !t && i < sizeof tries / sizeof *tries; i++)
		t = call_tool(tools, n, tries[i]);
	return t ? t : same_but_case(tools, n, word);
}

/* Of several words the first that is exactly a tool's name, else the first that is nearly one. */
const struct function_tool *call_offered(const struct function_tool *tools, size_t n, struct str name)
{
	const struct function_tool *t = call_tool(tools, n, name);
	struct str rest = name, word;
	for (int i = 0; !t && i < WORDS_MAX && (word = next_word(&rest)).n; i++)
		t = call_tool(tools, n, word);
	rest = name;
	for (int i = 0; !t && i < WORDS_MAX && (word = next_word(&rest)).n; i++)
		t = word_offered(tools, n, word);
	return t;
}

struct str call_clean(struct arena *a, struct str name)
{
	char room[NAME_CHARS];
	size_t n = 0;
	name = str_trim(name);
	for (size_t i = 0; i + 1 < name.n; i++) /* a template's own marks, and what stands behind them */
		if (i && name.p[i] == '<' && name.p[i + 1] == '|')
			name.n = i;
	for (size_t i = 0; i < name.n && n < sizeof room; i++) {
		bool more = i && ((unsigned char)name.p[i] & 0xc0) == 0x80; /* of one character */
		if (!more)
			room[n++] = is_name(name.p[i]) ? name.p[i] : '_';
	}
	return n ? str_copy(a, (struct str){room, n}) : S("_");
}

bool call_allowed(const struct prompt *p, struct str name, int shown)
{
	if (p->choice == CHOICE_NONE || (!p->parallel && shown))
		return false;
	if (p->choice == CHOICE_NAMED)
		return str_eq(name, p->choice_name);
	return !p->only_offered || call_tool(p->tools, p->n_tools, name);
}
