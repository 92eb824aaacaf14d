/* web_cache_test.c - pages and results that were fetched before. */
#include "tools/web_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "tools/tools.h"

static struct arena arena;
static char dir[64];

static struct web_cache *fresh(void)
{
	struct web_cache *c = NULL;
	struct err e = {0};
	snprintf(dir, sizeof dir, "/tmp/web-cache-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	CHECK(web_cache_open(str_of(dir), &c, &e));
	return c;
}

static void remove_all(struct web_cache *c)
{
	static const char *const names[] = {"web.db", "web.db-wal", "web.db-shm"};
	char path[128];
	web_cache_close(c);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	arena_free(&arena);
}

static void put(struct web_cache *c, int64_t project, const char *url, const char *title, const char *text, bool whole)
{
	web_cache_put(c, project, &(struct web_page){str_of(url), str_of(title), str_of(text), 0, whole}, 1);
}

static void kept(void)
{
	struct web_cache *c = fresh();
	struct web_page p[4];
	put(c, 1, "https://a.example", "Towers", "The tower opened in 1889.", true);
	put(c, 1, "https://b.example", "Bridges", "A snippet about bridges", false);
	put(c, 1, "https://a.example", "Towers", "only a snippet", false); /* the page stays */
	CHECK(web_cache_get(c, 1, S("https://a.example"), &arena, p));
	CHECK_STR(p[0].text, S("The tower opened in 1889."));
	CHECK(!web_cache_get(c, 1, S("https://b.example"), &arena, p)); /* not a page */
	CHECK(web_cache_find(c, 1, S("When was the TOWER's opening?"), &arena, p, 4) == 1);
	CHECK_STR(p[0].url, S("https://a.example"));
	CHECK(web_cache_find(c, 1, S("bridge"), &arena, p, 4) == 1);
	put(c, 1, "https://b.example", "Bridges", "The whole page on rivers", true);
	CHECK(web_cache_get(c, 1, S("https://b.example"), &arena, p));
	CHECK(web_cache_find(c, 1, S("snippet"), &arena, p, 4) == 0); /* its words went with it */
	remove_all(c);
}

static void projects(void)
{
	struct web_cache *c = fresh();
	struct web_page p[4];
	put(c, 1, "https://a.example", "Secret", "what one project fetched", true);
	CHECK(!web_cache_get(c, 2, S("https://a.example"), &arena, p));
	CHECK(web_cache_find(c, 2, S("secret"), &arena, p, 4) == 0);
	put(c, 2, "https://a.example", "Own", "another's", true);
	CHECK(web_cache_get(c, 1, S("https://a.example"), &arena, p));
	CHECK_STR(p[0].title, S("Secret"));
	remove_all(c);
}

static void odd_queries(void)
{
	struct web_cache *c = fresh();
	struct web_page p[4];
	put(c, 1, "https://a.example", "NEAR", "AND OR NOT \"quoted\" title:x", true);
	static const char *const queries[] = {"",     "\"",    "* OR *",   "title:", "NEAR(",
					      "a\"b", "-x ^y", "\xff\xfe", "(((("};
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
		web_cache_find(c, 1, str_of(queries[i]), &arena, p, 4);
	CHECK(web_cache_find(c, 1, S("quoted"), &arena, p, 4) == 1);
	CHECK(web_cache_find(NULL, 1, S("quoted"), &arena, p, 4) == 0);
	remove_all(c);
}

static void bounded(void)
{
	struct web_cache *c = fresh();
	struct web_page p[1];
	char url[64], text[1001];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	web_limits.cache_bytes = 100000;
	for (int i = 0; i < 500; i++) {
		snprintf(url, sizeof url, "https://a.example/%d", i);
		put(c, 1, url, "t", text, true);
	}
	CHECK(web_cache_get(c, 1, S("https://a.example/499"), &arena, p));
	CHECK(!web_cache_get(c, 1, S("https://a.example/0"), &arena, p));
	CHECK(!web_cache_get(c, 1, S("https://a.example/400"), &arena, p) ||
	      web_cache_get(c, 1, S("https://a.example/480"), &arena, p));
	web_limits.cache_bytes = 67108864;
	remove_all(c);
}

static void broken_file(void)
{
	struct web_cache *c = fresh();
	char path[128];
	struct err e = {0};
	struct web_page p[1];
	put(c, 1, "https://a.example", "t", "x", true);
	web_cache_close(c);
	snprintf(path, sizeof path, "%s/web.db", dir);
	FILE *f = fopen(path, "w");
	fputs("this is no database, however long it may be and whatever it says about itself", f);
	fclose(f);
	c = NULL;
	CHECK(web_cache_open(str_of(dir), &c, &e));
	CHECK(!web_cache_get(c, 1, S("https://a.example"), &arena, p));
	put(c, 1, "https://a.example", "t", "x", true);
	CHECK(web_cache_get(c, 1, S("https://a.example"), &arena, p));
	struct stat s;
	CHECK(!stat(path, &s) && (s.st_mode & 077) == 0);
	remove_all(c);
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"pages and results", kept}, {"projects see their own", projects}, {"queries are words", odd_queries},
	    {"bounded", bounded},        {"a broken file", broken_file},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
