/* postgres_news.c - words between the processes that share a database. */
#include "store/postgres_news.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

enum { TOLD_MOST = 1024, TRY_MS = 250 };
/* A store is a schema of a database. */
#define NEWS_CHANNEL "'antiphon ' || current_schema()"

struct postgres_news {
	struct db *db;
	pthread_t thread;
	int wake; /* an eventfd */
	struct postgres_conn conn; /* the thread's alone */
	pthread_mutex_t lock;      /* over what follows */
	char (*told)[DRIVER_TELL]; /* TOLD_MOST */
	size_t n;
	bool missed, closing; /* missed: words were lost, which the others have to be told */
};

/* --- what is told ---------------------------------------------------------------------------------------------------- */

static void news_wake(struct postgres_news *n)
{
	uint64_t one = 1;
	ssize_t done = write(n->wake, &one, sizeof one); /* it fails only when it is awake */
	(void)done;
}

void postgres_tell(struct db *db, struct str text)
{
	struct postgres_news *n = db->news;
	pthread_mutex_lock(&n->lock);
	bool same = n->n && str_eq(str_of(n->told[n->n - 1]), text);
	if (!same && n->n < TOLD_MOST && text.n < DRIVER_TELL)
		snprintf(n->told[n->n++], DRIVER_TELL, "%.*s", FMT(text));
	else if (!same)
		n->missed = true;
	pthread_mutex_unlock(&n->lock);
	news_wake(n);
}

/* All that waits, in one statement. */
static struct str news_statement(struct arena *a, char (*told)[DRIVER_TELL], size_t n, bool missed)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	buf_add(&b, S("SELECT pg_notify(" NEWS_CHANNEL ", word) FROM unnest(ARRAY["));
	for (size_t i = 0; i < n; i++) { /* letters, digits and a sign: store/nodes.c makes them */
		buf_add(&b, i ? S(",'") : S("'"));
		buf_add(&b, str_of(told[i]));
		buf_add(&b, S("'"));
	}
	if (missed)
		buf_add(&b, n ? S(",'*0'") : S("'*0'"));
	buf_add(&b, S("]::text[]) AS word"));
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static void news_send(struct postgres_news *n)
{
	struct arena a = {0};
	struct str text = {0};
	bool ok = true;
	pthread_mutex_lock(&n->lock);
	if (n->n || n->missed)
		text = news_statement(&a, n->told, n->n, n->missed);
	n->n = 0;
	n->missed = false;
	pthread_mutex_unlock(&n->lock);
	if (text.n) {
		PGresult *r = postgres_exec(&n->conn, text.p);
		ok = r && PQresultStatus(r) == PGRES_TUPLES_OK;
		PQclear(r);
	}
	if (!ok) {
		n->conn.lost = true;
		pthread_mutex_lock(&n->lock);
		n->missed = true;
		pthread_mutex_unlock(&n->lock);
	}
	arena_free(&a);
}

/* --- what is heard --------------------------------------------------------------------------------------------------- */

static void news_hear(struct postgres_news *n, struct str text)
{
	n->db->options.heard(n->db->options.ctx, text);
}

static void news_take(struct postgres_news *n)
{
	PGnotify *word;
	int me = PQbackendPID(n->conn.pq);
	if (!PQconsumeInput(n->conn.pq))
		n->conn.lost = true;
	while ((word = PQnotifies(n->conn.pq))) {
		if (word->be_pid != me)
			news_hear(n, str_of(word->extra));
		PQfreemem(word);
	}
}

/* Not synced: a word is about what was committed before. */
static bool news_listen(struct postgres_conn *c)
{
	PGresult *r = postgres_exec(c, "SET synchronous_commit = off; SELECT " NEWS_CHANNEL);
	bool ok = r && PQresultStatus(r) == PGRES_TUPLES_OK;
	char sql[256] = "", *name = ok ? PQescapeIdentifier(c->pq, PQgetvalue(r, 0, 0), strlen(PQgetvalue(r, 0, 0))) : NULL;
	snprintf(sql, sizeof sql, "LISTEN %s", name ? name : "");
	PQfreemem(name);
	PQclear(r);
	if (!ok)
		return false;
	r = postgres_exec(c, sql);
	ok = r && PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	return ok;
}

static void news_connect(struct postgres_news *n)
{
	struct err e = {0};
	struct postgres_options o = postgres_options_of(n->db);
	if (!postgres_connect(&n->conn, &o, &e))
		return;
	if (news_listen(&n->conn))
		news_hear(n, (struct str){0});
	else
		n->conn.lost = true;
}

static bool news_closing(struct postgres_news *n)
{
	pthread_mutex_lock(&n->lock);
	bool closing = n->closing;
	pthread_mutex_unlock(&n->lock);
	return closing;
}

static void news_wait(struct postgres_news *n)
{
	bool there = n->conn.pq && !n->conn.lost;
	struct pollfd p[] = {{.fd = n->wake, .events = POLLIN}, {.fd = there ? PQsocket(n->conn.pq) : -1, .events = POLLIN}};
	uint64_t count;
	poll(p, 2, there ? -1 : TRY_MS);
	if (p[0].revents & POLLIN && read(n->wake, &count, sizeof count) < 0)
		log_at(LOG_DEBUG, "news were not woken", "");
}

static void *news_main(void *arg)
{
	struct postgres_news *n = arg;
	while (!news_closing(n)) {
		if (!n->conn.pq || n->conn.lost) {
			if (n->conn.pq)
				log_at(LOG_WARN, "news of other nodes are away", "");
			postgres_close(&n->conn);
			news_connect(n);
		}
		if (n->conn.pq && !n->conn.lost)
			news_send(n);
		if (n->conn.pq && !n->conn.lost)
			news_take(n);
		if (!news_closing(n))
			news_wait(n);
	}
	if (n->conn.pq && !n->conn.lost)
		news_send(n);
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

struct postgres_news *postgres_news_new(struct db *db, struct err *e)
{
	struct postgres_news *n = xalloc(sizeof *n);
	n->db = db;
	n->told = xalloc(TOLD_MOST * sizeof *n->told);
	n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&n->lock, NULL);
	if (n->wake >= 0 && pthread_create(&n->thread, NULL, news_main, n) == 0) {
		pthread_setname_np(n->thread, "store-news");
		return n;
	}
	fail(e, ERR_STORE, NULL, "cannot start the store's threads: %m");
	n->thread = 0;
	postgres_news_free(n);
	return NULL;
}

void postgres_news_free(struct postgres_news *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->closing = true;
	pthread_mutex_unlock(&n->lock);
	news_wake(n);
	if (n->thread)
		pthread_join(n->thread, NULL);
	postgres_close(&n->conn);
	if (n->wake >= 0)
		close(n->wake);
	pthread_mutex_destroy(&n->lock);
	xfree(n->told);
	xfree(n);
}
