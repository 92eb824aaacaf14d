/* search.c - the load of bench/search.py: one store's index of so many chunks, filled and searched; its rows as JSON lines.
 *
 *   bench-search FOLDER CHUNKS [SEARCHES]
 *
 * Vectors and words are made up: vectors lie around some hundred centres, words are drawn as in languages, few often and many
 * seldom. A file has 100 chunks of four windows that share two with the next, as a text of 800/400 has. A search is by words and by
 * vectors, fused, with the texts of its ten best. */
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

enum { DIMS = 384, FILE_CHUNKS = 100, WINDOWS = FILE_CHUNKS * 2 + 2, WORDS = 40, VOCABULARY = 60000, CENTRES = 300, BEST = 50, SHOWN = 10 };

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

/* Unit length, around a centre. */
static void made_vector(float *v)
{
	const float *c = centres[next_random() % CENTRES];
	double square = 0;
	for (int i = 0; i < DIMS; i++) {
		v[i] = c[i] + 0.8f * normal();
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

static void put_file(struct store_index *x, int64_t file, const float *vectors)
{
	static _Thread_local char text[WINDOWS][WORDS * 10];
	static _Thread_local struct window windows[WINDOWS];
	static _Thread_local struct chunk chunks[FILE_CHUNKS];
	struct index_file f = {.file = file, .generation = 1, .space = {"made-up", 7}, .dims = DIMS};
	struct chunks c = {windows, chunks, WINDOWS, FILE_CHUNKS};
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
	for (int64_t file = 1; file <= files; file++) {
		for (int i = 0; i < WINDOWS; i++)
			made_vector(vectors + i * DIMS);
		put_file(x, file, vectors);
	}
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

static bool one_in_hundred(void *ctx, int64_t file)
{
	return file % 100 == *(int *)ctx;
}

static double now_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

struct took {
	double wall, cpu; /* milliseconds; cpu: of the searching thread */
};

static struct took search_once(struct store_index *x, bool filtered)
{
	struct arena a = {0};
	struct err e = {0};
	float v[DIMS];
	char words[5 * 10];
	int which = 7;
	struct ranked *by_words, *by_vectors, best[2 * BEST];
	size_t n_words, n_vectors;
	made_vector(v);
	for (int i = 0, at = 0; i < 5; i++) at += sprintf(words + at, "w%x ", (int)(50 * pow(VOCABULARY / 50, uniform())) * 2654435761u % 0xffffff);
	struct index_query q = {.text = {words, strlen(words)}, .vector = v, .dims = DIMS, .space = {"made-up", 7},
				.allowed = filtered ? one_in_hundred : NULL, .ctx = &which};
	struct took began = {now_ms(CLOCK_MONOTONIC), now_ms(CLOCK_THREAD_CPUTIME_ID)};
	if (!store_index_rank(x, &q, BEST, &a, &by_words, &n_words, &by_vectors, &n_vectors, &e))
		fail_with("rank", &e);
	size_t n = fuse(by_words, n_words, 1, by_vectors, n_vectors, 1, best, 2 * BEST);
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

static void report(struct store_index *x, int64_t chunks, int searches, const char *name, bool filtered)
{
	double *wall = malloc(sizeof *wall * (size_t)searches * 2), *cpu = wall + searches;
	for (int i = 0; i < searches; i++) {
		struct took t = search_once(x, filtered);
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

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int64_t chunks = atoll(argv[2]), files = (chunks + FILE_CHUNKS - 1) / FILE_CHUNKS;
	int searches = argc > 3 ? atoi(argv[3]) : 200;
	pthread_t thread;
	for (int i = 0; i < CENTRES; i++)
		for (int k = 0; k < DIMS; k++)
			centres[i][k] = normal();
	int64_t began = clock_mono_us();
	struct store_index *x = open_index(argv[1], "1.db");
	fill(x, files);
	printf("{\"chunks\":%lld,\"row\":\"fill\",\"seconds\":%.1f}\n", (long long)chunks, (double)(clock_mono_us() - began) / 1e6);
	store_index_close(x);
	began = clock_mono_us();
	x = open_index(argv[1], "1.db");
	search_once(x, false);
	printf("{\"chunks\":%lld,\"row\":\"restart\",\"seconds\":%.3f,\"bytes_a_chunk\":%.0f}\n", (long long)chunks,
	       (double)(clock_mono_us() - began) / 1e6, (double)store_index_memory(x) / (double)(files * FILE_CHUNKS));
	report(x, chunks, searches / 10 + 1, "warm-up", false);
	report(x, chunks, searches, "search", false);
	report(x, chunks, searches, "filter 1 %", true);
	other.index = open_index(argv[1], "2.db");
	pthread_create(&thread, NULL, other_thread, NULL);
	report(x, chunks, searches, "while another is indexed", false);
	atomic_store(&other.stop, true);
	pthread_join(thread, NULL);
	store_index_close(other.index);
	store_index_close(x);
	return 0;
}
