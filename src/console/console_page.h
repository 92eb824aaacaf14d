/* console_page.h - lists of the console by page: newest first, keys below `before`, which is `next` of the page before.
 */
#pragma once
#include "door/errand.h"
#include "door/request.h"

struct console_page {
	int64_t before, limit;
};
/* ?before= &limit=. On the loop. */
bool console_page_of(struct request *rq, struct console_page *ret, struct err *e);
/* The same for errand_begin() where nothing else is asked; `more` is a struct console_page. */
bool console_page_read(struct errand *er, void *more, struct err *e);
/* The member `next`, in an object that is open; 0: null. */
void console_put_next(struct jout *o, int64_t next, struct arena *a);
