/* sent.c - the requests that engines were sent lately. */
#include "engine/sent.h"

#include <pthread.h>

#include "engine/engine.h"

struct sent_row {
	struct sent_request r;
	struct arena a;
	struct sent_row *next; /* younger */
};
struct sent {
	pthread_mutex_t lock;
	struct sent_row *first, **last;
	size_t bytes;
};

struct sent *sent_new(void)
{
	struct sent *s = xalloc(sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	s->last = &s->first;
	return s;
}

/* The lock is held, or nobody else knows them any more. */
static void sent_take_out(struct sent *s, struct sent_row **at)
{
	struct sent_row *row = *at;
	*at = row->next;
	if (!row->next)
		s->last = at;
	s->bytes -= row->r.body.n;
	arena_free(&row->a);
	xfree(row);
}

void sent_free(struct sent *s)
{
	if (!s)
		return;
	while (s->first)
		sent_take_out(s, &s->first);
	pthread_mutex_destroy(&s->lock);
	xfree(s);
}

static void sent_copy(struct arena *a, const struct sent_request *from, bool body, struct sent_request *to)
{
	*to = *from;
	to->engine = str_copy(a, from->engine);
	to->path = str_copy(a, from->path);
	to->body = body ? str_copy(a, from->body) : (struct str){NULL, from->body.n};
}

void sent_keep(struct sent *s, const struct sent_request *r)
{
	size_t most = (size_t)engine_limits.sent_bytes;
	struct str query = r->path;
	struct sent_request plain = *r;
	if (!r->of || r->body.n > most)
		return;
	plain.path = str_cut(&query, '?');
	struct sent_row *row = xalloc(sizeof *row);
	sent_copy(&row->a, &plain, true, &row->r);
	pthread_mutex_lock(&s->lock);
	*s->last = row;
	s->last = &row->next;
	s->bytes += r->body.n;
	while (s->bytes > most)
		sent_take_out(s, &s->first);
	pthread_mutex_unlock(&s->lock);
}

size_t sent_list(struct sent *s, int64_t of, bool bodies, struct arena *a, struct sent_request **ret)
{
	size_t n = 0;
	pthread_mutex_lock(&s->lock);
	for (const struct sent_row *row = s->first; row; row = row->next)
		n += row->r.of == of;
	*ret = new_array(a, struct sent_request, n + 1);
	n = 0;
	for (const struct sent_row *row = s->first; row; row = row->next)
		if (row->r.of == of)
			sent_copy(a, &row->r, bodies, &(*ret)[n++]);
	pthread_mutex_unlock(&s->lock);
	return n;
}

void sent_drop(struct sent *s, int64_t of)
{
	pthread_mutex_lock(&s->lock);
	for (struct sent_row **at = &s->first; *at;)
		if ((*at)->r.of == of)
			sent_take_out(s, at);
		else
			at = &(*at)->next;
	pthread_mutex_unlock(&s->lock);
}

void sent_clear(struct sent *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->first)
		sent_take_out(s, &s->first);
	pthread_mutex_unlock(&s->lock);
}
