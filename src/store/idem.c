/* idem.c - idempotency keys: the claim is on disk before any engine is called. */
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "store/idem.h"
#include "store/node.h"
#include "store/look.h"

enum { STATE_RUNNING = 1, STATE_ANSWERED, STATE_CRASHED }; /* statements.def */

/* Claims of this node: it is known in memory whether one that looks as if it ran does. A
 * disk that is full when a turn ends keeps its claim in the database as it was. */
struct holder {
	int64_t response;
	bool unsaved; /* it has ended, and what it made is lost */
};

struct holders {
	pthread_mutex_t lock;
	struct map map; /* by response */
	int64_t n_unsaved;
};

static struct str holder_key(const int64_t *response)
{
	return (struct str){(const char *)response, sizeof *response};
}

struct holders *holders_new(void)
{
	struct holders *h = xalloc(sizeof *h);
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void holders_free(struct holders *h)
{
	size_t at = 0;
	void *v;
	while ((v = map_next(&h->map, &at)))
		xfree(v);
	map_release(&h->map);
	pthread_mutex_destroy(&h->lock);
	xfree(h);
}

static void holder_add(struct holders *h, int64_t response)
{
	struct holder *v = xalloc(sizeof *v);
	v->response = response;
	pthread_mutex_lock(&h->lock);
	xfree(map_del(&h->map, holder_key(&response)));
	map_put(&h->map, holder_key(&v->response), v);
	pthread_mutex_unlock(&h->lock);
}

/* IDEM_FRESH: nobody has it. */
static enum idem_state holder_state(struct holders *h, int64_t response)
{
	pthread_mutex_lock(&h->lock);
	const struct holder *v = map_get(&h->map, holder_key(&response));
	enum idem_state state = !v ? IDEM_FRESH : v->unsaved ? IDEM_CRASHED : IDEM_RUNNING;
	pthread_mutex_unlock(&h->lock);
	return state;
}

void store_idem_end(struct store_port *p, const struct id *response, bool unsaved)
{
	struct holders *h = p->store->node->holders;
	pthread_mutex_lock(&h->lock);
	struct holder *v = map_get(&h->map, holder_key(&response->key));
	if (v && !v->unsaved && unsaved && h->n_unsaved < store_limits.unsaved_keys) {
		v->unsaved = true;
		h->n_unsaved++;
	} else if (v && !v->unsaved) {
		xfree(map_del(&h->map, holder_key(&response->key)));
	}
	pthread_mutex_unlock(&h->lock);
}

/* Whose claim is it? Asked once a claim met the claim of another. */
struct asking {
	struct look look;
	struct idem_result *ret;
	struct idempotency idem; /* strings of the write, which the look owns */
	bool found;
};

/* Of a claim that looks as if it ran (IDEM_GET). */
static enum idem_state running_state(const struct node *n, const struct cell *cells)
{
	int64_t number = cells[6].i, incarnation = cells[7].i;
	if (node_is_me(n, number, incarnation))
		return holder_state(n->holders, cells[1].i);
	return node_lives(n, number, incarnation) ? IDEM_RUNNING : IDEM_CRASHED;
}

static bool on_claim(void *ctx, const struct cell *cells)
{
	struct asking *c = ctx;
	struct idem_result *ret = c->ret;
	c->found = true;
	*ret = (struct idem_result){.response.key = cells[1].i};
	if (cells[2].s.n == ID_RND)
		memcpy(ret->response.rnd, cells[2].s.p, ID_RND);
	if (cells[0].s.n != sizeof c->idem.body_hash || memcmp(cells[0].s.p, c->idem.body_hash, cells[0].s.n)) {
		ret->state = IDEM_OTHER_BODY;
		return false;
	}
	ret->state = cells[3].i == STATE_RUNNING   ? running_state(c->look.request.port->store->node, cells)
		     : cells[3].i == STATE_CRASHED ? IDEM_CRASHED
						   : IDEM_DONE;
	if (ret->state == IDEM_DONE) {
		ret->status = (int)cells[4].i;
		ret->answer = str_copy(c->look.arena, cells[5].s);
	}
	return false;
}

static bool read_claim(struct look *l, struct err *e)
{
	struct asking *c = OWNER(l, struct asking, look);
	struct bind b[] = {INT(l->project), TEXT(c->idem.route), TEXT(c->idem.key)};
	return look_query(l, STMT_IDEM_GET, b, 3, on_claim, c, e);
}

/* Given back in between, or nobody holds it: ours now, so the claim is sent again. Else that is the answer. */
static bool is_known(struct look *l, struct err *e)
{
	struct asking *c = OWNER(l, struct asking, look);
	struct store_request *r = l->write;
	if (c->found && c->ret->state != IDEM_FRESH) {
		request_free(r);
		l->write = NULL;
		return true;
	}
	xfree(r->apply.err);
	r->apply.err = NULL;
	r->binds[8].i = c->found ? c->ret->response.key : 0;
	return true;
}

/* The insert met a claim: say whose. */
static bool idem_claimed(struct store_request *r)
{
	struct idem_result *ret = r->ret;
	const struct bind *b = r->changes[0].binds;
	if (!r->apply.err) {
		*ret = (struct idem_result){.state = IDEM_FRESH, .response.key = b[4].i};
		memcpy(ret->response.rnd, b[5].s.p, ID_RND);
		return true;
	}
	if (r->apply.err->code != ERR_CONFLICT)
		return true;
	struct asking *c = look_new(r->port, NULL, sizeof *c, b[0].i, r->arena);
	c->ret = look_out(&c->look, ret, sizeof *ret);
	c->idem.route = b[1].s;
	c->idem.key = b[2].s;
	memcpy(c->idem.body_hash, b[3].s.p, sizeof c->idem.body_hash);
	return look_after(&c->look, r, read_claim, is_known);
}

void store_idem_begin(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem,
		      const struct id *response, struct arena *a, struct idem_result *ret)
{
	static const struct str taken = STR("A request with this idempotency key is known.");
	struct str hash = {(const char *)idem->body_hash, sizeof idem->body_hash};
	int64_t now = clock_wall_s();
	struct store_request *r = request_new(p, op, 1, 11, idem->route.n + idem->key.n + hash.n + ID_RND + taken.n + 1);
	ADD(r, STMT_IDEM_CLAIM, INT(project), TEXT(idem->route), TEXT(idem->key), BLOB(hash), INT(response->key),
	    BLOB(((struct str){(const char *)response->rnd, ID_RND})), INT(now),
	    INT(now - store_limits.idempotency_seconds), INT(0), INT(p->store->node->number),
	    INT(p->store->node->incarnation));
	request_must(r, ERR_CONFLICT, taken);
	r->settle = idem_claimed;
	r->ret = ret;
	r->arena = a;
	*ret = (struct idem_result){0};
	holder_add(p->store->node->holders, response->key);
	request_send(r);
}

void store_idem_drop(struct store_port *p, struct store_op *op, int64_t project, const struct idempotency *idem,
		     const struct id *response)
{
	struct store_request *r = request_new(p, op, 1, 4, idem->route.n + idem->key.n);
	ADD(r, STMT_IDEM_DROP, INT(project), TEXT(idem->route), TEXT(idem->key), INT(response->key));
	request_send(r);
}
