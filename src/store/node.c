/* node.c - this process among those that share a store. */
#include "store/node.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/folder.h"
#include "store/idem.h"
#include "store/lease.h"
#include "store/request.h"
#include "store/sealed.h"

#define NODE_FILE "antiphon.node"

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

/* --- its number --- */

/* What lies in a data folder (containers, indexes) is of the node that wrote it: so a folder keeps its number. -1: it has none. */
static int64_t node_remembered(const char *dir)
{
	char path[PATH_MAX], text[16] = "";
	int64_t number = -1;
	snprintf(path, sizeof path, "%s/" NODE_FILE, dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof text - 1) > 0 && sscanf(text, "%" SCNd64, &number) != 1)
		number = -1;
	if (fd >= 0)
		close(fd);
	return number;
}

static bool node_remember(const char *dir, int64_t number, struct err *e)
{
	char path[PATH_MAX], text[16];
	int n = snprintf(text, sizeof text, "%" PRId64 "\n", number);
	snprintf(path, sizeof path, "%s/" NODE_FILE, dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text, (size_t)n) == n && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return ok || fail(e, ERR_CONFIG, NULL, "cannot write in the data folder %s: %m", dir);
}

/* How gladly a number is taken: 0 never had a node, 1 its node has ended, 2 it may live. */
static int node_worn(const struct node_row *rows, size_t n, int64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].number == number)
			return !rows[i].started_at ? 0 : !rows[i].seen_at ? 1 : 2;
	return 0;
}

static bool node_find_number(struct store *s, struct err *e)
{
	bool found = false, go_on = true;
	struct node_row *rows = xalloc(NODES_MOST * sizeof *rows);
	size_t n = node_table_copy(s->node->table, rows);
	for (int worn = 0; worn < 3 && go_on; worn++) {
		for (int64_t at = 0; at < ID_NODES && go_on; at++) {
			struct err why = {0};
			if (node_worn(rows, n, at) != worn)
				continue;
			s->node->number = at;
			found = s->driver->take_number(s->db, at, &why);
			go_on = !found && why.code == ERR_CONFLICT;
			if (!found && !go_on)
				*e = why;
		}
	}
	xfree(rows);
	if (go_on)
		fail(e, ERR_CONFIG, NULL, "%d nodes share this store already: an id has no room for more", ID_NODES);
	return found;
}

bool node_number(struct store *s, const char *dir, const int64_t *asked, struct err *e)
{
	if (!s->driver->shared)
		return true;
	int64_t own = node_remembered(dir);
	if (asked && own >= 0 && *asked != own)
		return fail(e, ERR_CONFIG, NULL,
			    "the data folder %s is that of node %" PRId64 ", and store.node says %" PRId64
			    ". Name another folder: --data DIR",
			    dir, own, *asked);
	if (own < 0 && !asked)
		return node_find_number(s, e) && node_remember(dir, s->node->number, e);
	s->node->number = own >= 0 ? own : *asked;
	return s->driver->take_number(s->db, s->node->number, e) && node_remember(dir, s->node->number, e);
}
