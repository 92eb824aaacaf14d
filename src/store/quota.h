/* quota.h - what a holder may use at most (quota.def), and how far that is taken. A holder is a project's number or an
 * API key's. How levels drain: docs/design/limits.md. All functions block: threads that may. */
#pragma once
#include "store/store.h"

enum quota_for { QUOTA_EACH, QUOTA_PROJECT };
enum quota {
#define QUOTA(NAME, name, seconds, has, help) QUOTA_##NAME,
#include "store/quota.def"
#undef QUOTA
	N_QUOTAS
};
struct quota_kind {
	struct str name;
	int64_t seconds;
	enum quota_for has;
};
extern const struct quota_kind quota_kinds[N_QUOTAS];
/* N_QUOTAS: none has that name. */
enum quota quota_named(struct str name);

/* Calls one() for each that is set. */
bool quota_each(struct store *s, void (*one)(void *ctx, int64_t holder, enum quota q, int64_t most), void *ctx,
		struct err *e);
/* most -1: no more. */
bool quota_put(struct store *s, int64_t holder, enum quota q, int64_t most, struct err *e);

/* The level of one that drains: when it will have (nanoseconds of the wall clock). */
struct quota_level {
	int64_t holder;
	enum quota q;
	int64_t began, added; /* charged since: from then on, so much */
	int64_t full_at;      /* set: with what others have charged */
};
bool quota_charge(struct store *s, struct quota_level *list, size_t n, struct err *e);

/* What a holder has cost in that month, billionths of a dollar. */
bool quota_spent(struct store *s, int64_t holder, int64_t month, int64_t *ret, struct err *e);
/* The project's webhook endpoints are told `event` of `subject`, once a month. *done false: they were. */
struct quota_warning {
	int64_t project, holder, month;
	struct str subject;
	const struct webhook_event *event;
};
bool quota_warn(struct store *s, const struct quota_warning *w, bool *done, struct err *e);
