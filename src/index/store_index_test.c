/* store_index_test.c - an index of a vector store: whole or not at all, resumed, deleted, swept; words and vectors. */
#include "index/store_index.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "index/store_index_rank.h"
#include "index/words.h"

enum { DIMS = 64 };
static char folder[] = "/tmp/antiphon-index-XXXXXX";
static char path[128];

static struct store_index *opened(bool *lost)
{
	struct store_index *x = NULL;
	struct err e = {0};
	CHECK(store_index_open(str_of(path), &x, lost, &e));
	return x;
}

static const char *beside(const char *end)
{
	static char other[160];
	snprintf(other, sizeof other, "%s%s", path, end);
	return other;
}

static void remove_all(struct store_index *x)
{
	store_index_close(x);
	unlink(path);
	unlink(beside("-wal"));
	unlink(beside("-shm"));
	unlink(beside("-signs"));
}

/* A made-up embedder: words that are alike have vectors that are alike. */
static void embed(struct str text, float *v)
{
	memset(v, 0, DIMS * sizeof *v);
	for (size_t i = 0; i + 2 < text.n; i++)
		v[(unsigned)(text.p[i] * 31 + text.p[i + 1] * 7 + text.p[i + 2]) % DIMS] += 1;
}

static float *embed_all(const struct chunks *c)
{
	float *v = xalloc((c->n_windows + 1) * DIMS * sizeof *v);
	for (size_t i = 0; i < c->n_windows; i++)
		embed(c->windows[i].text, v + i * DIMS);
	return v;
}

/* Puts a file's windows from where they stop, up to `stop`; flips when all are in. */
static void put(struct store_index *x, int64_t file, int64_t generation, struct str text, size_t step, size_t stop)
{
	struct arena a = {0};
	struct err e = {0};
	struct chunks c;
	struct chunk_options o = {.size = 100, .overlap = 50};
	struct index_file f = {.file = file, .generation = generation, .space = S("made-up"), .dims = DIMS};
	size_t from = 0;
	chunk_text(&a, text, &o, &c);
	float *v = embed_all(&c);
	CHECK(store_index_begin(x, &f, &from, &e));
	for (; from < c.n_windows && from < stop; from += step) {
		size_t to = from + step < c.n_windows ? from + step : c.n_windows;
		CHECK(store_index_put(x, &f, &c, from, to, v + from * DIMS, &e));
	}
	if (stop == SIZE_MAX)
		CHECK(store_index_flip(x, &f, &e));
	if (e.code)
		printf("# %s\n", e.msg);
	xfree(v);
	arena_free(&a);
}

static bool only_two(void *ctx, int64_t file)
{
	return file == 2;
}

struct found {
	int64_t words[8], vectors[8]; /* files */
	size_t n_words, n_vectors;
	char text[256]; /* of the best */
};

static struct found find(struct store_index *x, const char *query, bool filtered)
{
	struct arena a = {0};
	struct err e = {0};
	struct found f = {0};
	struct ranked *words, *vectors;
	struct index_chunk c;
	float v[DIMS];
	embed(str_of(query), v);
	struct index_query q = {.text = str_of(query),
				.vector = v,
				.dims = DIMS,
				.space = S("made-up"),
				.allowed = filtered ? only_two : NULL};
	CHECK(store_index_rank(x, &q, 8, &a, &words, &f.n_words, &vectors, &f.n_vectors, &e));
	for (size_t i = 0; i < f.n_words; i++) {
		CHECK(store_index_chunk(x, words[i].chunk, &a, &c, &e) && c.text.n);
		f.words[i] = c.file;
		if (!i)
			snprintf(f.text, sizeof f.text, "%.*s", FMT(c.text));
	}
	for (size_t i = 0; i < f.n_vectors; i++) {
		CHECK(store_index_chunk(x, vectors[i].chunk, &a, &c, &e) && c.text.n);
		CHECK(i == 0 || vectors[i - 1].score >= vectors[i].score);
		f.vectors[i] = c.file;
	}
	arena_free(&a);
	return f;
}

static const char cats[] = "The cat sleeps on the warm stove all day long.\n\nAt night she hunts mice in the barn.";
static const char dogs[] = "The dog guards the house.\n\nHe barks when strangers come, and sets core.autocrlf to true.";

static void whole_or_not(void)
{
	bool lost;
	struct store_index *x = opened(&lost);
	CHECK(lost);
	put(x, 1, 10, str_of(cats), 1, 0);
	CHECK(find(x, "cat", false).n_words == 0 && find(x, "cat", false).n_vectors == 0);
	put(x, 1, 10, str_of(cats), 1, SIZE_MAX);
	put(x, 2, 11, str_of(dogs), 5, SIZE_MAX);
	struct found f = find(x, "sleeping cats on a stove", false);
	CHECK(f.n_words == 1 && f.words[0] == 1 && f.n_vectors == 2 && f.vectors[0] == 1);
	CHECK(find(x, "core.autocrlf", false).words[0] == 2);
	CHECK(find(x, "the", false).n_words == 2);
	f = find(x, "house cat", true);
	CHECK(f.n_words == 1 && f.words[0] == 2 && f.n_vectors == 1 && f.vectors[0] == 2);
	/* another generation: the old one is found until the flip */
	put(x, 1, 12, S("Now it is about parrots."), 1, 0);
	CHECK(find(x, "cat", false).words[0] == 1 && find(x, "parrots", false).n_words == 0);
	put(x, 1, 12, S("Now it is about parrots."), 1, SIZE_MAX);
	CHECK(find(x, "cat", false).n_words == 0 && find(x, "parrots", false).words[0] == 1);
	remove_all(x);
}

static void swept(struct store_index *x, int64_t rows)
{
	struct err e = {0};
	bool more = true;
	for (int i = 0; more && i < 10000; i++)
		CHECK(store_index_sweep(x, rows, &more, &e));
	CHECK(!more);
}

static void deleted(void)
{
	struct err e = {0};
	bool lost;
	struct stat before, after;
	struct store_index *x = opened(&lost);
	struct buf b;
	buf_init(&b, 1 << 22);
	for (int i = 0; i < 3000; i++)
		buf_fmt(&b, "Sentence %d is about number %d. ", i, i * 7);
	put(x, 1, 1, buf_str(&b), 7, SIZE_MAX);
	put(x, 2, 1, str_of(dogs), 7, SIZE_MAX);
	size_t memory = store_index_memory(x);
	CHECK(find(x, "sentence", false).n_words == 8);
	CHECK(store_index_drop(x, 1, &e));
	CHECK(find(x, "sentence", false).n_words == 0 && find(x, "dog", false).n_words == 1);
	CHECK(store_index_memory(x) < memory / 4);
	swept(x, 3);
	store_index_close(x);
	stat(path, &before);
	x = opened(&lost);
	CHECK(!lost && find(x, "sentence", false).n_words == 0 && find(x, "dog", false).n_words == 1);
	/* the room is used again, and the words are gone from the index: it does not grow */
	for (int64_t i = 0; i < 3; i++) {
		put(x, 3 + i, 1, buf_str(&b), 100, SIZE_MAX);
		CHECK(store_index_drop(x, 3 + i, &e));
		swept(x, 200);
	}
	store_index_close(x);
	stat(path, &after);
	CHECK(after.st_size < before.st_size * 2);
	buf_release(&b);
	remove_all(NULL);
}

static void resumed(void)
{
	bool lost;
	struct arena a = {0};
	struct err e = {0};
	struct buf b;
	struct str text;
	buf_init(&b, 1 << 22);
	for (int i = 0; i < 500; i++)
		buf_fmt(&b, "Line %d of a long file.\n", i);
	struct store_index *x = opened(&lost);
	put(x, 9, 4, buf_str(&b), 3, 10);
	store_index_close(x);
	x = opened(&lost);
	CHECK(!lost && find(x, "line", false).n_words == 0);
	struct index_file f = {.file = 9, .generation = 4, .space = S("made-up"), .dims = DIMS};
	size_t windows = 0;
	CHECK(store_index_begin(x, &f, &windows, &e) && windows == 12);
	put(x, 9, 4, buf_str(&b), 3, SIZE_MAX);
	CHECK(find(x, "line", false).n_words == 8);
	CHECK(store_index_text(x, 9, 0, SIZE_MAX / 4, &a, &text, &e));
	CHECK_STR(text, buf_str(&b));
	CHECK(store_index_text(x, 9, b.n - 5, 100, &a, &text, &e));
	CHECK_STR(text, S("file.\n").n == 6 ? S("ile.\n") : S(""));
	CHECK(store_index_text(x, 9, b.n + 5, 100, &a, &text, &e) && !text.p);
	CHECK(store_index_text(x, 77, 0, 100, &a, &text, &e) && !text.p);
	/* another embedder: from the beginning */
	f.space = S("other");
	CHECK(store_index_begin(x, &f, &windows, &e) && windows == 0);
	remove_all(x);
	buf_release(&b);
	arena_free(&a);
}

static void damaged(void)
{
	bool lost;
	struct store_index *x = opened(&lost);
	put(x, 1, 1, str_of(cats), 5, SIZE_MAX);
	store_index_close(x);
	FILE *f = fopen(path, "r+");
	for (int i = 0; i < 5000; i++)
		fputc('x', f);
	fclose(f);
	x = opened(&lost);
	CHECK(lost && find(x, "cat", false).n_words == 0);
	put(x, 1, 1, str_of(cats), 5, SIZE_MAX);
	CHECK(find(x, "cat", false).n_words == 1);
	remove_all(x);
}

/* Runs statements; the number that the last row has. */
static int64_t run_sql(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st = NULL;
	int64_t n = 0;
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	for (const char *rest = sql; *rest; sqlite3_finalize(st)) {
		CHECK(sqlite3_prepare_v2(db, rest, -1, &st, &rest) == SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW)
			n = sqlite3_column_int64(st, 0);
	}
	sqlite3_close(db);
	return n;
}

/* As it was before `near` and `spans`: all of it, and a file that such an index had half of. */
static void older(void)
{
	static const char *const forms[] = {"", " WHERE id & 0xffffffff < 2"};
	for (size_t i = 0; i < 2; i++) {
		bool lost;
		char sql[300];
		struct store_index *x = opened(&lost);
		struct err e = {0};
		put(x, 1, 1, str_of(cats), 1, SIZE_MAX);
		put(x, 2, 1,
		    S("One fish.\n\nTwo fish.\n\nRed fish and cats on a stove.\n\nBlue fish. \n\nNo barn at all."), 1,
		    SIZE_MAX);
		put(x, 3, 1, str_of(dogs), 1, SIZE_MAX);
		struct found now = find(x, "the dog guards a house and barks", false), then;
		store_index_close(x);
		snprintf(
		    sql, sizeof sql,
		    "DELETE FROM spans; INSERT INTO bytes SELECT id >> 32, id & 0xffffffff, scale, bytes FROM near%s;"
		    "DELETE FROM near%s;",
		    forms[i], forms[i]);
		run_sql(sql);
		x = opened(&lost);
		then = find(x, "the dog guards a house and barks", false);
		CHECK(!lost && then.n_words == now.n_words && now.n_vectors == 3 && now.vectors[0] == 3);
		CHECK(memcmp(then.vectors, now.vectors, sizeof now.vectors) == 0);
		CHECK(store_index_drop(x, 1, &e));
		swept(x, 2);
		CHECK(run_sql("SELECT (SELECT count(*) FROM bytes WHERE doc = 1) + (SELECT count(*) FROM near WHERE id "
			      ">> 32 = 1)") == 0);
		remove_all(x);
	}
}

static void scripts(void)
{
	bool lost;
	struct store_index *x = opened(&lost);
	struct buf b;
	put(x, 1, 1, S("\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd\xe3\x81\xae\xe4\xba\xba\xe5\x8f\xa3"), 5, SIZE_MAX);
	put(x, 2, 1, S("\xe5\xa4\xa7\xe9\x98\xaa\xe3\x81\xae\xe4\xba\xba"), 5, SIZE_MAX);
	CHECK(find(x, "\xe6\x9d\xb1\xe4\xba\xac", false).n_words == 1);
	CHECK(find(x, "\xe4\xba\xac\xe9\x83\xbd", false).words[0] == 1);
	CHECK(find(x, "\xe5\xa4\xa7\xe9\x98\xaa", false).words[0] == 2);
	CHECK(find(x, "\"' OR NEAR(a b) * ^ : \xff", false).n_words == 0); /* what is FTS5's own means nothing */
	buf_init(&b, 4096);
	words_index(&b, S("a\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e b"));
	CHECK_STR(buf_str(&b), S("a \xe6\x97\xa5\xe6\x9c\xac \xe6\x9c\xac\xe8\xaa\x9e  b"));
	buf_release(&b);
	remove_all(x);
}

/* "a" is rare in a small store; it must not outrank what is asked for. */
static void plain_words(void)
{
	bool lost;
	struct store_index *x = opened(&lost);
	put(x, 1, 1, str_of(cats), 5, SIZE_MAX);
	put(x, 2, 1, S("Check the oil before a long drive."), 5, SIZE_MAX);
	struct found f = find(x, "Where is a barn?", false);
	CHECK(f.n_words == 1 && f.words[0] == 1);
	CHECK(find(x, "baking a loaf", false).n_words == 0);
	CHECK(find(x, "THE", false).n_words == 2); /* there is nothing else to go by */
	remove_all(x);
}

static void ties(void)
{
	bool lost;
	struct store_index *x = opened(&lost);
	for (int64_t i = 1; i <= 5; i++)
		put(x, i, 1, str_of(cats), 5, SIZE_MAX);
	for (int i = 0; i < 3; i++) {
		struct found f = find(x, "cat", false);
		CHECK(f.n_words == 5 && f.n_vectors == 5);
		for (int k = 0; k < 5; k++)
			CHECK(f.words[k] == k + 1 && f.vectors[k] == k + 1);
	}
	remove_all(x);
}

/* A file of so many chunks of one window, each of the same words, without vectors. */
static void put_same(struct store_index *x, int64_t file, const char *text, size_t n)
{
	struct err e = {0};
	struct index_file f = {.file = file, .generation = 1};
	struct chunks c = {
	    .windows = xalloc(n * sizeof *c.windows), .chunks = xalloc(n * sizeof *c.chunks), .n_windows = n, .n = n};
	size_t at;
	for (size_t i = 0; i < n; i++) {
		c.windows[i] = (struct window){.text = str_of(text), .at = i * strlen(text), .n = strlen(text)};
		c.chunks[i] = (struct chunk){.text = str_of(text), .first = i, .n = 1};
	}
	CHECK(store_index_begin(x, &f, &at, &e) && store_index_put(x, &f, &c, 0, n, NULL, &e) &&
	      store_index_flip(x, &f, &e));
	xfree(c.windows);
	xfree(c.chunks);
}

/* Words that more chunks have than are weighed: what has all of them comes first, and a filter hides nothing. */
static void common_words(void)
{
	bool lost;
	struct store_index *x = opened(&lost);
	put_same(x, 1, "red wine", 7990);
	put_same(x, 3, "red green wine", 20);
	put_same(x, 4, "green", 8000);
	put_same(x, 2, "the red of roses", 1);
	struct found f = find(x, "red green", false);
	CHECK(f.n_words == 8 && f.words[0] == 3 && f.words[7] == 3);
	f = find(x, "red green", true);
	CHECK(f.n_words == 1 && f.words[0] == 2);
	CHECK(find(x, "red", true).n_words == 1 && find(x, "red", false).n_words == 8);
	CHECK(find(x, "roses green red", false).words[0] == 2);
	remove_all(x);
}

static bool each_so_many(void *ctx, int64_t file)
{
	return file % *(int64_t *)ctx == 0;
}

/* How many chunks by words lie in files that are divided by `each`; all that are found do. */
static size_t found_of_each(struct store_index *x, const char *query, int64_t each)
{
	enum { MOST = 8000 };
	struct arena a = {0};
	struct err e = {0};
	struct ranked *words, *vectors;
	struct index_chunk c;
	size_t n_words, n_vectors;
	struct index_query q = {.text = str_of(query), .allowed = each_so_many, .ctx = &each};
	CHECK(store_index_rank(x, &q, MOST, &a, &words, &n_words, &vectors, &n_vectors, &e));
	for (size_t i = 0; i < n_words; i += 97)
		CHECK(store_index_chunk(x, words[i].chunk, &a, &c, &e) && c.file % each == 0);
	for (size_t i = 1; i < n_words; i++)
		CHECK(words[i].score == words[0].score && words[i].chunk > words[i - 1].chunk);
	arena_free(&a);
	return n_words;
}

/* A filter that lets few files through, or many: all of their chunks that have a common word are found, and no others. */
static void filters_exact(void)
{
	enum { FILES = 60, EACH = 150 };
	bool lost;
	struct err e = {0};
	struct store_index *x = opened(&lost);
	for (int64_t file = 1; file <= FILES; file++)
		put_same(x, file, "red wine", EACH);
	for (int64_t each = 2; each <= FILES + 1; each++)
		CHECK(found_of_each(x, each % 3 ? "red" : "red wine", each) == (size_t)(FILES / each * EACH));
	CHECK(store_index_drop(x, 30, &e) && store_index_drop(x, 60, &e));
	CHECK(found_of_each(x, "red", 30) == 0 && found_of_each(x, "red", 20) == (size_t)(2 * EACH));
	remove_all(x);
}

/* --- the file of signs ------------------------------------------------------------------------------------------- */

struct signs_file {
	char bytes[1 << 16];
	size_t n;
};

static struct signs_file read_signs(void)
{
	struct signs_file s = {0};
	FILE *f = fopen(beside("-signs"), "r");
	CHECK(f != NULL);
	s.n = f ? fread(s.bytes, 1, sizeof s.bytes, f) : 0;
	CHECK(s.n && s.n < sizeof s.bytes);
	if (f)
		fclose(f);
	return s;
}

static void write_signs(const struct signs_file *s)
{
	FILE *f = fopen(beside("-signs"), "w");
	CHECK(f && fwrite(s->bytes, 1, s->n, f) == s->n && fclose(f) == 0);
}

/* The same is found, whatever is in the file; and afterwards it is what it was. */
static void check_signs(const struct found *want, const struct signs_file *whole)
{
	bool lost;
	struct store_index *x = opened(&lost);
	struct found got = find(x, "the dog guards a house and barks", false);
	CHECK(!lost && memcmp(&got, want, sizeof got) == 0);
	store_index_close(x);
	struct signs_file now = read_signs();
	CHECK(now.n == whole->n && memcmp(now.bytes, whole->bytes, now.n) == 0);
}

static void put_three(const char *third)
{
	bool lost;
	struct store_index *x = opened(&lost);
	put(x, 1, 1, str_of(cats), 1, SIZE_MAX);
	put(x, 2, 1, str_of(dogs), 1, SIZE_MAX);
	put(x, 3, 1, str_of(third), 1, SIZE_MAX);
	store_index_close(x);
}

/* The file is enough for a start, and none of it is needed. */
static void signs_beside(void)
{
	static const char third[] = "Red fish.\n\nBlue fish. No house at all, but a barn and a guard.";
	bool lost;
	put_three("Parrots.\n\nNo fish here, and nothing that guards a house.");
	struct signs_file other = read_signs();
	remove_all(NULL);
	put_three(third);
	struct signs_file whole = read_signs(), bad;
	struct store_index *x = opened(&lost);
	struct found want = find(x, "the dog guards a house and barks", false);
	CHECK(want.n_vectors == 3 && want.vectors[0] == 2);
	store_index_close(x);
	for (size_t i = 0; i < whole.n; i += 5) { /* torn there; one byte is another */
		bad = whole;
		bad.n = i;
		write_signs(&bad);
		check_signs(&want, &whole);
		bad = whole;
		bad.bytes[i] ^= 0x40;
		write_signs(&bad);
		check_signs(&want, &whole);
	}
	write_signs(&other); /* of docs of the same numbers */
	check_signs(&want, &whole);
	unlink(beside("-signs"));
	check_signs(&want, &whole);
	run_sql("DELETE FROM sums"); /* an index from before there were any */
	check_signs(&want, &whole);
	unlink(beside("-signs"));
	CHECK(mkdir(beside("-signs"), 0700) == 0); /* no file can be made */
	x = opened(&lost);
	struct found got = find(x, "the dog guards a house and barks", false);
	CHECK(!lost && memcmp(&got, &want, sizeof got) == 0);
	store_index_close(x);
	CHECK(rmdir(beside("-signs")) == 0);
	write_signs(&whole);
	run_sql("DELETE FROM vector; DELETE FROM spans");
	check_signs(&want, &whole);
	remove_all(NULL);
}

/* The disk has no room for the file: all is found, now and after the next start; with room there is the file again. */
static void signs_without_room(void)
{
	bool lost;
	CHECK(symlink("/dev/full", beside("-signs")) == 0);
	put_three("Red fish.");
	struct store_index *x = opened(&lost);
	struct found want = find(x, "the dog guards a house and barks", false);
	CHECK(!lost && want.n_vectors == 3 && want.vectors[0] == 2);
	put(x, 3, 2, S("The dog and the house, once more."), 1, SIZE_MAX);
	want = find(x, "the dog guards a house and barks", false);
	CHECK(want.n_words == 2 && want.n_vectors == 3);
	store_index_close(x);
	CHECK(unlink(beside("-signs")) == 0);
	for (int i = 0; i < 2; i++) {
		x = opened(&lost);
		struct found got = find(x, "the dog guards a house and barks", false);
		CHECK(!lost && memcmp(&got, &want, sizeof got) == 0);
		store_index_close(x);
		CHECK(read_signs().n > 100);
	}
	remove_all(NULL);
}

static void signs_tidied(void)
{
	bool lost;
	struct err e = {0};
	struct stat st;
	struct store_index *x = opened(&lost);
	put_same(x, 1, "kept", 10);
	for (int64_t i = 2; i < 12; i++) {
		put_same(x, i, "gone", 4000);
		CHECK(store_index_drop(x, i, &e));
		swept(x, 100000);
		CHECK(stat(beside("-signs"), &st) == 0 && st.st_size < 100000);
	}
	store_index_close(x);
	x = opened(&lost);
	CHECK(!lost && find(x, "kept", false).n_words == 8 && find(x, "gone", false).n_words == 0);
	remove_all(x);
}

int main(void)
{
	static const struct test_case tests[] = {{"whole or not at all", whole_or_not},
						 {"deleted and swept", deleted},
						 {"resumed", resumed},
						 {"damaged", damaged},
						 {"of an older form", older},
						 {"scripts without blanks", scripts},
						 {"plain words", plain_words},
						 {"ties", ties},
						 {"common words", common_words},
						 {"filters exact", filters_exact},
						 {"signs beside", signs_beside},
						 {"signs without room", signs_without_room},
						 {"signs tidied", signs_tidied}};
	CHECK(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/1.db", folder);
	int bad = test_main(tests, sizeof tests / sizeof *tests);
	rmdir(folder);
	return bad;
}
