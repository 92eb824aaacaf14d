/* search.c - the load of bench/search.py: one store's index of so many chunks, filled and searched; its rows as JSON lines.
 *
 *   bench-search FOLDER CHUNKS [SEARCHES]
 *
 * Vectors and words are made up: vectors are mixtures of some hundred topics, words are drawn as in languages, few often and many
 * seldom. A file has 100 chunks of four windows that share two with the next, as a text of 800/400 has. A search is by words and by
 * vectors, fused, with the texts of its ten best. The first run fills FOLDER, the second opens it again
 * and searches: another process, whose memory is that of searches alone. */
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/codes.h"
#include "index/store_index.h"
#include "index/store_index_rank.h"

enum { DIMS = 384, FILE_CHUNKS = 100, WINDOWS = FILE_CHUNKS * 2 + 2, WORDS = 40, VOCABULARY = 60000, CENTRES = 300, BEST = 300, SHOWN = 10, RECALLED = 40 };

static const float OWN = 0.85f; /* of what it has of its own, to one topic */
static _Thread_local uint64_t state = 88172645463325252;
static float centres[CENTRES][DIMS];

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static double uniform(void)
{
	return (double)(next_random() >> 11) / 9007199254740992.0;
}

static float normal(void)
{
	double sum = 0;
	for (int i = 0; i < 4; i++)
		sum += uniform();
	return (float)(sum - 2);
}

/* Unit length: four of the topics, one more than the other, and something of its own. So the nearest of 200,000 have a cosine of
 * 0.85, the hundredth 0.73. */
static void made_vector(float *v)
{
	enum { TOPICS = 4 };
	double square = 0;
	memset(v, 0, sizeof *v * DIMS);
	for (int t = 0; t < TOPICS; t++) {
		const float *c = centres[next_random() % CENTRES];
		float weight = (float)-log(1 - uniform());
		for (int i = 0; i < DIMS; i++)
			v[i] += weight * c[i];
	}
	for (int i = 0; i < DIMS; i++) {
		v[i] += OWN * normal();
		square += (double)v[i] * v[i];
	}
	for (int i = 0; i < DIMS; i++)
		v[i] = (float)(v[i] / sqrt(square));
}

static int made_word(char *to)
{
	int rank = (int)pow(VOCABULARY, uniform()); /* the frequency of a word goes as its rank's inverse */
	return sprintf(to, "w%x ", rank * 2654435761u % 0xffffff);
}

static void made_words(char *to, int n)
{
	for (int i = 0; i < n; i++)
		to += made_word(to);
}

/* --- filling ----------------------------------------------------------------------------------------------------- */

static void fail_with(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e->msg);
	exit(1);
}

/* The same for a file each time, so that they need not be kept for the exact search. */
static void made_vectors(int64_t file, float *vectors)
{
	uint64_t kept = state;
	state = 88172645463325252 ^ (uint64_t)file * 0x9e3779b97f4a7c15;
	for (int i = 0; i < WINDOWS; i++)
		made_vector(vectors + i * DIMS);
	state = kept;
}

static double now_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void put_file(struct store_index *x, int64_t file, const float *vectors)
{
	static _Thread_local char text[WINDOWS][WORDS * 10];
	static _Thread_local struct window windows[WINDOWS];
	static _Thread_local struct chunk chunks[FILE_CHUNKS];
	struct index_file f = {.file = file, .generation = 1, .space = {"made-up", 7}, .dims = DIMS};
	struct chunks c = {.windows = windows, .chunks = chunks, .n_windows = WINDOWS, .n = FILE_CHUNKS};
	struct err e = {0};
	size_t at, byte = 0;
	for (int i = 0; i < WINDOWS; i++) {
		made_words(text[i], WORDS);
		size_t n = strlen(text[i]);
		windows[i] = (struct window){.text = {text[i], n}, .at = byte, .n = n, .tokens = 200};
		byte += n;
	}
	for (size_t i = 0; i < FILE_CHUNKS; i++)
		chunks[i] = (struct chunk){.first = 2 * i, .n = 4};
	if (!store_index_begin(x, &f, &at, &e) || !store_index_put(x, &f, &c, 0, WINDOWS, vectors, &e) ||
	    !store_index_flip(x, &f, &e))
		fail_with("put", &e);
}

static struct store_index *open_index(const char *folder, const char *name)
{
	char path[4096];
	struct store_index *x;
	struct err e = {0};
	bool lost;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	struct str p = {path, strlen(path)};
	if (!store_index_open(p, &x, &lost, &e))
		fail_with("open", &e);
	return x;
}

static void fill(struct store_index *x, int64_t files)
{
	float *vectors = malloc(sizeof(float) * WINDOWS * DIMS);
	double wall = 0, cpu = 0;
	for (int64_t file = 1; file <= files; file++) {
		made_vectors(file, vectors);
		double w = now_ms(CLOCK_MONOTONIC), c = now_ms(CLOCK_THREAD_CPUTIME_ID);
		put_file(x, file, vectors);
		wall += now_ms(CLOCK_MONOTONIC) - w;
		cpu += now_ms(CLOCK_THREAD_CPUTIME_ID) - c;
	}
	printf("{\"chunks\":%lld,\"row\":\"filled, vectors made up\",\"files_a_second\":%.1f,\"chunks_a_second\":%.0f,\"cpu_ms_a_chunk\":%.3f}\n",
	       (long long)(files * FILE_CHUNKS), (double)files / wall * 1000, (double)(files * FILE_CHUNKS) / wall * 1000,
	       cpu / (double)(files * FILE_CHUNKS));
	fflush(stdout);
	free(vectors);
}

/* Another store's file, again and again, in the indexer's priority. */
static struct {
	struct store_index *index;
	atomic_bool stop;
	int64_t files;
} other;

static void *other_thread(void *arg)
{
	float *vectors = calloc(WINDOWS * DIMS, sizeof(float));
	for (int i = 0; i < WINDOWS * DIMS; i += 3)
		vectors[i] = 1;
	setpriority(PRIO_PROCESS, 0, 10);
	while (!atomic_load(&other.stop))
		put_file(other.index, ++other.files, vectors);
	free(vectors);
	return arg;
}

/* --- searching --------------------------------------------------------------------------------------------------- */

/* One file in so many passes; 0: all do. */
static bool one_in(void *ctx, int64_t file)
{
	return file % *(int *)ctx == 7 % *(int *)ctx;
}

struct took {
	double wall, cpu; /* milliseconds; cpu: of the searching thread */
};

static struct took search_once(struct store_index *x, int one)
{
	struct arena a = {0};
	struct err e = {0};
	float v[DIMS];
	char words[5 * 10];
	struct ranked *by_words, *by_vectors, best[2 * BEST];
	size_t n_words, n_vectors;
	made_vector(v);
	for (int i = 0, at = 0; i < 5; i++) at += sprintf(words + at, "w%x ", (int)(50 * pow(VOCABULARY / 50, uniform())) * 2654435761u % 0xffffff);
	struct index_query q = {.text = {words, strlen(words)}, .vector = v, .dims = DIMS, .space = {"made-up", 7},
				.allowed = one ? one_in : NULL, .ctx = &one};
	struct took began = {now_ms(CLOCK_MONOTONIC), now_ms(CLOCK_THREAD_CPUTIME_ID)};
	if (!store_index_rank(x, &q, BEST, &a, &by_words, &n_words, &by_vectors, &n_vectors, &e))
		fail_with("rank", &e);
	size_t n = fuse(by_words, n_words, 0.5, by_vectors, n_vectors, 1, best, 2 * BEST);
	for (size_t i = 0; i < n && i < SHOWN; i++) {
		struct index_chunk c;
		if (!store_index_chunk(x, best[i].chunk, &a, &c, &e))
			fail_with("chunk", &e);
	}
	struct took t = {now_ms(CLOCK_MONOTONIC) - began.wall, now_ms(CLOCK_THREAD_CPUTIME_ID) - began.cpu};
	arena_free(&a);
	return t;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void report(struct store_index *x, int64_t chunks, int searches, const char *name, int one)
{
	double *wall = malloc(sizeof *wall * (size_t)searches * 2), *cpu = wall + searches;
	for (int i = 0; i < searches; i++) {
		struct took t = search_once(x, one);
		wall[i] = t.wall;
		cpu[i] = t.cpu;
	}
	qsort(wall, (size_t)searches, sizeof *wall, by_size);
	qsort(cpu, (size_t)searches, sizeof *cpu, by_size);
	printf("{\"chunks\":%lld,\"row\":\"%s\",\"p50\":%.2f,\"p99\":%.2f,\"cpu_p50\":%.2f,\"cpu_p99\":%.2f}\n", (long long)chunks, name,
	       wall[searches / 2], wall[searches * 99 / 100], cpu[searches / 2], cpu[searches * 99 / 100]);
	fflush(stdout);
	free(wall);
}

/* --- against the exact search ------------------------------------------------------------------------------------- */

static float dot(const float *a, const float *b)
{
	float sums[16] = {0}, sum = 0;
	for (int i = 0; i < DIMS; i += 16)
		for (int k = 0; k < 16; k++)
			sums[k] += a[i + k] * b[i + k];
	for (int k = 0; k < 16; k++)
		sum += sums[k];
	return sum;
}

/* The best chunks of a file by their windows as the index weighs them, into the ten best so far. Docs are numbered as files are. */
static void exact_file(int64_t file, const float *vectors, const float *query, struct ranked *best)
{
	float scores[WINDOWS];
	for (int i = 0; i < WINDOWS; i++)
		scores[i] = dot(vectors + i * DIMS, query);
	for (int c = 0; c < FILE_CHUNKS; c++) {
		struct best_windows w = WINDOWS_NONE;
		for (int k = 0; k < 4; k++)
			best_windows_add(&w, (double)scores[2 * c + k]);
		struct ranked r = {chunk_number(file, (size_t)c), best_windows_score(&w)};
		if (r.score <= best[SHOWN - 1].score)
			continue;
		best[SHOWN - 1] = r;
		ranked_sort(best, SHOWN);
	}
}

/* How many of the ten that are nearest by all 32-bit numbers are among the ten of the index. */
static void recall(struct store_index *x, int64_t files)
{
	static float queries[RECALLED][DIMS];
	static struct ranked best[RECALLED][SHOWN];
	float *vectors = malloc(sizeof(float) * WINDOWS * DIMS);
	int found = 0;
	for (int q = 0; q < RECALLED; q++) {
		made_vector(queries[q]);
		for (int i = 0; i < SHOWN; i++)
			best[q][i] = (struct ranked){0, -2};
	}
	for (int64_t file = 1; file <= files; file++) {
		made_vectors(file, vectors);
		for (int q = 0; q < RECALLED; q++)
			exact_file(file, vectors, queries[q], best[q]);
	}
	for (int q = 0; q < RECALLED; q++) {
		struct arena a = {0};
		struct err e = {0};
		struct ranked *words, *by_vectors;
		size_t n_words, n;
		struct index_query ask = {.vector = queries[q], .dims = DIMS, .space = {"made-up", 7}};
		if (!store_index_rank(x, &ask, BEST, &a, &words, &n_words, &by_vectors, &n, &e))
			fail_with("rank", &e);
		for (size_t i = 0; i < n && i < SHOWN; i++)
			for (int k = 0; k < SHOWN; k++)
				found += by_vectors[i].chunk == best[q][k].chunk;
		arena_free(&a);
	}
	printf("{\"chunks\":%lld,\"row\":\"recall@10 against exact\",\"recall\":%.3f,\"searches\":%d}\n", (long long)(files * FILE_CHUNKS),
	       (double)found / (RECALLED * SHOWN), RECALLED);
	fflush(stdout);
	free(vectors);
}

/* --- a run -------------------------------------------------------------------------------------------------------- */

/* Of this process, in memory. */
static double resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f && fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* What this process has had read from the disk: proc(5), io. */
static double read_bytes(void)
{
	char line[128];
	double bytes = 0;
	FILE *f = fopen("/proc/self/io", "r");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "read_bytes: %lf", &bytes);
	if (f)
		fclose(f);
	return bytes;
}

/* What this thread has waited for a processor that others had, in milliseconds: proc(5), schedstat. */
static double queued_ms(void)
{
	unsigned long long waited = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "r");
	if (f && fscanf(f, "%*u %llu", &waited) != 1)
		waited = 0;
	if (f)
		fclose(f);
	return (double)waited / 1e6;
}

/* Nothing of it lies in memory, as after the machine's start. */
static void make_cold(const char *folder)
{
	static const char *const ends[] = {"", "-wal", "-signs"};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/1.db%s", folder, ends[i]);
		int fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		fdatasync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
}

/* To the end of the first search. */
static struct store_index *restart(const char *folder, int64_t files, bool cold)
{
	if (cold)
		make_cold(folder);
	double rss = resident(), queued = queued_ms(), bytes = read_bytes();
	struct took began = {now_ms(CLOCK_MONOTONIC), now_ms(CLOCK_THREAD_CPUTIME_ID)};
	struct store_index *x = open_index(folder, "1.db");
	double opened = now_ms(CLOCK_MONOTONIC) - began.wall;
	search_once(x, 0);
	printf("{\"chunks\":%lld,\"row\":\"restart to the first search%s\",\"seconds\":%.3f,\"opened\":%.3f,\"cpu_seconds\":%.3f,"
	       "\"queued_seconds\":%.3f,\"megabytes_read\":%.1f,\"memory_a_chunk\":%.0f,\"resident_a_chunk\":%.0f}\n",
	       (long long)(files * FILE_CHUNKS), cold ? ", cold" : "", (now_ms(CLOCK_MONOTONIC) - began.wall) / 1000, opened / 1000,
	       (now_ms(CLOCK_THREAD_CPUTIME_ID) - began.cpu) / 1000, (queued_ms() - queued) / 1000, (read_bytes() - bytes) / 1e6,
	       (double)store_index_memory(x) / (double)(files * FILE_CHUNKS), (resident() - rss) / (double)(files * FILE_CHUNKS));
	fflush(stdout);
	return x;
}

static void while_indexing(struct store_index *x, const char *folder, int64_t chunks, int searches)
{
	pthread_t thread;
	other.index = open_index(folder, "2.db");
	pthread_create(&thread, NULL, other_thread, NULL);
	report(x, chunks, searches, "while another is indexed", 0);
	atomic_store(&other.stop, true);
	pthread_join(thread, NULL);
	store_index_close(other.index);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int64_t chunks = atoll(argv[2]), files = (chunks + FILE_CHUNKS - 1) / FILE_CHUNKS;
	int searches = argc > 3 ? atoi(argv[3]) : 200;
	char path[4096];
	for (int i = 0; i < CENTRES; i++)
		for (int k = 0; k < DIMS; k++)
			centres[i][k] = normal();
	snprintf(path, sizeof path, "%s/1.db", argv[1]);
	if (access(path, F_OK) != 0) {
		struct store_index *x = open_index(argv[1], "1.db");
		fill(x, files);
		store_index_close(x);
		return 0;
	}
	store_index_close(restart(argv[1], files, true));
	struct store_index *x = restart(argv[1], files, false);
	report(x, chunks, searches / 10 + 1, "warm-up", 0);
	report(x, chunks, searches, "search", 0);
	report(x, chunks, searches, "filter 50 %", 2);
	report(x, chunks, searches, "filter 1 %", 100);
	report(x, chunks, searches, "filter 0.1 %", 1000);
	while_indexing(x, argv[1], chunks, searches);
	recall(x, files);
	store_index_close(x);
	return 0;
}
