/* request.c - operations on their way between a loop and the driver. */
#include <assert.h>
#include <string.h>

#include "store/blob.h"
#include "store/inlay_keep.h"
#include "store/lease.h"
#include "store/look.h"
#include "store/sealed.h"

/* Tells a loop that some of its requests are finished: one for all of a commit. On the heap, because
 * a post cannot be cancelled: when the port is gone it finds port == NULL. */
struct mail {
	struct post post;
	struct store_port *port;
};

/* --- making one --- */

void request_init(struct store_request *r, struct store_port *p, struct store_op *op)
{
	r->port = p;
	r->op = op;
	if (op) {
		assert(!op->request);
		op->request = r;
	}
}

struct store_request *request_new(struct store_port *p, struct store_op *op, size_t changes, size_t binds, size_t bytes)
{
	size_t size =
	    sizeof(struct store_request) + changes * sizeof(struct change) + binds * sizeof(struct bind) + bytes;
	struct store_request *r = xrealloc(NULL, size);
	*r = (struct store_request){.cap_changes = changes, .cap_binds = binds};
	request_init(r, p, op);
	r->changes = (struct change *)(r + 1);
	r->binds = (struct bind *)(r->changes + changes);
	r->bytes = (char *)(r->binds + binds);
	r->bytes_end = (char *)r + size;
	r->apply.changes = r->changes;
	r->apply.bytes = size;
	return r;
}

static struct str request_keep(struct store_request *r, struct str s)
{
	assert(s.n <= (size_t)(r->bytes_end - r->bytes));
	char *at = r->bytes;
	if (s.n)
		memcpy(at, s.p, s.n);
	r->bytes += s.n;
	return (struct str){at, s.n};
}

void request_add(struct store_request *r, enum statement stmt, const struct bind *binds, unsigned n)
{
	assert(r->apply.n < r->cap_changes && r->n_binds + n <= r->cap_binds);
	struct bind *at = r->binds + r->n_binds;
	for (unsigned i = 0; i < n; i++) {
		at[i] = binds[i];
		if (binds[i].kind == BIND_TEXT || binds[i].kind == BIND_BLOB)
			at[i].s = request_keep(r, binds[i].s);
	}
	r->n_binds += n;
	r->changes[r->apply.n++] = (struct change){.stmt = stmt, .binds = at, .n = n};
}

void request_must(struct store_request *r, enum err_code code, struct str text)
{
	struct change *c = &r->changes[r->apply.n - 1];
	c->miss = code;
	c->miss_text = request_keep(r, text).p;
	request_keep(r, (struct str){"", 1});
}

void request_free(struct store_request *r)
{
	if (r->look)
		look_release(r->look);
	claim_release(r->claim);
	xfree(r->apply.err);
	xfree(r->held);
	xfree(r->blobs);
	arena_free(&r->sealed);
	xfree(r);
}

/* --- completing one, on its loop --- */

/* Did it fail for the machine's sake? Then its holder may write the same once more. */
static bool request_may_be_tried(const struct store_request *r)
{
	enum err_code code = r->apply.err ? r->apply.err->code : ERR_NONE;
	return code == ERR_STORE || code == ERR_STORE_FULL || code == ERR_UNAVAILABLE;
}

static void request_complete(struct store_request *r)
{
	static const struct err none;
	if (r->look && !look_end(r->look)) {
		request_free(r);
		return;
	}
	struct store_op *op = r->op;
	if (op && r->settle && !r->settle(r))
		return;
	if (!r->apply.err)
		lease_fenced(r->claim);
	if (op && r->claim && request_may_be_tried(r)) {
		lease_return(r->claim);
		r->claim = NULL;
	}
	if (op) {
		op->request = NULL;
		op->done(op, r->apply.err ? r->apply.err : &none);
	}
	request_free(r);
}

static void unlink_later(struct store_request *r)
{
	if (r->prev)
		r->prev->next = r->next;
	else
		r->port->later = r->next;
	if (r->next)
		r->next->prev = r->prev;
}

static void on_deferred(struct deferred *d)
{
	struct store_request *r = OWNER(d, struct store_request, deferred);
	unlink_later(r);
	request_complete(r);
}

void request_later(struct store_request *r)
{
	r->prev = NULL;
	r->next = r->port->later;
	if (r->next)
		r->next->prev = r;
	r->port->later = r;
	defer_start(r->port->loop, &r->deferred, on_deferred);
}

static struct err *err_copy(const struct err *e)
{
	struct err *copy = xrealloc(NULL, sizeof *copy);
	*copy = *e;
	return copy;
}

void request_fail(struct store_request *r, const struct err *e)
{
	if (!r->apply.err)
		r->apply.err = err_copy(e);
}

void request_done(struct store_port *p, struct store_op *op, const struct err *e)
{
	struct store_request *r = request_new(p, op, 0, 0, 0);
	if (e)
		request_fail(r, e);
	request_later(r);
}

void store_cancel(struct store_op *op)
{
	struct store_request *r = op->request;
	if (!r)
		return;
	op->request = NULL;
	r->op = NULL;
	if (r->deferred.next) {
		defer_cancel(&r->deferred);
		unlink_later(r);
		request_free(r);
	}
}

/* --- to the driver and back --- */

static void fly(struct store_port *p, int n)
{
	pthread_mutex_lock(&p->lock);
	p->in_flight += (size_t)n;
	pthread_mutex_unlock(&p->lock);
}

static void request_refused(struct store_request *r, const struct err *e)
{
	fly(r->port, -1);
	request_fail(r, e);
	r->settle = NULL;
	request_later(r);
}

static bool request_apply(struct store *s, struct store_request *r, struct err *e)
{
	sealed_changes(s, r);
	return r->n_blobs ? inlay_send(s, r, e) : s->driver->apply(s->db, &r->apply, e);
}

void request_send(struct store_request *r)
{
	struct err e = {0};
	struct look *before = r->before;
	if (before) {
		r->before = NULL;
		look_start(before, before->work);
		return;
	}
	struct store *s = r->port->store;
	fly(r->port, 1);
	if (!(r->look ? s->driver->ask(r->port->reader, &r->look->read, &e) : request_apply(s, r, &e)))
		request_refused(r, &e);
}

static void on_mail(struct post *post)
{
	struct mail *m = OWNER(post, struct mail, post);
	struct store_port *p = m->port;
	if (p) {
		pthread_mutex_lock(&p->lock);
		p->batch = p->finished;
		p->finished = NULL;
		p->finished_last = &p->finished;
		p->mail = NULL;
		pthread_mutex_unlock(&p->lock);
		p->running = m;
	}
	/* A callback may detach the port: then m->port is NULL and the rest was freed. */
	while (m->port && m->port->batch) {
		struct store_request *r = m->port->batch;
		m->port->batch = r->next;
		request_complete(r);
	}
	if (m->port)
		m->port->running = NULL;
	xfree(m);
}

static void request_deliver(struct store_port *p)
{
	pthread_mutex_lock(&p->lock);
	p->in_flight -= p->just_finished;
	p->just_finished = 0;
	if (!p->mail) {
		p->mail = xalloc(sizeof *p->mail);
		p->mail->port = p;
		p->mail->post.run = on_mail;
		loop_post(p->loop, &p->mail->post);
	}
	pthread_cond_signal(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

/* Into its port's mailbox; ports that have got some are gathered in *touched. */
static void request_put(struct store_request *r, struct store_port **touched)
{
	struct store_port *p = r->port;
	pthread_mutex_lock(&p->lock);
	r->next = NULL;
	*p->finished_last = r;
	p->finished_last = &r->next;
	if (p->just_finished++ == 0) {
		p->next_touched = *touched;
		*touched = p;
	}
	pthread_mutex_unlock(&p->lock);
}

void request_finished(void *store, struct apply *list)
{
	struct store *s = store;
	struct store_port *touched = NULL;
	while (list) {
		struct store_request *r = OWNER(list, struct store_request, apply);
		list = list->next;
		for (size_t i = 0; i < r->n_blobs; i++) /* an item that was there already keeps its own */
			blob_doubt(s, r->blobs[i].key);
		if (!r->port) {
			pthread_mutex_lock(&s->wait_lock);
			r->waited = true;
			pthread_cond_broadcast(&s->wait_wake);
			pthread_mutex_unlock(&s->wait_lock);
			continue;
		}
		request_put(r, &touched);
	}
	while (touched) {
		struct store_port *p = touched;
		touched = p->next_touched;
		request_deliver(p); /* from here on the port may be gone */
	}
}

void request_answered(void *store, struct db_read *read)
{
	struct look *l = OWNER(read, struct look, read);
	struct store_port *touched = NULL;
	l->request.apply.err = read->err;
	read->err = NULL;
	request_put(&l->request, &touched);
	if (touched)
		request_deliver(touched);
}

bool store_write(struct store *s, struct store_request *r, struct err *e)
{
	bool ok = request_apply(s, r, e);
	if (ok) {
		pthread_mutex_lock(&s->wait_lock);
		while (!r->waited)
			pthread_cond_wait(&s->wait_wake, &s->wait_lock);
		pthread_mutex_unlock(&s->wait_lock);
		if (r->apply.err) {
			*e = *r->apply.err;
			ok = false;
		}
	}
	request_free(r);
	return ok;
}

/* --- ports --- */

struct store_port *store_attach(struct store *s, struct loop *l)
{
	struct store_port *p = xalloc(sizeof *p);
	p->store = s;
	p->loop = l;
	p->finished_last = &p->finished;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->idle, NULL);
	buf_init(&p->scratch, (size_t)store_limits.context_bytes);
	p->reader = s->driver->attach(s->db);
	return p;
}

static void free_list(struct store_request *r)
{
	while (r) {
		struct store_request *next = r->next;
		if (r->op)
			r->op->request = NULL;
		request_free(r);
		r = next;
	}
}

void store_detach(struct store_port *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	while (p->in_flight)
		pthread_cond_wait(&p->idle, &p->lock);
	if (p->mail)
		p->mail->port = NULL;
	if (p->running)
		p->running->port = NULL;
	pthread_mutex_unlock(&p->lock);
	for (struct store_request *r = p->later; r; r = r->next)
		defer_cancel(&r->deferred);
	free_list(p->later);
	free_list(p->batch);
	free_list(p->finished);
	p->store->driver->detach(p->reader);
	buf_release(&p->scratch);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->idle);
	xfree(p);
}
