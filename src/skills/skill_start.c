/* skill_start.c - how a request for a list becomes an errand. */
#include "skills/skill_start.h"

#include "door/lists.h"

void skill_list_start(struct request *rq, bool (*work)(struct errand *er, struct err *e))
{
	static const char *const known[] = {"after", "limit", "order", NULL};
	struct errand *er = errand_new(rq, work);
	struct err why = {0};
	if (!er)
		return;
	struct page_query *q = new (&er->arena, struct page_query);
	er->more = q;
	if (!page_read_from(rq, known, 0, q, &why)) {
		errand_fail(er, &why);
		return;
	}
	if (q->after.p)
		q->after = str_copy(&er->arena, q->after);
	errand_start(er);
}
