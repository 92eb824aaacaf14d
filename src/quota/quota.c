/* quota.c - the gate before engines. */
#include "quota/quota_table.h"

#include "base/clock.h"
#include "quota/prices.h"

enum { TURN_WAIT_MS = 1000, MS = 1000000 };

/* The holders that a request counts for, the lock held; NULL: it has no limit. */
struct pair {
	struct holder *of[2]; /* project, key */
};

static struct pair quota_pair(struct quotas *q, struct quota_who who)
{
	struct pair p = {{holder_get(q, who.project), who.key ? holder_get(q, who.key) : NULL}};
	for (int i = 0; i < 2; i++)
		if (p.of[i]) {
			p.of[i]->project = who.project;
			p.of[i]->active = true;
		}
	return p;
}

static bool limited(const struct holder *h, enum quota which)
{
	return h && h->most[which] >= 0;
}

static struct level_rule rule_of(const struct holder *h, enum quota which)
{
	return (struct level_rule){h->most[which] ? h->most[which] : 1, quota_kinds[which].seconds * 1000 * MS};
}

/* false: `n` more do not fit. */
static bool quota_fits(const struct pair *p, enum quota which, int64_t n, int64_t now, struct err *e)
{
	for (int i = 0; i < 2; i++) {
		const struct holder *h = p->of[i];
		if (!limited(h, which))
			continue;
		struct level_rule r = rule_of(h, which);
		int64_t wait = h->most[which] ? level_wait(&h->level[which], r, n, now) : -1;
		struct quota_refusal refusal = {which, i == 1, h->most[which],
						0,     n,      wait < 0 ? -1 : (wait + MS - 1) / MS};
		refusal.used = h->most[which] - level_left(&h->level[which], r, now);
		if (wait)
			return quota_refuse(&refusal, e);
	}
	return true;
}

static void quota_take(const struct pair *p, enum quota which, int64_t n, int64_t now)
{
	for (int i = 0; i < 2; i++)
		if (limited(p->of[i], which) && p->of[i]->most[which])
			level_charge(&p->of[i]->level[which], rule_of(p->of[i], which), n, now);
}

static void quota_show(const struct pair *p, enum quota which, int64_t now, struct quota_shown *ret)
{
	*ret = (struct quota_shown){0};
	for (int i = 0; i < 2; i++) {
		const struct holder *h = p->of[i];
		if (!limited(h, which))
			continue;
		const struct level *l = &h->level[which];
		int64_t left = h->most[which] ? level_left(l, rule_of(h, which), now) : 0;
		if (!ret->most || left <= ret->left)
			*ret = (struct quota_shown){h->most[which], left,
						    l->full_at > now ? (l->full_at - now + MS - 1) / MS : 0};
	}
}

bool quota_request(struct quotas *q, struct quota_who who, struct quota_shown *ret, struct err *e)
{
	*ret = (struct quota_shown){0};
	if (!quotas_any(q))
		return true;
	int64_t now = clock_wall_us() * 1000;
	pthread_mutex_lock(&q->lock);
	struct pair p = quota_pair(q, who);
	bool ok = quota_fits(&p, QUOTA_REQUESTS_MINUTE, 1, now, e);
	if (ok)
		quota_take(&p, QUOTA_REQUESTS_MINUTE, 1, now);
	quota_show(&p, QUOTA_REQUESTS_MINUTE, now, ret);
	pthread_mutex_unlock(&q->lock);
	return ok;
}

/* --- a turn --- */

static bool budget_left(const struct pair *p, struct err *e)
{
	for (int i = 0; i < 2; i++)
		if (limited(p->of[i], QUOTA_BUDGET) && holder_spent(p->of[i]) >= p->of[i]->most[QUOTA_BUDGET]) {
			e->no_retry = true;
			return fail(e, ERR_QUOTA, NULL,
				    "You exceeded your current quota: this %s has spent its budget of the month. Its "
				    "owner can raise it "
				    "(`antiphon %s limit`).",
				    i ? "API key" : "project", i ? "keys" : "projects");
		}
	return true;
}

static bool turns_left(const struct pair *p, struct err *e)
{
	for (int i = 0; i < 2; i++) {
		const struct holder *h = p->of[i];
		if (!limited(h, QUOTA_TURNS) || h->running < h->most[QUOTA_TURNS])
			continue;
		struct quota_refusal r = {QUOTA_TURNS, i == 1, h->most[QUOTA_TURNS], h->running, 1, TURN_WAIT_MS};
		return quota_refuse(&r, e);
	}
	return true;
}

static void quota_turns(const struct pair *p, int64_t n)
{
	for (int i = 0; i < 2; i++)
		if (p->of[i])
			p->of[i]->running += n;
}

static const enum quota token_limits[] = {QUOTA_TOKENS_MINUTE, QUOTA_TOKENS_DAY};
enum { N_TOKEN_LIMITS = sizeof token_limits / sizeof *token_limits };

static void quota_tokens(const struct pair *p, int64_t n, int64_t now)
{
	for (int i = 0; i < N_TOKEN_LIMITS; i++)
		quota_take(p, token_limits[i], n, now);
}

bool quota_begin(struct quotas *q, struct quota_hold *h, struct quota_who who, struct quota_want want,
		 struct quota_shown *tokens, struct err *e)
{
	*tokens = (struct quota_shown){0};
	if (!quotas_any(q))
		return true;
	int64_t now = clock_wall_us() * 1000;
	pthread_mutex_lock(&q->lock);
	struct pair p = quota_pair(q, who);
	bool ok = budget_left(&p, e) && (want.waits || turns_left(&p, e));
	for (int i = 0; ok && !want.waits && i < N_TOKEN_LIMITS; i++)
		ok = quota_fits(&p, token_limits[i], want.tokens, now, e);
	if (ok) {
		quota_tokens(&p, want.tokens, now);
		quota_turns(&p, !want.waits);
		*h = (struct quota_hold){q, who, want.tokens, !want.waits};
	}
	quota_show(&p, QUOTA_TOKENS_MINUTE, now, tokens);
	pthread_mutex_unlock(&q->lock);
	return ok;
}

void quota_end(struct quota_hold *h, const struct usage_add *used, size_t n)
{
	struct quotas *q = h->all;
	int64_t tokens = 0, cost = 0;
	if (!q)
		return;
	for (size_t i = 0; i < n; i++) {
		tokens += used[i].n.input + used[i].n.output;
		cost += used[i].n.input_cost + used[i].n.cached_cost + used[i].n.output_cost;
	}
	pthread_mutex_lock(&q->lock);
	struct pair p = quota_pair(q, h->who);
	quota_tokens(&p, tokens - h->tokens, clock_wall_us() * 1000);
	quota_turns(&p, -(int64_t)h->turn);
	for (int i = 0; i < 2; i++)
		if (p.of[i])
			holder_spend(p.of[i], cost);
	pthread_mutex_unlock(&q->lock);
	*h = (struct quota_hold){0};
}
