/* node_table.h - the nodes of a store, as this one last read them. Inside store/ alone; thread-safe.
 *
 * Who is dead is a matter of what this node saw, not of clocks: a row that has not changed while this node read it
 * again and again for store.node_dead_seconds. Time in which the database could not be read counts for nobody, so a
 * database that was away buries none of those who waited for it. */
#pragma once
#include "store/driver.h"
#include "store/nodes.h"

struct node_table;
struct node_table *node_table_new(void);
void node_table_free(struct node_table *t);

/* Reads all rows anew. *now_us: the database's clock; also who leads, as META_GET says it. */
struct node_reading {
	int64_t now_us;
	char leader[64];
	size_t leader_n;
};
bool node_table_read(struct node_table *t, const struct driver *d, struct db_reader *r, struct node_reading *ret,
		     struct err *e);
/* Does that holder still live? Of a number that was never read: yes. */
bool node_table_lives(struct node_table *t, int64_t number, int64_t incarnation);
/* Was it asked to drain? */
bool node_table_drains(struct node_table *t, int64_t number);
/* A copy of those that have a row; how many. */
size_t node_table_copy(struct node_table *t, struct node_row ret[NODES_MOST]);
