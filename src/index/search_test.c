/* search_test.c - a search over several stores: one list, each text once, filters before ranks, ties in the stores'
 * order. */
#include "index/search.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/test.h"
#include "index/embedder.h"
#include "index/store_index.h"
#include "store/vector_store.h"

enum { STORES = 5, DAY = 86400 };

static char folder[] = "/tmp/search-test-XXXXXX";
static struct store *store;
static struct search *search;
static struct vector_store rows[STORES]; /* rows[2] has expired */
static char ids[STORES][ID_MAX];

static const struct {
	int store;
	int64_t file;
	const char *name, *attributes, *text;
} files[] = {
    {0, 11, "a.txt", "{\"year\":2025}", "The whale swims in the sea."},
    {0, 12, "b.txt", "{\"year\":2026}", "The same words stand in two stores."},
    {0, 13, "c.txt", "{}", "Ships sail on the sea, and a whale is seen from ships."},
    {1, 21, "d.txt", "{\"year\":2026}", "The same words stand in two stores."},
    {1, 22, "e.txt", "{\"year\":2026}", "A whale, a whale, a whale!"},
    {1, 23, "gone.txt", "{\"year\":2026}", "A whale that was deleted, whale, whale, whale."},
    {2, 31, "f.txt", "{}", "whale"},
    {3, 41, "x.txt", "{}", "Alone and alike."},
    {4, 51, "y.txt", "{}", "Alone and alike."},
};

static void index_file_of(int64_t key, int64_t file, const char *text)
{
	char path[256];
	struct arena a = {0};
	struct err e = {0};
	struct store_index *x;
	struct chunks c;
	struct chunk_options o = {.size = 800, .overlap = 400};
	struct index_file f = {.file = file, .generation = 1};
	size_t windows;
	bool lost;
	snprintf(path, sizeof path, "%s/index/%lld.db", folder, (long long)key);
	CHECK(store_index_open(str_of(path), &x, &lost, &e));
	chunk_text(&a, str_of(text), &o, &c);
	CHECK(store_index_begin(x, &f, &windows, &e) && store_index_put(x, &f, &c, 0, c.n_windows, NULL, &e) &&
	      store_index_flip(x, &f, &e));
	store_index_close(x);
	arena_free(&a);
}

/* As the server would have left it: rows, and an index a store. */
static void put_rows(void)
{
	char path[256], sql[1024];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/antiphon.db", folder);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		int64_t key = rows[files[i].store].id.key;
		snprintf(sql, sizeof sql,
			 "INSERT INTO file VALUES(%lld, 1, zeroblob(%d), 1, 0, 1, 'assistants', '%s');"
			 "INSERT INTO vector_file SELECT %lld, %lld, 1, zeroblob(%d), %zu, 1, 2, 1, 800, 400, 0, 1, 0, "
			 "'', '', '', '%s'"
			 " WHERE '%s' <> 'gone.txt';",
			 (long long)files[i].file, ID_RND, files[i].name, (long long)key, (long long)files[i].file,
			 ID_RND, i, files[i].attributes, files[i].name);
		CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
		index_file_of(key, files[i].file, files[i].text);
	}
	sqlite3_close(db);
}

static void set_up(void)
{
	struct store_options o = {.dir = str_of(folder)};
	struct embed_options none = {.kind = EMBED_NONE};
	struct err e = {0};
	char path[256];
	CHECK(store_open(&o, &store, &e));
	for (int i = 0; i < STORES; i++) {
		int64_t now = clock_wall_s() - (i == 2 ? 2 * DAY : 0);
		rows[i] = (struct vector_store){
		    .id = id_mint(), .created_at = now, .active_at = now, .expire_days = i == 2, .metadata = S("{}")};
		CHECK(vector_store_put(store, 1, &rows[i], 100, &e));
		id_text(ids[i], "vs", &rows[i].id);
	}
	store_close(store);
	snprintf(path, sizeof path, "%s/index", folder);
	CHECK(mkdir(path, 0700) == 0);
	put_rows();
	CHECK(store_open(&o, &store, &e));
	CHECK(search_new(store, str_of(folder), &none, &search, &e));
}

/* The names of what is found, "a.txt e.txt "; or the error. */
static const char *found(const char *query, const char *filter, int64_t most, int first, int second)
{
	static char said[1024];
	struct arena a = {0};
	struct err e = {0};
	struct str stores[2] = {str_of(ids[first]), str_of(ids[second])}, queries[2] = {str_of(query)};
	struct search_ask ask = {.project = 1,
				 .stores = stores,
				 .n_stores = first == second ? 1 : 2,
				 .queries = queries,
				 .n_queries = 1,
				 .max_results = most};
	struct search_found got;
	if (strchr(query, '|')) { /* two of them */
		ask.n_queries = 2;
		queries[1] = str_of(strchr(query, '|') + 1);
		queries[0].n = (size_t)(strchr(query, '|') - query);
	}
	if (filter)
		CHECK(json_parse(&a, str_of(filter), &ask.filters, &e));
	*said = 0;
	if (!search_run(search, &ask, &a, &got, &e)) {
		snprintf(said, sizeof said, "%s", e.msg);
		got.n = 0;
	}
	for (size_t i = 0; i < got.n; i++) {
		CHECK(got.hits[i].score > 0 && got.hits[i].score <= 1 &&
		      (!i || got.hits[i].score <= got.hits[i - 1].score));
		snprintf(said + strlen(said), sizeof said - strlen(said), "%.*s ", FMT(got.hits[i].filename));
	}
	arena_free(&a);
	return said;
}

static void check_found(const char *got, const char *want)
{
	CHECK_STR(str_of(got), str_of(want));
}

static void several_as_one(void)
{
	check_found(found("whale", NULL, 10, 0, 0), "a.txt c.txt ");
	check_found(found("whale", NULL, 10, 1, 1), "e.txt "); /* what was deleted meanwhile falls out */
	const char *both = found("whale", NULL, 10, 0, 1);
	CHECK(strstr(both, "a.txt ") && strstr(both, "c.txt ") && strstr(both, "e.txt ") && !strstr(both, "gone"));
	CHECK(strlen(found("whale", NULL, 2, 0, 1)) == 12);
	CHECK(strstr(found("ships|words", NULL, 10, 0, 1), "c.txt ") &&
	      strstr(found("ships|words", NULL, 10, 0, 1), "b.txt "));
}

static void each_text_once(void)
{
	CHECK(strlen(found("same words", NULL, 10, 0, 1)) == 6);
	for (int i = 0; i < 5; i++) { /* equal: the order of the stores */
		check_found(found("alike", NULL, 10, 3, 4), "x.txt ");
		check_found(found("alike", NULL, 10, 4, 3), "y.txt ");
	}
}

static void filters_first(void)
{
	check_found(found("whale", "{\"type\":\"eq\",\"key\":\"year\",\"value\":2026}", 1, 0, 1), "e.txt ");
	check_found(found("whale", "{\"type\":\"lt\",\"key\":\"year\",\"value\":2026}", 10, 0, 1), "a.txt ");
	check_found(found("whale", "{\"type\":\"ne\",\"key\":\"year\",\"value\":2025}", 1, 0, 0),
		    "c.txt "); /* without the attribute, too */
	check_found(found("whale", "{\"type\":\"eq\",\"key\":\"year\",\"value\":\"2026\"}", 10, 0, 1), "");
}

/* Files go while it is searched, so that it is ranked again: what is looked at does not grow by that. */
static void as_deep_again(void)
{
	enum { TIMES = 10, GONE = 100, MOST = 4000000 }; /* four rounds at the first depth take half of it */
	char path[256], sql[256];
	struct str stores[] = {str_of(ids[0])}, queries[SEARCH_QUERIES];
	struct search_ask ask = {.project = 1,
				 .stores = stores,
				 .n_stores = 1,
				 .queries = queries,
				 .n_queries = SEARCH_QUERIES,
				 .max_results = 10};
	size_t most = 0;
	sqlite3 *db;
	for (size_t i = 0; i < SEARCH_QUERIES; i++)
		queries[i] = S("whale sea");
	snprintf(path, sizeof path, "%s/antiphon.db", folder);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_busy_timeout(db, 10000) == SQLITE_OK);
	for (int i = 0; i < TIMES; i++) {
		struct arena a = {0};
		struct err e = {0};
		struct search_found got;
		snprintf(sql, sizeof sql,
			 "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
			 "INSERT OR IGNORE INTO vector_gone SELECT %lld, 1000 + i FROM n",
			 GONE, (long long)rows[0].id.key);
		CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
		search_wake(search);
		CHECK(search_run(search, &ask, &a, &got, &e) && got.n == 2);
		most = a.total > most ? a.total : most;
		arena_free(&a);
	}
	sqlite3_close(db);
	CHECK(most < MOST);
	printf("# %zu bytes\n", most);
}

static void by_name(void)
{
	struct str other[] = {S("vs_none"), str_of(ids[0])};
	struct err e = {0};
	CHECK(strstr(found("whale", NULL, 10, 0, 2), "is expired.") && strstr(found("whale", NULL, 10, 0, 2), ids[2]));
	CHECK(!search_stores(search, 1, other, 2, &e) && e.code == ERR_VECTOR_STORE_NOT_FOUND &&
	      strstr(e.msg, "vs_none"));
	e = (struct err){0};
	CHECK(!search_stores(search, 2, other + 1, 1, &e) && e.code == ERR_VECTOR_STORE_NOT_FOUND); /* another's */
	e = (struct err){0};
	CHECK(search_stores(search, 1, other + 1, 1, &e));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

int main(void)
{
	static const struct test_case tests[] = {{"several as one", several_as_one},
						 {"each text once", each_text_once},
						 {"filters first", filters_first},
						 {"as deep again", as_deep_again},
						 {"stores by name", by_name}};
	log_setup(LOG_ERROR + 1, false);
	CHECK(mkdtemp(folder));
	set_up();
	int bad = test_main(tests, sizeof tests / sizeof *tests);
	search_free(search);
	store_close(store);
	return bad || nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0;
}
