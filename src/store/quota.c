/* quota.c - what a holder may use at most, and how far that is taken. */
#include "store/quota.h"

#include "store/lend.h"
#include "store/outbox.h"
#include "store/request.h"

const struct quota_kind quota_kinds[N_QUOTAS] = {
#define QUOTA(NAME, name, seconds, has, help) {STR(name), seconds, has},
#include "store/quota.def"
#undef QUOTA
};

enum quota quota_named(struct str name)
{
	int i = 0;
	while (i < N_QUOTAS && !str_eq(quota_kinds[i].name, name))
		i++;
	return (enum quota)i;
}

/* --- what is set --- */

struct quota_reading {
	void (*one)(void *ctx, int64_t holder, enum quota q, int64_t most);
	void *ctx;
	int64_t number;
};

/* A name of a newer version means nothing here. */
static bool quota_on_row(void *ctx, const struct cell *cells)
{
	struct quota_reading *r = ctx;
	enum quota q = quota_named(cells[1].s);
	if (q < N_QUOTAS)
		r->one(r->ctx, cells[0].i, q, cells[2].i);
	return true;
}

bool quota_each(struct store *s, void (*one)(void *ctx, int64_t holder, enum quota q, int64_t most), void *ctx,
		struct err *e)
{
	struct quota_reading r = {.one = one, .ctx = ctx};
	struct lent_query q = {.stmt = STMT_QUOTA_LIST, .row = quota_on_row};
	return lent_rows(s, &q, &r, e);
}

bool quota_put(struct store *s, int64_t holder, enum quota q, int64_t most, struct err *e)
{
	struct str name = quota_kinds[q].name;
	struct store_request *r = request_new(NULL, NULL, 2, 5, 2 * name.n);
	if (most >= 0) {
		ADD(r, STMT_QUOTA_SET, INT(holder), TEXT(name), INT(most));
	} else {
		ADD(r, STMT_QUOTA_DROP, INT(holder), TEXT(name));
		ADD(r, STMT_QUOTA_LEVEL_DROP, INT(holder), TEXT(name));
	}
	return store_write(s, r, e);
}

/* --- levels --- */

static bool quota_on_number(void *ctx, const struct cell *cells)
{
	((struct quota_reading *)ctx)->number = cells[0].i;
	return false;
}

static bool quota_read_level(struct store *s, struct quota_level *l, struct err *e)
{
	struct quota_reading r = {0};
	struct lent_query q = {.stmt = STMT_QUOTA_LEVEL,
			       .binds = {INT(l->holder), TEXT(quota_kinds[l->q].name)},
			       .n_binds = 2,
			       .row = quota_on_number};
	bool ok = lent_rows(s, &q, &r, e);
	l->full_at = r.number;
	return ok;
}

bool quota_charge(struct store *s, struct quota_level *list, size_t n, struct err *e)
{
	size_t bytes = 0, charged = 0;
	for (size_t i = 0; i < n; i++) {
		bytes += quota_kinds[list[i].q].name.n;
		charged += list[i].added != 0;
	}
	struct store_request *r = request_new(NULL, NULL, charged + 1, 4 * charged + 4, bytes);
	for (size_t i = 0; i < n; i++)
		if (list[i].added)
			ADD(r, STMT_QUOTA_CHARGE, INT(list[i].holder), TEXT(quota_kinds[list[i].q].name),
			    INT(list[i].began), INT(list[i].added));
	bool ok = true;
	if (charged)
		ok = store_write(s, r, e);
	else
		request_free(r);
	for (size_t i = 0; ok && i < n; i++)
		ok = quota_read_level(s, &list[i], e);
	return ok;
}

/* --- money --- */

bool quota_spent(struct store *s, int64_t holder, int64_t month, int64_t *ret, struct err *e)
{
	struct quota_reading r = {0};
	struct lent_query q = {
	    .stmt = STMT_SPENT_GET, .binds = {INT(holder), INT(month)}, .n_binds = 2, .row = quota_on_number};
	bool ok = lent_rows(s, &q, &r, e);
	*ret = r.number;
	return ok;
}

bool quota_warn(struct store *s, const struct quota_warning *w, bool *done, struct err *e)
{
	struct store_request *r =
	    request_new(NULL, NULL, 1 + OUTBOX_CHANGES, 2 + OUTBOX_BINDS, 32 + outbox_bytes(w->event));
	ADD(r, STMT_SPENT_WARN, INT(w->holder), INT(w->month));
	request_must(r, ERR_CONFLICT, S("it was told"));
	outbox_add(r, w->project, w->event, w->subject);
	*done = store_write(s, r, e);
	if (*done || e->code != ERR_CONFLICT)
		return *done;
	*e = (struct err){0};
	return true;
}
