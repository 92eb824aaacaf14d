/* store_bench.c - what the store costs, by itself: store_bench [SECONDS [FOLDER]].
 *
 * A turn is one 1.6 KB response row and two 450 byte items, put by one loop with 1, 16 and 64 in flight, with
 * every commit synced (FULL) and without (NORMAL), half of them continuing the turn before. Then responses are
 * read at random. CPU is user + system of the whole process, the loop's part included. */
#include <sys/resource.h>

#include "store/rig.h"

enum { BODY = 1600, ITEM = 450, IN_FLIGHT = 64, KEPT = 10000 };

struct bench;
struct lane {
	struct store_op op;
	struct bench *bench;
	struct turn_item items[2];
	int64_t last;
	int64_t began;
};

struct bench {
	struct rig rig;
	struct lane lanes[IN_FLIGHT];
	int64_t until;
	size_t done, running, bad;
	char ids[KEPT][ID_MAX];
	size_t n_ids;
	struct arena arena;
	struct stored_response got;
	int64_t waited[1 << 16];
};

static char body[BODY + 1], item[ITEM + 1];

static int64_t cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static void lane_put(struct lane *l);

static bool lane_goes_on(struct lane *l, const struct err *e)
{
	struct bench *b = l->bench;
	b->bad += e->code != ERR_NONE;
	b->done++;
	if (clock_mono_us() < b->until)
		return true;
	if (--b->running == 0)
		loop_stop(b->rig.loop);
	return false;
}

static void on_put(struct store_op *op, const struct err *e)
{
	struct lane *l = OWNER(op, struct lane, op);
	struct bench *b = l->bench;
	b->waited[b->done & 0xffff] = clock_mono_us() - l->began;
	if (lane_goes_on(l, e))
		lane_put(l);
}

static void lane_put(struct lane *l)
{
	struct bench *b = l->bench;
	struct turn_record t = {
	    .project = 1,
	    .id = id_mint(),
	    .parent = b->done & 1 ? l->last : 0,
	    .status = S("completed"),
	    .created_at = clock_wall_s(),
	    .body = {body, BODY},
	    .output_at = 700,
	    .items = l->items,
	    .n_items = 2,
	    .n_output = 1,
	    .store = true,
	};
	for (int i = 0; i < 2; i++)
		l->items[i] = (struct turn_item){.id = id_mint(), .json = {item, ITEM}};
	l->last = t.id.key;
	l->began = clock_mono_us();
	id_text(b->ids[b->n_ids++ % KEPT], "resp", &t.id);
	store_put_turn(b->rig.port, &l->op, &t);
}

static void lane_get(struct lane *l);

static void on_get(struct store_op *op, const struct err *e)
{
	struct lane *l = OWNER(op, struct lane, op);
	arena_reset(&l->bench->arena);
	if (lane_goes_on(l, e))
		lane_get(l);
}

static void lane_get(struct lane *l)
{
	struct bench *b = l->bench;
	size_t n = b->n_ids < KEPT ? b->n_ids : KEPT;
	const char *id = b->ids[(b->done * 7919) % n];
	store_get_response(b->rig.port, &l->op, 1, str_of(id), &b->arena, &b->got);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void measure(struct bench *b, const char *what, size_t lanes, int seconds, void (*start)(struct lane *),
		    void (*done)(struct store_op *, const struct err *))
{
	b->done = b->bad = 0;
	b->running = lanes;
	int64_t began = clock_mono_us(), cpu = cpu_us();
	b->until = began + seconds * 1000000LL;
	for (size_t i = 0; i < lanes; i++) {
		b->lanes[i] = (struct lane){.op.done = done, .bench = b};
		start(&b->lanes[i]);
	}
	loop_run(b->rig.loop);
	double took = (double)(clock_mono_us() - began) / 1e6, used = (double)(cpu_us() - cpu);
	printf("%-12s %2zu in flight: %8.0f /s %6.1f us CPU each", what, lanes, (double)b->done / took,
	       used / (double)b->done);
	if (done == on_put) {
		size_t n = b->done < 0xffff ? b->done : 0xffff;
		qsort(b->waited, n, sizeof *b->waited, by_size);
		printf("  p50 %.2f p99 %.2f longest %.1f ms", (double)b->waited[n / 2] / 1e3,
		       (double)b->waited[n * 99 / 100] / 1e3, (double)b->waited[n - 1] / 1e3);
	}
	printf("%s\n", b->bad ? "  (errors!)" : "");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static const size_t lanes[] = {1, 16, 64};
	static struct bench b;
	int64_t seconds = 2;
	if (argc > 1 && !str_int(str_of(argv[1]), &seconds))
		return 2;
	memset(body, 'b', BODY);
	memset(item, 'i', ITEM);
	for (int normal = 0; normal < 2; normal++) {
		if (argc > 2)
			snprintf(b.rig.dir, sizeof b.rig.dir, "%s/store-bench-%d", argv[2], normal);
		b.rig.options.sync_normal = normal;
		rig_open(&b.rig);
		for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++)
			measure(&b, normal ? "put NORMAL" : "put FULL", lanes[i], (int)seconds, lane_put, on_put);
		if (!normal)
			measure(&b, "get", 16, (int)seconds, lane_get, on_get);
		rig_end_all(&b.rig);
	}
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("largest memory %ld MB\n", u.ru_maxrss / 1024);
	return 0;
}
