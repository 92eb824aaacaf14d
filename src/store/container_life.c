/* container_life.c - the calls that run in containers, and the end of those that expired. */
#include "store/container_life.h"

#include "base/clock.h"
#include "store/lend.h"
#include "store/node.h"
#include "store/request.h"
#include "store/sealed.h"

enum { FORGET_SECONDS = 86400 };

struct life_look {
	struct store *store;
	enum statement stmt;
	struct bind binds[2];
	unsigned n_binds;
	row_fn *row;
	int64_t value, cut, *keys;
	size_t n;
};

static bool life_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct life_look *l = ctx;
	return sealed_query(l->store, r, l->stmt, l->binds, l->n_binds, l->row, l, e);
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

static bool life_on_value(void *ctx, const struct cell *cells)
{
	((struct life_look *)ctx)->value = cells[0].i;
	return false;
}

static bool life_begin_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct life_look *l = ctx;
	if (!life_read(r, l, e))
		return false;
	l->cut = l->value;
	l->stmt = STMT_CONTAINER_BOOT;
	l->n_binds = 1;
	return life_read(r, l, e);
}

bool container_call_begin(struct store *s, const struct container *c, const struct id *call,
			  struct container_began *ret, struct err *e)
{
	int64_t now = clock_wall_s(), key = c->id.key, me = s->node->incarnation;
	struct life_look l = {.store = s,
			      .stmt = STMT_CONTAINER_CALL_CUT,
			      .binds = {INT(key), INT(me)},
			      .n_binds = 2,
			      .row = life_on_value};
	if (!lent_read(s, life_begin_read, &l, e))
		return false;
	*ret = (struct container_began){.cut = l.cut, .before = l.value && l.value != me};
	struct store_request *r = request_new(NULL, NULL, 4, 11, sizeof CONTAINER_EXPIRED);
	ADD(r, STMT_CONTAINER_TOUCH, INT(key), INT(now), INT(now));
	request_must(r, ERR_BAD_REQUEST, S(CONTAINER_EXPIRED));
	ADD(r, STMT_CONTAINER_CALLS_CUT_FREE, INT(key), INT(me));
	ADD(r, STMT_CONTAINER_CALL_BEGIN, INT(call->key), INT(key), INT(me), INT(now));
	ADD(r, STMT_CONTAINER_BOOT_SET, INT(key), INT(me));
	return store_write(s, r, e);
}

/* --- the sweeper ------------------------------------------------------------------------------------------------- */

static bool life_on_key(void *ctx, const struct cell *cells)
{
	struct life_look *l = ctx;
	l->keys[l->n++] = cells[0].i;
	return l->n < CONTAINER_SLICE;
}

bool container_late(struct store *s, int64_t ret[CONTAINER_SLICE], size_t *n, struct err *e)
{
	struct life_look l = {.store = s,
			      .stmt = STMT_CONTAINER_LATE,
			      .binds = {INT(clock_wall_s()), INT(CONTAINER_SLICE)},
			      .n_binds = 2,
			      .row = life_on_key,
			      .keys = ret};
	bool ok = lent_read(s, life_read, &l, e);
	*n = l.n;
	return ok;
}

bool container_end(struct store *s, int64_t key, struct err *e)
{
	static const struct str used = STR("It was used meanwhile.");
	struct store_request *r = request_new(NULL, NULL, 3, 4, used.n + 1);
	ADD(r, STMT_CONTAINER_END, INT(key), INT(clock_wall_s()));
	request_must(r, ERR_CONFLICT, used);
	ADD(r, STMT_CONTAINER_FILES_FREE, INT(key));
	ADD(r, STMT_CONTAINER_CALLS_FREE, INT(key));
	return store_write(s, r, e);
}

bool container_forget(struct store *s, struct err *e)
{
	struct store_request *r = request_new(NULL, NULL, 1, 1, 0);
	ADD(r, STMT_CONTAINER_FORGET, INT(clock_wall_s() - FORGET_SECONDS));
	return store_write(s, r, e);
}

bool container_has_folder(struct store *s, int64_t key, bool *ret, struct err *e)
{
	struct life_look l = {
	    .store = s, .stmt = STMT_CONTAINER_HAS_FOLDER, .binds = {INT(key)}, .n_binds = 1, .row = life_on_value};
	bool ok = lent_read(s, life_read, &l, e);
	*ret = l.value != 0;
	return ok;
}
