/* lease.c - who may work on a conversation now: one at a time, in the order they came. */
#include "store/lease.h"

#include <assert.h>
#include <string.h>

#include "store/core.h"
#include "store/node.h"

enum { ROWS = 256 };

struct claim {
	struct post post;
	struct conversation_lease *lease; /* its loop's thread alone; NULL: dropped with its post under way */
	struct leases *table;
	struct loop *loop;
	int64_t project;
	struct id id;
	enum { WAITING, GRANTED, HELD } state; /* GRANTED: the post is on its way */
	struct claim *next;                    /* in its row, oldest first */
};

struct leases {
	pthread_mutex_t lock; /* over rows, and state and next of claims */
	struct claim *rows[ROWS];
};

struct leases *leases_new(void)
{
	struct leases *t = xalloc(sizeof *t);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void leases_free(struct leases *t)
{
	for (int i = 0; i < ROWS; i++)
		assert(!t->rows[i]); /* their owners are gone, and let go */
	pthread_mutex_destroy(&t->lock);
	xfree(t);
}

static struct claim **row_of(struct claim *c)
{
	return &c->table->rows[(uint64_t)c->id.key * 0x9e3779b97f4a7c15u >> 56];
}

/* With the random part: a guessed id keeps nobody waiting. */
static bool lease_same(const struct claim *x, const struct claim *y)
{
	return x->id.key == y->id.key && x->project == y->project && !memcmp(x->id.rnd, y->id.rnd, ID_RND);
}

static void lease_on_granted(struct post *post)
{
	struct claim *c = OWNER(post, struct claim, post);
	if (!c->lease) {
		xfree(c);
		return;
	}
	pthread_mutex_lock(&c->table->lock);
	c->state = HELD;
	pthread_mutex_unlock(&c->table->lock);
	c->lease->granted(c->lease);
}

static void grant(struct claim *c)
{
	c->state = GRANTED;
	c->post.run = lease_on_granted;
	loop_post(c->loop, &c->post);
}

void lease_take(struct store_port *p, struct conversation_lease *l, int64_t project, const struct id *id)
{
	assert(!l->claim);
	struct claim *c = xalloc(sizeof *c);
	*c = (struct claim){.lease = l, .table = p->store->node->leases, .loop = p->loop, .project = project, .id = *id};
	l->claim = c;
	struct claim **at = row_of(c);
	bool first = true;
	pthread_mutex_lock(&c->table->lock);
	for (; *at; at = &(*at)->next)
		first &= !lease_same(*at, c);
	*at = c;
	if (first)
		grant(c);
	pthread_mutex_unlock(&c->table->lock);
}

void claim_release(struct claim *c)
{
	if (!c)
		return;
	struct claim **at = row_of(c), *next = NULL;
	pthread_mutex_lock(&c->table->lock);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->state != WAITING)
		for (next = c->next; next && !lease_same(next, c);)
			next = next->next;
	if (next)
		grant(next);
	bool under_way = c->state == GRANTED;
	pthread_mutex_unlock(&c->table->lock);
	c->lease = NULL;
	if (!under_way)
		xfree(c);
}

struct claim *lease_give(struct conversation_lease *l)
{
	struct claim *c = l->claim;
	assert(!c || c->state == HELD);
	l->claim = NULL;
	return c;
}

void lease_drop(struct conversation_lease *l)
{
	claim_release(l->claim);
	l->claim = NULL;
}
