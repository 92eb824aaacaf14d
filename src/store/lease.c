/* lease.c - who may work on a conversation now: one at a time, in the order they came.
 *
 * Within a process that is a list in memory. Where others share the database, the first of a list also takes the row
 * (conversation_lease), which names its node, that node's incarnation and a number of its own. */
#include "store/lease.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "store/nodes.h"
#include "store/node.h"
#include "store/request.h"

enum { ROWS = 256, LOOK_MS = 125, LOOK_MOST_MS = 2000, PUT_OFF_MS = 1000 };

struct claim {
	struct post post;
	struct conversation_lease *lease; /* its loop's thread alone; NULL: dropped with its post under way */
	struct leases *table;
	struct store_port *port;
	struct loop *loop;
	int64_t look_ms; /* until it looks at the row again: a refused write undoes its group, so ever more seldom; news wake it */
	int64_t project, holder; /* holder: of this incarnation, this claim alone */
	struct id id;
	enum { WAITING, GRANTED, ASKING, HELD } state; /* GRANTED: the post is on its way; ASKING: for the row */
	bool told;                                     /* while ASKING: the post is on its way, too */
	bool row;                                      /* it may have the row; its loop's thread alone */
	struct store_op op;                            /* that takes the row */
	struct timer again;
	struct claim *next; /* in its row of the table, oldest first */
};

/* A row that is to go, and was not taken away by the write of its holder. */
struct left {
	struct id id;
	int64_t project, holder;
	struct left *next;
};

struct leases {
	pthread_mutex_t lock; /* over all that follows, and state, told and next of claims */
	struct claim *rows[ROWS];
	int64_t holders; /* given out */
	struct left *left;
	void (*wake)(void *ctx); /* some are left; NULL: the database is nobody else's */
	void *wake_ctx;
};

struct leases *leases_new(void)
{
	struct leases *t = xalloc(sizeof *t);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void leases_share(struct leases *t, void (*wake)(void *ctx), void *ctx)
{
	t->wake_ctx = ctx;
	t->wake = wake;
}

void leases_free(struct leases *t)
{
	for (int i = 0; i < ROWS; i++)
		assert(!t->rows[i]); /* their owners are gone, and let go */
	while (t->left) {
		struct left *l = t->left;
		t->left = l->next;
		xfree(l);
	}
	pthread_mutex_destroy(&t->lock);
	xfree(t);
}

static struct claim **row_of(struct leases *t, int64_t key)
{
	return &t->rows[(uint64_t)key * 0x9e3779b97f4a7c15u >> 56];
}

/* With the random part: a guessed id keeps nobody waiting. */
static bool lease_same(const struct claim *x, const struct claim *y)
{
	return x->id.key == y->id.key && x->project == y->project && !memcmp(x->id.rnd, y->id.rnd, ID_RND);
}

/* --- the row, where others share the database --- */

static void lease_ask(struct claim *c);

static void lease_held(struct claim *c)
{
	pthread_mutex_lock(&c->table->lock);
	c->state = HELD;
	pthread_mutex_unlock(&c->table->lock);
	c->lease->granted(c->lease);
}

static void lease_on_again(struct timer *t)
{
	lease_ask(OWNER(t, struct claim, again));
}

static void lease_on_asked(struct store_op *op, const struct err *e)
{
	struct claim *c = OWNER(op, struct claim, op);
	if (e->code == ERR_NONE) {
		c->row = true;
		lease_held(c);
		return;
	}
	/* A write whose outcome is not known may have happened; then the next one meets this claim's own row. */
	c->row |= e->code != ERR_CONFLICT;
	if (e->code != ERR_CONFLICT)
		log_at(LOG_WARN, "the lease of a conversation could not be asked for", "reason=\"%s\"", e->msg);
	timer_start(c->loop, &c->again, e->code == ERR_CONFLICT ? c->look_ms : PUT_OFF_MS, lease_on_again);
	c->look_ms = c->look_ms < LOOK_MOST_MS ? 2 * c->look_ms : LOOK_MOST_MS;
}

static void lease_ask(struct claim *c)
{
	static const struct str held = STR("The conversation is in use on another node.");
	const struct node *n = c->port->store->node;
	if (c->op.request)
		return;
	timer_cancel(&c->again);
	c->op.done = lease_on_asked;
	struct store_request *r = request_new(c->port, &c->op, 1, 6, ID_RND + held.n + 1);
	ADD(r, STMT_LEASE_TAKE, INT(c->id.key), INT(c->project), BLOB(rnd_str(&c->id)), INT(n->number),
	    INT(n->incarnation), INT(c->holder));
	request_must(r, ERR_CONFLICT, held);
	request_send(r);
}

void lease_fence(struct store_request *r)
{
	static const struct str lost = STR("Another node works on this conversation by now. Please retry.");
	struct claim *c = r->claim;
	if (!c || !c->row)
		return;
	const struct node *n = c->port->store->node;
	ADD(r, STMT_LEASE_END, INT(c->id.key), INT(c->project), BLOB(rnd_str(&c->id)), INT(n->number),
	    INT(n->incarnation), INT(c->holder));
	request_must(r, ERR_CONFLICT, lost);
}

void lease_fenced(struct claim *c)
{
	if (!c || !c->row)
		return;
	c->row = false;
	store_tell(c->port->store, WORD_LEASE, c->id.key);
}

/* Called with the lock held. */
static void lease_leave_row(struct claim *c)
{
	struct left *l = xalloc(sizeof *l);
	*l = (struct left){.id = c->id, .project = c->project, .holder = c->holder, .next = c->table->left};
	c->table->left = l;
}

static struct left *leases_take_left(struct leases *t, size_t *n)
{
	pthread_mutex_lock(&t->lock);
	struct left *all = t->left;
	t->left = NULL;
	pthread_mutex_unlock(&t->lock);
	*n = 0;
	for (struct left *l = all; l; l = l->next)
		++*n;
	return all;
}

/* Not written: they are tried once more with the next heartbeat. */
static void leases_put_back(struct leases *t, struct left *all)
{
	struct left *last = all;
	while (last->next)
		last = last->next;
	pthread_mutex_lock(&t->lock);
	last->next = t->left;
	t->left = all;
	pthread_mutex_unlock(&t->lock);
}

void leases_tidy(struct store *s)
{
	struct err e = {0};
	size_t n;
	struct left *all = leases_take_left(s->node->leases, &n);
	if (!all)
		return;
	struct store_request *r = request_new(NULL, NULL, n, 6 * n, ID_RND * n);
	for (struct left *l = all; l; l = l->next)
		ADD(r, STMT_LEASE_END, INT(l->id.key), INT(l->project), BLOB(rnd_str(&l->id)), INT(s->node->number),
		    INT(s->node->incarnation), INT(l->holder));
	if (!store_write(s, r, &e)) {
		leases_put_back(s->node->leases, all);
		return;
	}
	while (all) {
		struct left *l = all;
		all = l->next;
		store_tell(s, WORD_LEASE, l->id.key);
		xfree(l);
	}
}

/* Told of a key: those who wait for its row look again. */
static void lease_on_told(struct post *post)
{
	struct claim *c = OWNER(post, struct claim, post);
	if (!c->lease) {
		xfree(c);
		return;
	}
	pthread_mutex_lock(&c->table->lock);
	c->told = false;
	bool asks = c->state == ASKING;
	pthread_mutex_unlock(&c->table->lock);
	if (asks)
		lease_ask(c);
}

void leases_look(struct leases *t, int64_t key)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < ROWS; i++) {
		for (struct claim *c = t->rows[i]; c; c = c->next) {
			if (c->state != ASKING || c->told || (key && c->id.key != key))
				continue;
			c->told = true;
			c->post.run = lease_on_told;
			loop_post(c->loop, &c->post);
		}
	}
	pthread_mutex_unlock(&t->lock);
}

/* --- the list --- */

static void lease_on_granted(struct post *post)
{
	struct claim *c = OWNER(post, struct claim, post);
	if (!c->lease) {
		xfree(c);
		return;
	}
	if (!c->table->wake) {
		lease_held(c);
		return;
	}
	pthread_mutex_lock(&c->table->lock);
	c->state = ASKING;
	pthread_mutex_unlock(&c->table->lock);
	lease_ask(c);
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
	*c = (struct claim){
	    .lease = l, .table = p->store->node->leases, .port = p, .loop = p->loop, .project = project, .id = *id,
	    .look_ms = LOOK_MS};
	l->claim = c;
	struct claim **at = row_of(c->table, id->key);
	bool first = true;
	pthread_mutex_lock(&c->table->lock);
	c->holder = ++c->table->holders;
	for (; *at; at = &(*at)->next)
		first &= !lease_same(*at, c);
	*at = c;
	if (first)
		grant(c);
	pthread_mutex_unlock(&c->table->lock);
}

/* Called with the lock held. */
static struct claim *lease_next_of(const struct claim *c)
{
	struct claim *next = c->state == WAITING ? NULL : c->next;
	while (next && !lease_same(next, c))
		next = next->next;
	return next;
}

void claim_release(struct claim *c)
{
	if (!c)
		return;
	struct leases *t = c->table;
	struct claim **at = row_of(t, c->id.key);
	timer_cancel(&c->again);
	c->row |= c->op.request != NULL; /* what is under way may happen */
	store_cancel(&c->op);
	pthread_mutex_lock(&t->lock);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	struct claim *next = lease_next_of(c);
	bool left = c->row;
	if (left)
		lease_leave_row(c);
	if (next)
		grant(next);
	bool under_way = c->state == GRANTED || c->told;
	pthread_mutex_unlock(&t->lock);
	c->lease = NULL;
	if (!under_way)
		xfree(c);
	if (left)
		t->wake(t->wake_ctx);
}

struct claim *lease_give(struct conversation_lease *l)
{
	struct claim *c = l->claim;
	assert(!c || c->state == HELD);
	l->claim = NULL;
	return c;
}

void lease_return(struct claim *c)
{
	assert(!c->lease->claim);
	c->lease->claim = c;
}

void lease_drop(struct conversation_lease *l)
{
	claim_release(l->claim);
	l->claim = NULL;
}
