/* console_page.c - lists of the console by page. */
#include "console/console_page.h"

enum { PAGE = 25, PAGE_MOST = 100 };

bool console_page_of(struct request *rq, struct console_page *ret, struct err *e)
{
	struct str text = query_get(rq, "before", NULL);
	ret->limit = PAGE;
	if (!query_int(rq, "limit", 1, PAGE_MOST, &ret->limit, e))
		return false;
	return !text.n || (str_int(text, &ret->before) && ret->before > 0) ||
	       fail(e, ERR_INVALID_VALUE, "before", "'before' is the member `next` of the page before.");
}

bool console_page_read(struct errand *er, void *more, struct err *e)
{
	static const char *const known[] = {"before", "limit", NULL};
	return query_known(er->rq, known, e) && console_page_of(er->rq, more, e);
}

/* As text: JavaScript's numbers have 53 bits. */
void console_put_next(struct jout *o, int64_t next, struct arena *a)
{
	jo_key(o, S("next"));
	if (next)
		jo_str(o, str_fmt(a, "%lld", (long long)next));
	else
		jo_raw(o, S("null"));
}
