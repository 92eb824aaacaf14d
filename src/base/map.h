/* map.h - a hash map from byte strings to pointers.
 *
 * Keys are borrowed: they must outlive their entry (usually they are a member of the value).
 * {0} is an empty map. SipHash with a per-process key, so that hostile keys can't collide on
 * purpose. One thread at a time. */
#pragma once
#include "base/str.h"

struct map_slot {
	struct str key;
	void *value; /* NULL: free */
};

struct map {
	struct map_slot *slots;
	size_t n, cap; /* cap is a power of two */
};

void map_release(struct map *m);
/* NULL when absent. */
void *map_get(const struct map *m, struct str key);
/* Replaces; value must not be NULL. */
void map_put(struct map *m, struct str key, void *value);
/* Returns what was removed, or NULL. */
void *map_del(struct map *m, struct str key);
/* Walks in no order: `size_t at = 0; while ((v = map_next(m, &at)))`. No change while walking. */
void *map_next(const struct map *m, size_t *at);
