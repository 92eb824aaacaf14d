/* node.c - this process among those that share a store. */
#include "store/node.h"

#include "base/clock.h"
#include "store/folder.h"
#include "store/idem.h"
#include "store/lease.h"
#include "store/request.h"
#include "store/sealed.h"

struct node *node_take(const char *dir, struct err *e)
{
	struct node *n = xalloc(sizeof *n);
	if (!folder_take(dir, &n->folder_lock, e)) {
		xfree(n);
		return NULL;
	}
	pthread_mutex_init(&n->hear_lock, NULL);
	n->table = node_table_new();
	n->leases = leases_new();
	n->holders = holders_new();
	return n;
}

void node_leave(struct node *n)
{
	folder_release(n->folder_lock);
	leases_free(n->leases);
	holders_free(n->holders);
	node_table_free(n->table);
	pthread_mutex_destroy(&n->hear_lock);
	xfree(n);
}

void node_begin(struct store_request *r, const struct node *n)
{
	ADD(r, STMT_NODE_BEGIN, INT(n->number), INT(clock_wall_s()));
	ADD(r, STMT_IDEM_CRASH, INT(n->number));
	ADD(r, STMT_RUN_ORPHAN, INT(n->number));
}

struct loading {
	int64_t incarnation, keys_from;
};

static bool on_node(void *ctx, const struct cell *cells)
{
	*(struct loading *)ctx = (struct loading){cells[0].i, cells[1].i};
	return false;
}

bool node_load(struct store *s, struct db_reader *r, struct err *e)
{
	struct loading l = {0};
	struct bind number = INT(s->node->number);
	if (!sealed_query(s, r, STMT_NODE_GET, &number, 1, on_node, &l, e))
		return false;
	if (!l.incarnation)
		return fail(e, ERR_STORE, NULL, "the store lacks the row of this node");
	s->node->incarnation = l.incarnation;
	id_node_set((unsigned)s->node->number, l.keys_from);
	return true;
}

bool node_is_me(const struct node *n, int64_t number, int64_t incarnation)
{
	return number == n->number && incarnation == n->incarnation;
}

bool node_lives(const struct node *n, int64_t number, int64_t incarnation)
{
	if (node_is_me(n, number, incarnation))
		return true;
	return n->beat && number != n->number && node_table_lives(n->table, number, incarnation);
}

bool node_number(struct store *s, int64_t asked, struct err *e)
{
	if (!s->driver->shared)
		return true;
	for (int64_t at = asked < 0 ? 0 : asked; at < ID_NODES; at++) {
		struct err why = {0};
		s->node->number = at;
		if (s->driver->take_number(s->db, at, &why))
			return true;
		if (asked >= 0 || why.code != ERR_CONFLICT) {
			*e = why;
			return false;
		}
	}
	return fail(e, ERR_CONFIG, NULL, "%d nodes share this store already: an id has no room for more", ID_NODES);
}
