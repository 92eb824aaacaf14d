/* node_table.c - the nodes of a store, as this one last read them. */
#include "store/node_table.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "store/limits.h"

struct seen {
	struct node_row row;
	int64_t silent_us; /* so long it was read again and again without a change */
};

struct node_table {
	pthread_mutex_t lock;
	struct seen at[NODES_MOST];
	size_t n;
	int64_t read_at; /* clock_mono_us(); 0: never */
};

struct node_table *node_table_new(void)
{
	struct node_table *t = xalloc(sizeof *t);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void node_table_free(struct node_table *t)
{
	pthread_mutex_destroy(&t->lock);
	xfree(t);
}

struct table_reading {
	struct node_row rows[NODES_MOST];
	size_t n;
	struct node_reading *ret;
};

static void table_text(char *to, size_t size, struct str s)
{
	size_t n = s.n < size ? s.n : size - 1;
	memcpy(to, s.n ? s.p : "", n);
	to[n] = 0;
}

static bool table_on_row(void *ctx, const struct cell *cells)
{
	struct table_reading *g = ctx;
	if (g->n == NODES_MOST)
		return false;
	struct node_row *row = &g->rows[g->n++];
	*row = (struct node_row){.number = cells[0].i,
				 .incarnation = cells[1].i,
				 .started_at = cells[2].i,
				 .seen_at = cells[3].i,
				 .draining = cells[4].i};
	table_text(row->address, sizeof row->address, cells[5].s);
	table_text(row->version, sizeof row->version, cells[6].s);
	g->ret->now_us = cells[7].i;
	return true;
}

static bool table_on_leader(void *ctx, const struct cell *cells)
{
	struct node_reading *ret = ctx;
	if (cells[0].s.n <= sizeof ret->leader) {
		memcpy(ret->leader, cells[0].s.p, cells[0].s.n);
		ret->leader_n = cells[0].s.n;
	}
	return false;
}

static const struct seen *table_find(const struct node_table *t, int64_t number)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->at[i].row.number == number)
			return &t->at[i];
	return NULL;
}

static bool table_leads(const struct node_reading *got, const struct node_row *row)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%" PRId64 ":%" PRId64, row->number, row->incarnation);
	return got->leader_n == (size_t)n && !memcmp(got->leader, text, got->leader_n);
}

/* Called with the lock held. `passed`: since the last reading, no more than between two heartbeats. */
static void table_take(struct node_table *t, const struct table_reading *g, int64_t passed)
{
	struct seen next[NODES_MOST];
	for (size_t i = 0; i < g->n; i++) {
		const struct node_row *row = &g->rows[i];
		const struct seen *was = table_find(t, row->number);
		bool same = was && was->row.incarnation == row->incarnation && was->row.seen_at == row->seen_at;
		next[i] = (struct seen){.row = *row, .silent_us = same ? was->silent_us + passed : 0};
		next[i].row.dead = !row->seen_at || next[i].silent_us >= store_limits.node_dead_seconds * 1000000;
	}
	for (size_t i = 0; i < g->n; i++)
		next[i].row.leads = table_leads(g->ret, &next[i].row);
	memcpy(t->at, next, g->n * sizeof *next);
	t->n = g->n;
}

bool node_table_read(struct node_table *t, const struct driver *d, struct db_reader *r, struct node_reading *ret,
		     struct err *e)
{
	struct table_reading g;
	struct bind leader = TEXT(S("leader"));
	*ret = (struct node_reading){0};
	g.n = 0;
	g.ret = ret;
	if (!d->query(r, STMT_NODE_LIST, NULL, 0, table_on_row, &g, e) ||
	    !d->query(r, STMT_META_GET, &leader, 1, table_on_leader, ret, e))
		return false;
	int64_t now = clock_mono_us(), most = 2000 * store_limits.node_beat_ms;
	pthread_mutex_lock(&t->lock);
	int64_t passed = t->read_at ? now - t->read_at : 0;
	table_take(t, &g, passed < most ? passed : most);
	t->read_at = now;
	pthread_mutex_unlock(&t->lock);
	return true;
}

bool node_table_lives(struct node_table *t, int64_t number, int64_t incarnation)
{
	pthread_mutex_lock(&t->lock);
	const struct seen *s = table_find(t, number);
	bool lives = !s || s->row.incarnation < incarnation || (s->row.incarnation == incarnation && !s->row.dead);
	pthread_mutex_unlock(&t->lock);
	return lives;
}

bool node_table_drains(struct node_table *t, int64_t number)
{
	pthread_mutex_lock(&t->lock);
	const struct seen *s = table_find(t, number);
	bool drains = s && s->row.draining;
	pthread_mutex_unlock(&t->lock);
	return drains;
}

size_t node_table_copy(struct node_table *t, struct node_row ret[NODES_MOST])
{
	pthread_mutex_lock(&t->lock);
	size_t n = t->n;
	for (size_t i = 0; i < n; i++)
		ret[i] = t->at[i].row;
	pthread_mutex_unlock(&t->lock);
	return n;
}
