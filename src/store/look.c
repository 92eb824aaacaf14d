/* look.c - reads on their way between a loop and the driver. */
#include "store/look.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "store/inlay.h"
#include "store/sealed.h"

static bool at_once(const struct look *l)
{
	return l->request.port->store->driver->at_once;
}

void *look_new(struct store_port *p, struct store_op *op, size_t size, int64_t project, struct arena *a)
{
	struct look *l = xalloc(size);
	request_init(&l->request, p, op);
	l->request.look = l;
	l->project = project;
	l->now = clock_wall_s();
	l->to = a;
	l->arena = a && at_once(l) ? a : &l->own;
	l->scratch = &p->scratch;
	if (!at_once(l)) {
		buf_init(&l->own_scratch, (size_t)store_limits.context_bytes);
		l->scratch = &l->own_scratch;
	}
	return l;
}

void look_release(struct look *l)
{
	if (l->write)
		request_free(l->write);
	if (l->scratch == &l->own_scratch)
		buf_release(&l->own_scratch);
	arena_free(&l->own);
}

void *look_copy(struct look *l, const void *p, size_t n)
{
	if (at_once(l))
		return (void *)p;
	void *copy = arena_alloc(&l->own, n);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

struct str look_str(struct look *l, struct str s)
{
	return s.p ? (struct str){look_copy(l, s.p, s.n), s.n} : s;
}

const struct str *look_strs(struct look *l, const struct str *s, size_t n)
{
	struct str *copy = look_copy(l, s, n * sizeof *s);
	for (size_t i = 0; i < n && !at_once(l); i++)
		copy[i] = look_str(l, s[i]);
	return copy;
}

struct page_query look_page(struct look *l, const struct page_query *q)
{
	return (struct page_query){look_str(l, q->after), look_str(l, q->before), q->limit, q->ascending};
}

void *look_out(struct look *l, void *ret, size_t n)
{
	if (at_once(l))
		return ret;
	assert(l->n_outs < sizeof l->outs / sizeof *l->outs);
	struct look_out *out = &l->outs[l->n_outs++];
	*out = (struct look_out){ret, look_copy(l, ret, n), n};
	return out->from;
}

static bool on_work(struct db_read *read, struct db_reader *r, struct err *e)
{
	struct look *l = OWNER(read, struct look, read);
	l->reader = r;
	buf_clear(l->scratch);
	bool ok = l->work(l, e);
	buf_clear(l->scratch);
	l->reader = NULL;
	return ok;
}

void look_start(struct look *l, bool (*work)(struct look *l, struct err *e))
{
	l->work = work;
	l->read.work = on_work;
	if (!at_once(l)) {
		request_send(&l->request);
		return;
	}
	struct err e = {0};
	struct store_port *p = l->request.port;
	if (!p->store->driver->ask(p->reader, &l->read, &e))
		request_fail(&l->request, &e);
	if (l->write && !look_end(l))
		request_free(&l->request);
	else
		request_later(&l->request);
}

void look_before(struct look *l, struct store_request *write, bool (*work)(struct look *l, struct err *e),
		 bool (*then)(struct look *l, struct err *e))
{
	l->work = work;
	l->then = then;
	l->write = write;
	l->anyway = true;
	write->before = l;
}

bool look_after(struct look *l, struct store_request *done, bool (*work)(struct look *l, struct err *e),
		bool (*then)(struct look *l, struct err *e))
{
	l->request.op = done->op;
	l->request.op->request = &l->request;
	done->op = NULL;
	l->then = then;
	l->write = done;
	look_start(l, work);
	return false;
}

static void look_deliver(struct look *l)
{
	for (unsigned i = 0; i < l->n_outs; i++)
		memcpy(l->outs[i].to, l->outs[i].from, l->outs[i].n);
	l->n_outs = 0;
	if (l->to && l->arena == &l->own)
		arena_join(l->to, &l->own);
	l->to = NULL;
}

bool look_end(struct look *l)
{
	struct store_request *r = &l->request, *w;
	bool (*then)(struct look *l, struct err *e) = l->then;
	bool goes_on = r->op || l->anyway;
	struct err e = {0};
	l->then = NULL;
	if (then && goes_on && !r->apply.err && !then(l, &e))
		request_fail(r, &e);
	if (r->op && !r->apply.err)
		look_deliver(l);
	w = l->write;
	if (w && goes_on && !r->apply.err) {
		l->write = NULL;
		w->op = r->op;
		if (w->op)
			w->op->request = w;
		r->op = NULL;
		request_send(w);
		return false;
	}
	return true;
}

bool look_query(struct look *l, enum statement stmt, const struct bind *binds, unsigned n, row_fn *row, void *ctx,
		struct err *e)
{
	return sealed_query(l->request.port->store, l->reader, stmt, binds, n, row, ctx, e);
}

bool look_each(struct look *l, const struct each *each, struct err *e)
{
	return sealed_each(l->request.port->store, l->reader, each, e);
}

struct str look_item(struct look *l, const struct cell *cells)
{
	struct str text = inlay_text(l->request.port->store, l->arena, cells);
	return text.p == cells[0].s.p ? str_copy(l->arena, text) : text;
}
