/* skill_words.c - how a model is told of skills. */
#include "model/skill_words.h"

/* In one line, so that no text of one skill reads as another. */
static void skill_words_line(struct buf *b, struct str s)
{
	s = str_trim(s);
	for (size_t i = 0; i < s.n; i++)
		buf_byte(b, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
}

void skill_words(struct buf *b, yyjson_val *list)
{
	size_t i, max;
	yyjson_val *one;
	if (!yyjson_arr_size(list))
		return;
	buf_add(b, S("\n\nSkills are folders with instructions for tasks of some kind, and what these need. Before a task that one of "
		     "them is for, read the file SKILL.md in its folder and follow it. There are:"));
	yyjson_arr_foreach(list, i, max, one)
	{
		buf_add(b, S("\n- "));
		skill_words_line(b, json_str(json_get(one, S("name"))));
		buf_add(b, S(" (folder "));
		skill_words_line(b, json_str(json_get(one, S("path"))));
		buf_add(b, S("): "));
		skill_words_line(b, json_str(json_get(one, S("description"))));
	}
}
