/* beat.c - a node's heartbeat. */
#include "store/beat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/nodes.h"
#include "store/lease.h"
#include "store/node.h"
#include "store/request.h"

enum { SHIFTS = 8, LEADER_TEXT = 48 };

struct beat {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop, woken;
	struct shift {
		int64_t us, trip;
	} shifts[SHIFTS]; /* of the last answers */
	unsigned n_shifts;
};

/* --- the clock --- */

/* What the machine's clock lacks of the database's, by the quickest of the last answers: its error is half its trip. */
static void beat_clock(struct beat *b, int64_t began, int64_t ended, int64_t now_us)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	int64_t machine = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
	b->shifts[b->n_shifts++ % SHIFTS] =
	    (struct shift){.us = now_us + (ended - began) / 2 - machine, .trip = ended - began};
	const struct shift *best = &b->shifts[0];
	for (unsigned i = 1; i < SHIFTS && i < b->n_shifts; i++)
		if (b->shifts[i].trip < best->trip)
			best = &b->shifts[i];
	clock_wall_shift(best->us);
}

struct beat_reading {
	struct store *store;
	struct node_reading got;
};

static bool beat_read_rows(struct db_reader *r, void *ctx, struct err *e)
{
	struct beat_reading *g = ctx;
	return node_table_read(g->store->node->table, g->store->driver, r, &g->got, e);
}

static bool beat_read(struct store *s, struct node_reading *ret, struct err *e)
{
	struct beat_reading g = {.store = s};
	int64_t began = clock_mono_us();
	if (!s->driver->read(s->node->reader, beat_read_rows, &g, e))
		return false;
	if (g.got.now_us)
		beat_clock(s->node->beat, began, clock_mono_us(), g.got.now_us);
	*ret = g.got;
	return true;
}

/* --- what one node does for all --- */

static struct str leader_text(char out[LEADER_TEXT], const struct node *n)
{
	int len = snprintf(out, LEADER_TEXT, "%" PRId64 ":%" PRId64, n->number, n->incarnation);
	return (struct str){out, (size_t)len};
}

/* Nobody leads, or who did is dead: this node, unless another is quicker. */
static void beat_lead(struct store *s, const struct node_reading *got)
{
	struct node *n = s->node;
	char text[LEADER_TEXT], was[LEADER_TEXT + 20];
	int64_t number = 0, incarnation = 0;
	struct str me = leader_text(text, n);
	struct str leader = {got->leader, got->leader_n};
	bool mine = str_eq(leader, me);
	snprintf(was, sizeof was, "%.*s", FMT(leader));
	bool known = sscanf(was, "%" SCNd64 ":%" SCNd64, &number, &incarnation) == 2;
	if (!mine && (!known || !node_table_lives(n->table, number, incarnation))) {
		struct err e = {0};
		struct store_request *r = request_new(NULL, NULL, 1, 2, me.n + leader.n + 64);
		ADD(r, STMT_LEADER_TAKE, BLOB(me), BLOB(leader));
		request_must(r, ERR_CONFLICT, S("Another node leads."));
		mine = store_write(s, r, &e);
		if (mine && known && number != n->number)
			atomic_store(&s->node->after_other, true);
	}
	if (mine != atomic_load(&n->leads))
		log_at(LOG_INFO, mine ? "this node leads" : "another node leads", "node=%" PRId64, n->number);
	if (atomic_exchange(&n->leads, mine) != mine && mine)
		heard_text(s, (struct str){0}); /* what waits for a leader looks for its work */
}

/* What earlier incarnations of a node held, behind the change that took the incarnation away: 3 changes, 2 binds. */
static void beat_let_go(struct store_request *r, int64_t number)
{
	ADD(r, STMT_IDEM_CRASH, INT(number));
	ADD(r, STMT_RUN_ORPHAN, INT(number));
	ADD(r, STMT_LEASE_VOID);
}

static void beat_bury(struct store *s, const struct node_row *row)
{
	struct err e = {0};
	static const struct str late = STR("It has moved.");
	struct store_request *r = request_new(NULL, NULL, 4, 5, late.n + 1);
	ADD(r, STMT_NODE_BURY, INT(row->number), INT(row->incarnation), INT(row->seen_at));
	request_must(r, ERR_CONFLICT, late);
	beat_let_go(r, row->number);
	if (!store_write(s, r, &e))
		return;
	log_at(LOG_WARN, "a node is dead: others go on with what it held", "node=%" PRId64 " incarnation=%" PRId64,
	       row->number, row->incarnation);
	store_tell(s, WORD_MISSED, 0);
}

static void beat_bury_all(struct store *s)
{
	struct node_row *rows = xalloc(NODES_MOST * sizeof *rows);
	size_t n = node_table_copy(s->node->table, rows);
	for (size_t i = 0; i < n; i++)
		if (rows[i].dead && rows[i].seen_at && rows[i].number != s->node->number)
			beat_bury(s, &rows[i]);
	xfree(rows);
}

/* --- the beat --- */

/* ERR_CONFLICT: this incarnation was buried. */
static bool beat_write(struct store *s, struct err *e)
{
	static const struct str buried = STR("This node was thought dead, and others go on with what it held.");
	const struct node *n = s->node;
	struct str address = str_of(n->address), version = S(ANTIPHON_VERSION);
	struct store_request *r = request_new(NULL, NULL, 1, 4, address.n + version.n + buried.n + 1);
	ADD(r, STMT_NODE_BEAT, INT(n->number), INT(n->incarnation), TEXT(address), TEXT(version));
	request_must(r, ERR_CONFLICT, buried);
	r->apply.urgent = true; /* a long queue must not make this node look dead */
	return store_write(s, r, e);
}

static void beat_once(struct store *s)
{
	struct err e = {0};
	struct node_reading got;
	bool ok = beat_write(s, &e);
	if (!ok && e.code == ERR_CONFLICT) {
		/* Nothing that is under way here may be kept: whoever started this process starts it again. */
		log_at(LOG_ERROR, "this node ends", "reason=\"%s\"", e.msg);
		_Exit(NODE_BURIED_EXIT);
	}
	if (!ok || !beat_read(s, &got, &e)) {
		atomic_store(&s->node->leads, false);
		log_at(LOG_WARN, "a heartbeat failed", "reason=\"%s\"", e.msg);
		return;
	}
	leases_tidy(s);
	if (atomic_load(&s->node->keys_stale))
		atomic_store(&s->node->keys_stale, !keyring_refresh(s));
	atomic_store(&s->node->drains, node_table_drains(s->node->table, s->node->number));
	beat_lead(s, &got);
	if (atomic_load(&s->node->leads))
		beat_bury_all(s);
}

static void *beat_main(void *arg)
{
	struct store *s = arg;
	struct beat *b = s->node->beat;
	pthread_mutex_lock(&b->lock);
	while (!b->stop) {
		pthread_mutex_unlock(&b->lock);
		beat_once(s);
		pthread_mutex_lock(&b->lock);
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += store_limits.node_beat_ms % 1000 * 1000000;
		until.tv_sec += store_limits.node_beat_ms / 1000 + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		while (!b->stop && !b->woken && pthread_cond_timedwait(&b->wake, &b->lock, &until) == 0)
			;
		b->woken = false;
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

static void beat_wake(void *beat)
{
	struct beat *b = beat;
	pthread_mutex_lock(&b->lock);
	b->woken = true;
	pthread_cond_signal(&b->wake);
	pthread_mutex_unlock(&b->lock);
}

bool beat_prepare(struct store *s, struct err *e)
{
	struct node_reading got;
	pthread_condattr_t attr;
	if (!s->driver->shared)
		return true;
	struct beat *b = s->node->beat = xalloc(sizeof *b);
	pthread_mutex_init(&b->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&b->wake, &attr);
	pthread_condattr_destroy(&attr);
	s->node->reader = s->driver->attach(s->db);
	leases_share(s->node->leases, beat_wake, b);
	return beat_read(s, &got, e);
}

bool beat_start(struct store *s, struct err *e)
{
	struct beat *b = s->node->beat;
	if (!b)
		return true;
	if (!beat_write(s, e))
		return false;
	if (pthread_create(&b->thread, NULL, beat_main, s) == 0) {
		pthread_setname_np(b->thread, "node-beat");
		return true;
	}
	return fail(e, ERR_STORE, NULL, "cannot start the node's heartbeat");
}

/* As a burial, by the node itself. */
static void beat_leave(struct store *s)
{
	const struct node *n = s->node;
	struct err e = {0};
	struct store_request *r = request_new(NULL, NULL, 4, 4, 0);
	ADD(r, STMT_NODE_LEAVE, INT(n->number), INT(n->incarnation));
	beat_let_go(r, n->number);
	if (!store_write(s, r, &e))
		log_at(LOG_WARN, "the other nodes were not told that this one ends", "reason=\"%s\"", e.msg);
	store_tell(s, WORD_MISSED, 0);
}

void beat_stop(struct store *s)
{
	struct beat *b = s->node->beat;
	if (!b)
		return;
	if (b->thread) {
		pthread_mutex_lock(&b->lock);
		b->stop = true;
		pthread_cond_signal(&b->wake);
		pthread_mutex_unlock(&b->lock);
		pthread_join(b->thread, NULL);
		beat_leave(s);
	}
	s->driver->detach(s->node->reader);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->wake);
	xfree(b);
	s->node->beat = NULL;
}
