/* node.c - this process among those that share a store: one today. */
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
	n->leases = leases_new();
	n->holders = holders_new();
	return n;
}

void node_leave(struct node *n)
{
	folder_release(n->folder_lock);
	leases_free(n->leases);
	holders_free(n->holders);
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
	/* No other process can write here while this one has the folder. */
	return node_is_me(n, number, incarnation);
}
