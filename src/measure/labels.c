/* labels.c - the values of labels and their numbers. */
#include "measure/labels.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "measure/measure.h"

struct measure_limits measure_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "measure/limits.def"
#undef LIMIT
};

const char *const label_texts[N_LABELS] = {
    "",
#define LABEL(NAME, text, most) text,
#include "measure/labels.def"
#undef LABEL
};

enum { VALUE_MOST = 128 }; /* bytes of a value; what is longer is cut */

static struct {
	pthread_mutex_t lock; /* of those who add */
	struct values {
		_Atomic(struct str *) list; /* made with the first; it stays, and so do its rows */
		atomic_uint n;
	} of[N_LABELS];
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t values_most(enum label l)
{
	const size_t MODELS = (size_t)measure_limits.models;
	switch (l) {
#define LABEL(NAME, text, most)                                                                                        \
	case LABEL_##NAME:                                                                                             \
		return most;
#include "measure/labels.def"
#undef LABEL
	default:
		return 0;
	}
}

/* 0: it is not there. */
static unsigned value_find(const struct values *v, struct str value)
{
	unsigned n = atomic_load_explicit(&v->n, memory_order_acquire);
	const struct str *list = atomic_load_explicit(&v->list, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++)
		if (str_eq(list[i], value))
			return i + 1;
	return 0;
}

static unsigned value_add(struct values *v, size_t most, struct str value)
{
	unsigned n = atomic_load_explicit(&v->n, memory_order_relaxed);
	struct str *list = atomic_load_explicit(&v->list, memory_order_relaxed);
	if (n == most)
		return 0;
	if (!list) {
		list = xalloc(most * sizeof *list);
		atomic_store_explicit(&v->list, list, memory_order_relaxed);
	}
	char *kept = xalloc(value.n);
	for (size_t i = 0; i < value.n; i++)
		kept[i] = value.p[i];
	list[n] = (struct str){kept, value.n};
	atomic_store_explicit(&v->n, n + 1, memory_order_release);
	return n + 1;
}

unsigned measure_label(enum label l, struct str value)
{
	struct values *v = &known.of[l];
	if (value.n > VALUE_MOST)
		value.n = VALUE_MOST;
	unsigned number = value_find(v, value);
	if (number || !value.n)
		return number;
	if (atomic_load_explicit(&v->n, memory_order_relaxed) == values_most(l))
		return 0;
	pthread_mutex_lock(&known.lock);
	number = value_find(v, value);
	if (!number)
		number = value_add(v, values_most(l), value);
	pthread_mutex_unlock(&known.lock);
	return number;
}

unsigned label_count(enum label l)
{
	return atomic_load_explicit(&known.of[l].n, memory_order_acquire) + 1;
}

struct str label_value(enum label l, unsigned number)
{
	return number ? atomic_load_explicit(&known.of[l].list, memory_order_relaxed)[number - 1] : S("other");
}

unsigned measure_result(bool ok)
{
	return measure_label(LABEL_RESULT, ok ? S("ok") : S("failed"));
}
