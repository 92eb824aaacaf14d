/* seen.c - how servers have answered so far. */
#include "mcp/seen.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "mcp/limits.h"

struct seen_row {
	struct str key;    /* the project's number, and the address */
	struct arena text; /* of key and url */
	struct arena told; /* of what the rest points at */
	int64_t project, last_us;
	struct seen_server s;
};
struct mcp_seen {
	pthread_mutex_t lock;
	struct map rows;
};

struct mcp_seen *seen_new(void)
{
	struct mcp_seen *s = xalloc(sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

static void seen_row_free(struct seen_row *r)
{
	arena_free(&r->text);
	arena_free(&r->told);
	xfree(r);
}

void seen_free(struct mcp_seen *s)
{
	size_t at = 0;
	void *v;
	while ((v = map_next(&s->rows, &at)))
		seen_row_free(v);
	map_release(&s->rows);
	pthread_mutex_destroy(&s->lock);
	xfree(s);
}

struct str seen_url(struct arena *a, struct str url)
{
	struct str rest = url, scheme = str_cut(&rest, ':');
	size_t from = 0, end = 0;
	if (!str_starts(rest, S("//")))
		return S("");
	rest.p += 2;
	rest.n -= 2;
	while (end < rest.n && !char_in(rest.p[end], "/?#")) {
		if (rest.p[end] == '@')
			from = end + 1;
		end++;
	}
	while (end < rest.n && !char_in(rest.p[end], "?#"))
		end++;
	return str_fmt(a, "%.*s://%.*s", FMT(scheme), (int)(end - from), rest.p + from);
}

/* --- rows; the lock is held -------------------------------------------------------------------------------------- */

static void seen_make_room(struct mcp_seen *s)
{
	struct seen_row *r, *oldest = NULL;
	size_t at = 0;
	if ((int64_t)s->rows.n < mcp_limits.seen)
		return;
	while ((r = map_next(&s->rows, &at)))
		if (!oldest || r->last_us < oldest->last_us)
			oldest = r;
	if (oldest) {
		map_del(&s->rows, oldest->key);
		seen_row_free(oldest);
	}
}

static struct seen_row *seen_row_of(struct mcp_seen *s, const struct mcp_server *server)
{
	struct arena a = {0};
	struct str url = seen_url(&a, server->url),
		   key = str_fmt(&a, "%lld %.*s", (long long)server->project, FMT(url));
	struct seen_row *r = map_get(&s->rows, key);
	if (r) {
		arena_free(&a);
		return r;
	}
	seen_make_room(s);
	r = xalloc(sizeof *r);
	*r = (struct seen_row){.key = key, .text = a, .project = server->project, .s.url = url};
	map_put(&s->rows, r->key, r);
	return r;
}

/* Into `a`, which the row or who asks has. */
static void seen_copy(struct arena *a, const struct seen_server *from, struct seen_server *to)
{
	*to = *from;
	to->revision = str_copy(a, from->revision);
	to->fault = str_copy(a, from->fault);
	to->tools = new_array(a, struct seen_tool, from->n_tools + 1);
	for (size_t i = 0; i < from->n_tools; i++)
		to->tools[i] = (struct seen_tool){str_copy(a, from->tools[i].name), from->tools[i].read_only};
}

static void seen_count(struct seen_server *now, const struct seen_note *n, int64_t at)
{
	*(n->list ? &now->lists : &now->calls) += 1;
	*(n->list ? &now->listed_at : &now->called_at) = at;
	if (n->revision.n)
		now->revision = n->revision;
	if (n->f->kind != MCP_FAULT_NONE) {
		now->failures++;
		now->failed_at = at;
		now->fault = str_of(n->f->why);
	}
}

void seen_note(struct mcp_seen *s, const struct seen_note *n)
{
	struct arena told = {0}, tools = {0};
	struct seen_server next;
	pthread_mutex_lock(&s->lock);
	struct seen_row *r = seen_row_of(s, n->server);
	struct seen_server now = r->s;
	seen_count(&now, n, clock_wall_s());
	if (n->list && n->f->kind == MCP_FAULT_NONE) {
		now.left_out = n->list->left_out;
		now.n_tools = n->list->n;
		now.tools = new_array(&tools, struct seen_tool, n->list->n + 1);
		for (size_t i = 0; i < n->list->n; i++)
			now.tools[i] = (struct seen_tool){n->list->tools[i].name, n->list->tools[i].read_only};
	}
	seen_copy(&told, &now, &next);
	arena_free(&r->told);
	r->told = told;
	r->s = next;
	r->last_us = clock_mono_us();
	pthread_mutex_unlock(&s->lock);
	arena_free(&tools);
}

/* --- told -------------------------------------------------------------------------------------------------------- */

static int64_t seen_last(const struct seen_server *s)
{
	return s->listed_at > s->called_at ? s->listed_at : s->called_at;
}

static int seen_order(const void *a, const void *b)
{
	int64_t x = seen_last(a), y = seen_last(b);
	return (x < y) - (x > y);
}

size_t seen_list(struct mcp_seen *s, int64_t project, struct arena *a, struct seen_server **ret)
{
	size_t n = 0, at = 0;
	struct seen_row *r;
	pthread_mutex_lock(&s->lock);
	*ret = new_array(a, struct seen_server, s->rows.n + 1);
	while ((r = map_next(&s->rows, &at)))
		if (r->project == project) {
			struct seen_server *to = &(*ret)[n++];
			seen_copy(a, &r->s, to);
			to->url = str_copy(a, r->s.url);
		}
	pthread_mutex_unlock(&s->lock);
	qsort(*ret, n, sizeof **ret, seen_order);
	return n;
}
