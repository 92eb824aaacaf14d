/* watch.c - wake-ups between loops. */
#include "news/watch.h"

#include <stdatomic.h>

#include "base/arena.h"

/* On the heap: a post cannot be cancelled, so the wake outlives its watch while one is under way. */
struct wake {
	struct post post;
	struct wake *next;
	struct watch *watch; /* NULL: stopped meanwhile; its loop alone looks */
	struct loop *loop;
	unsigned kinds;
	atomic_bool posted;
};

static void watch_on_wake(struct post *post)
{
	struct wake *k = OWNER(post, struct wake, post);
	struct watch *w = k->watch;
	if (!w) {
		xfree(k);
		return;
	}
	atomic_store(&k->posted, false); /* before it looks: what is told from here on wakes it again */
	w->woken(w);
}

void watch_start(struct watches *ws, struct loop *l, unsigned kinds, struct watch *w, void (*woken)(struct watch *))
{
	struct wake *k = xalloc(sizeof *k);
	k->post.run = watch_on_wake;
	k->next = ws->first;
	k->watch = w;
	k->loop = l;
	k->kinds = kinds;
	ws->first = k;
	*w = (struct watch){woken, k};
}

void watch_want(struct watch *w, unsigned kinds)
{
	w->wake->kinds = kinds;
}

void watch_stop(struct watches *ws, struct watch *w)
{
	struct wake *k = w->wake, **at = &ws->first;
	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	k->watch = NULL;
	w->wake = NULL;
	if (!atomic_load(&k->posted))
		xfree(k); /* else watch_on_wake() does */
}

void watches_tell(struct watches *ws, unsigned kinds)
{
	for (struct wake *k = ws->first; k; k = k->next) {
		if (!(k->kinds & kinds) || atomic_exchange(&k->posted, true))
			continue;
		if (k->kinds & WATCH_ONCE)
			k->kinds = 0;
		loop_post(k->loop, &k->post);
	}
}
