/* call_index.c - tools by their names. */
#include "model/call_index.h"

#include <string.h>

enum { FEW = 32 }; /* are looked through faster */

static size_t position(const struct map *m, struct str key)
{
	return (size_t)(uintptr_t)map_get(m, key);
}

static void position_put(struct map *m, struct str key, size_t at)
{
	map_put(m, key, (void *)(uintptr_t)at);
}

static void call_index_release(void *ix)
{
	map_release(&((struct call_index *)ix)->owns);
	map_release(&((struct call_index *)ix)->names);
}

struct call_index *call_index_add(struct arena *a, struct call_index *ix, const struct function_tool *tools, size_t n)
{
	if (!ix && n < FEW)
		return NULL;
	if (!ix) {
		ix = new(a, struct call_index);
		arena_defer(a, call_index_release, ix);
	}
	if (n > ix->cap) {
		size_t *before = new_array(a, size_t, 2 * n);
		if (ix->n)
			memcpy(before, ix->before, ix->n * sizeof *before);
		ix->before = before;
		ix->cap = 2 * n;
	}
	for (; ix->n < n; ix->n++) {
		const struct function_tool *t = &tools[ix->n];
		ix->before[ix->n] = position(&ix->owns, t->own);
		position_put(&ix->owns, t->own, ix->n + 1);
		position_put(&ix->names, t->name, ix->n + 1);
	}
	return ix;
}

bool call_index_own(const struct call_index *ix, struct str own, size_t n, size_t *at)
{
	size_t known = ix ? ix->n : 0;
	if (*at == 0)
		*at = n + 1;
	if (*at - 1 > known) { /* those that are not in it, from the last */
		--*at;
		return true;
	}
	if (!known)
		return false;
	*at = *at - 1 == known ? position(&ix->owns, own) : ix->before[*at - 1];
	return *at > 0;
}

bool call_index_named(const struct call_index *ix, struct str name)
{
	return ix && position(&ix->names, name);
}
