/* line.c - lists of lines. */
#include "batches/line.h"

void lines_init(struct lines *ls)
{
	*ls = (struct lines){.last = &ls->first};
}

void lines_add(struct lines *ls, struct line *l)
{
	l->next = NULL;
	*ls->last = l;
	ls->last = &l->next;
	ls->n++;
}

void lines_remove(struct lines *ls, struct line *l)
{
	struct line **at = &ls->first;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	if (ls->last == &l->next)
		ls->last = at;
	ls->n--;
}

struct line *lines_take(struct lines *ls)
{
	struct line *l = ls->first;
	if (l)
		lines_remove(ls, l);
	return l;
}

void lines_move(struct lines *to, struct lines *from)
{
	struct line *l;
	while ((l = lines_take(from)))
		lines_add(to, l);
}

void lines_free(struct lines *ls)
{
	struct line *l;
	while ((l = lines_take(ls))) {
		inner_cancel(&l->inner);
		buf_release(&l->answer);
		xfree(l);
	}
}
