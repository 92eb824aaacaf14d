/* measure.c - the cells that are counted in, a block of them for each thread. */
#include "measure/measure.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "measure/tables.h"

const struct metric_row metric_rows[N_METRICS] = {
#define METRIC(NAME, text, kind, a, b, c, help) {text, help, kind, {LABEL_##a, LABEL_##b, LABEL_##c}},
#include "measure/metrics.def"
#undef METRIC
};

static const int64_t seconds[] = {500,     1000,     2500,     5000,     10000,     25000,
				  50000,   100000,   250000,   500000,   1000000,   2500000,
				  5000000, 10000000, 30000000, 60000000, 120000000, 600000000};
static const int64_t bytes[] = {1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24};
static const int64_t sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};

const int64_t *metric_bounds(enum metric m, size_t *n)
{
	switch (metric_rows[m].kind) {
	case SECONDS:
		*n = sizeof seconds / sizeof *seconds;
		return seconds;
	case BYTES:
		*n = sizeof bytes / sizeof *bytes;
		return bytes;
	case SIZES:
		*n = sizeof sizes / sizeof *sizes;
		return sizes;
	default:
		*n = 0;
		return NULL;
	}
}

/* --- where the cells of a series are -------------------------------------------------------------------------------
 */

static struct layout {
	size_t label_most[N_LABELS]; /* numbers of values, `other` among them */
	size_t first[N_METRICS], each[N_METRICS], n;
} layout;

static void layout_make(void)
{
	const size_t MODELS = (size_t)measure_limits.models;
	const size_t most[N_LABELS] = {
	    0,
#define LABEL(NAME, text, most) most,
#include "measure/labels.def"
#undef LABEL
	};
	for (int l = 0; l < N_LABELS; l++)
		layout.label_most[l] = most[l] + 1;
	for (int m = 0; m < N_METRICS; m++) {
		size_t bounds, series = 1;
		metric_bounds((enum metric)m, &bounds);
		for (int l = 0; l < METRIC_LABELS; l++)
			series *= layout.label_most[metric_rows[m].labels[l]];
		layout.first[m] = layout.n;
		layout.each[m] = bounds ? bounds + 2 : 1;
		layout.n += series * layout.each[m];
	}
}

static const struct layout *layout_of(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, layout_make);
	return &layout;
}

static size_t series_at(enum metric m, const unsigned labels[METRIC_LABELS])
{
	const struct layout *y = layout_of();
	size_t at = 0;
	for (int l = 0; l < METRIC_LABELS; l++) {
		size_t most = y->label_most[metric_rows[m].labels[l]];
		assert(labels[l] < most);
		at = at * most + labels[l];
	}
	return y->first[m] + at * y->each[m];
}

/* --- the blocks ----------------------------------------------------------------------------------------------------
 */

/* Never freed: what a thread that has ended counted still counts, and the next thread goes on in its block. */
struct block {
	struct block *next, *next_idle;
	_Atomic int64_t *cells;
};

static struct {
	pthread_mutex_t lock;
	struct block *all, *idle;
	pthread_key_t key; /* of a thread that ends: its block is idle */
	_Atomic int64_t *set;
	_Atomic unsigned char *is_set;
} blocks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local struct block *mine;

static void block_leave(void *of)
{
	struct block *b = of;
	pthread_mutex_lock(&blocks.lock);
	b->next_idle = blocks.idle;
	blocks.idle = b;
	pthread_mutex_unlock(&blocks.lock);
}

static void blocks_make(void)
{
	pthread_key_create(&blocks.key, block_leave);
	blocks.set = xalloc(layout_of()->n * sizeof *blocks.set);
	blocks.is_set = xalloc(layout_of()->n);
}

static void blocks_open(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, blocks_make);
}

static struct block *block_take(void)
{
	blocks_open();
	pthread_mutex_lock(&blocks.lock);
	struct block *b = blocks.idle;
	if (b) {
		blocks.idle = b->next_idle;
	} else {
		b = xalloc(sizeof *b);
		b->cells = xalloc(layout_of()->n * sizeof *b->cells);
		b->next = blocks.all;
		blocks.all = b;
	}
	pthread_mutex_unlock(&blocks.lock);
	pthread_setspecific(blocks.key, b);
	return mine = b;
}

/* This thread alone writes the cell: no locked instruction is needed. */
static void cell_add(_Atomic int64_t *cell, int64_t n)
{
	atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n, memory_order_relaxed);
}

void measure_add(enum metric m, int64_t n, const unsigned labels[METRIC_LABELS])
{
	struct block *b = mine ? mine : block_take();
	_Atomic int64_t *cells = b->cells + series_at(m, labels);
	size_t bounds, i = 0;
	const int64_t *bound = metric_bounds(m, &bounds);
	if (!bound) {
		cell_add(cells, n);
		return;
	}
	while (i < bounds && n > bound[i])
		i++;
	cell_add(&cells[i], 1);
	cell_add(&cells[bounds + 1], n);
}

void measure_set(enum metric m, int64_t n, const unsigned labels[METRIC_LABELS])
{
	blocks_open();
	size_t at = series_at(m, labels);
	atomic_store_explicit(&blocks.set[at], n, memory_order_relaxed);
	atomic_store_explicit(&blocks.is_set[at], 1, memory_order_relaxed);
}

bool metric_is_set(enum metric m, const unsigned labels[METRIC_LABELS])
{
	blocks_open();
	return atomic_load_explicit(&blocks.is_set[series_at(m, labels)], memory_order_relaxed);
}

int64_t metric_cell(enum metric m, const unsigned labels[METRIC_LABELS], size_t i)
{
	blocks_open();
	size_t at = series_at(m, labels) + i;
	int64_t sum = atomic_load_explicit(&blocks.set[at], memory_order_relaxed);
	pthread_mutex_lock(&blocks.lock);
	for (struct block *b = blocks.all; b; b = b->next)
		sum += atomic_load_explicit(&b->cells[at], memory_order_relaxed);
	pthread_mutex_unlock(&blocks.lock);
	return sum;
}
