/* quota_table.h - the holders that have limits, as quota.c (who asks) and quota_table.c (what is kept) share them. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "quota/level.h"
#include "quota/quota.h"

struct holder {
	int64_t id, project;          /* project: of the last who asked; 0: nobody yet */
	int64_t most[N_QUOTAS];       /* -1: no limit */
	struct level level[N_QUOTAS]; /* of those that drain */
	int64_t running;              /* turns */
	int64_t month, spent, since;  /* spent: as the row says; since: not in it yet, or not known to be */
	int64_t warned;               /* the month whose warning was seen to */
	bool active;                  /* asked since its rows were read */
};
struct quotas {
	struct quota_options o;
	pthread_mutex_t lock; /* over all that follows but `any` */
	pthread_cond_t wake;
	pthread_t thread;
	struct map holders; /* by their number's bytes; never removed */
	size_t n;
	atomic_bool any;
	bool stop;
	void (*warned)(void *ctx);
	void *ctx;
};

static inline bool quotas_any(struct quotas *q)
{
	return q && atomic_load_explicit(&q->any, memory_order_acquire);
}
/* The lock is held. NULL: it has none. */
struct holder *holder_get(struct quotas *q, int64_t id);
/* In this month, as far as is known. */
int64_t holder_spent(const struct holder *h);
void holder_spend(struct holder *h, int64_t cost);
