/* lists.c - pages of lists: what the query asks for, and how a page of items is written. */
#include "door/lists.h"

#include "model/conversation.h"
#include "model/item_show.h"
#include "model/request.h"

bool include_read(struct request *rq, unsigned *show, struct err *e)
{
	struct str one;
	size_t at = 0;
	*show = 0;
	while ((one = query_get(rq, "include", &at)).p) {
		const char *const *known = include_values;
		while (*known && !str_eq(one, str_of(*known)))
			known++;
		if (!*known)
			return field_enum(one, "include", include_values, e);
		*show |= item_show_bit(one);
	}
	return true;
}

static struct str listed_id(struct arena *a, struct str json)
{
	struct item view;
	return item_view(a, json, &view) ? view.id : (struct str){0};
}

void list_write(struct buf *b, struct arena *a, const struct str *json, size_t n, bool has_more, unsigned show)
{
	struct jout o = {b, false};
	list_begin(&o);
	for (size_t i = 0; i < n; i++)
		jo_raw(&o, item_shown(a, json[i], show));
	struct str none = {0};
	list_end(&o, RESOURCE_ITEM, n ? listed_id(a, json[0]) : none, n ? listed_id(a, json[n - 1]) : none, has_more);
}

bool page_read(struct request *rq, const char *const *known, struct page_query *q, struct err *e)
{
	return page_read_from(rq, known, 1, q, e);
}

bool page_read_from(struct request *rq, const char *const *known, int64_t least, struct page_query *q, struct err *e)
{
	struct str order = query_get(rq, "order", NULL);
	*q = (struct page_query){.after = query_get(rq, "after", NULL), .before = query_get(rq, "before", NULL), .limit = 20};
	if (!query_known(rq, known, e) || !query_int(rq, "limit", least, 100, &q->limit, e))
		return false;
	if (order.p && !str_eq(order, S("asc")) && !str_eq(order, S("desc")))
		return fail(e, ERR_INVALID_VALUE, "order", "Invalid value: '%.*s'. Supported values are: 'asc' and 'desc'.", FMT(order));
	q->ascending = str_eq(order, S("asc"));
	return true;
}
