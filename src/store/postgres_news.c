/* postgres_news.c - what nodes tell each other. */
#include "store/postgres_news.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"

enum { WORDS = 4096 /* more at once count as missed */, LOOK_MS = 1000, TRY_MS = 100 };
#define CHANNEL "'antiphon_' || md5(current_schema())"

struct postgres_news {
	struct db *db;
	struct postgres_conn conn; /* the thread's */
	pthread_t thread;
	int wake; /* an eventfd */
	pthread_mutex_t lock; /* over what follows */
	bool closing;
	size_t n, lost;
	struct word {
		char text[DRIVER_TELL];
		size_t n;
	} words[WORDS], out[WORDS + 1]; /* out: the thread's */
};

void postgres_tell(struct db *db, struct str text)
{
	struct postgres_news *n = db->news;
	static const uint64_t one = 1;
	if (!text.n || text.n > DRIVER_TELL)
		return;
	pthread_mutex_lock(&n->lock);
	bool room = n->n < WORDS;
	if (room) {
		struct word *w = &n->words[n->n++];
		memcpy(w->text, text.p, text.n);
		w->n = text.n;
	}
	n->lost += !room;
	pthread_mutex_unlock(&n->lock);
	if (write(n->wake, &one, sizeof one) < 0 && errno != EAGAIN)
		log_at(LOG_WARN, "other nodes are told late", "error=\"%m\"");
}

/* All that waits, in one round trip. Sent from a copy: a loop that tells something does not wait for the network. What was
 * lost counts as missed by the others. */
static void news_send(struct postgres_news *n)
{
	pthread_mutex_lock(&n->lock);
	size_t words = n->n;
	bool lost = n->lost;
	memcpy(n->out, n->words, words * sizeof *n->out);
	n->n = n->lost = 0;
	pthread_mutex_unlock(&n->lock);
	if (lost)
		n->out[words++] = (struct word){"*", 1};
	for (size_t i = 0; i < words; i++) {
		struct bind text = TEXT(((struct str){n->out[i].text, n->out[i].n}));
		postgres_send_text(&n->conn, "SELECT pg_notify(" CHANNEL ", $1)", &text, 1);
	}
	if (!words)
		return;
	postgres_sync(&n->conn);
	for (size_t i = 0; i < words; i++)
		PQclear(postgres_take(&n->conn));
	if (postgres_synced(&n->conn))
		return;
	pthread_mutex_lock(&n->lock);
	n->lost++;
	pthread_mutex_unlock(&n->lock);
}

static void news_hear(struct postgres_news *n)
{
	PGnotify *got;
	while (!n->conn.lost && (got = PQnotifies(n->conn.pq))) {
		if (got->be_pid != PQbackendPID(n->conn.pq))
			n->db->options.heard(n->db->options.ctx, str_of(got->extra));
		PQfreemem(got);
	}
}

/* LISTEN takes a name, and no expression. A word need not be synced: it is about what was committed before. */
static bool news_connect(struct postgres_news *n, bool again)
{
	struct err e = {0};
	struct postgres_options o = postgres_options_of(n->db);
	if (n->conn.pq && !n->conn.lost)
		return true;
	if (!postgres_connect(&n->conn, &o, &e))
		return false;
	PGresult *r = postgres_exec(&n->conn, "SET synchronous_commit = off; DO $$ BEGIN EXECUTE 'LISTEN ' || quote_ident(" CHANNEL "); END $$");
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK;
	PQclear(r);
	if (!ok) {
		postgres_close(&n->conn);
	} else if (again) { /* of what was told meanwhile some was missed here, and there */
		n->db->options.heard(n->db->options.ctx, (struct str){0});
		pthread_mutex_lock(&n->lock);
		n->lost++;
		pthread_mutex_unlock(&n->lock);
	}
	return ok;
}

static bool news_closing(struct postgres_news *n)
{
	pthread_mutex_lock(&n->lock);
	bool yes = n->closing;
	pthread_mutex_unlock(&n->lock);
	return yes;
}

static void *news_main(void *arg)
{
	struct postgres_news *n = arg;
	uint64_t count;
	pthread_setname_np(pthread_self(), "store-news");
	while (!news_closing(n)) {
		bool there = news_connect(n, true);
		if (there) {
			news_send(n);
			news_hear(n);
		}
		struct pollfd fds[2] = {{.fd = n->wake, .events = POLLIN},
					{.fd = there && !n->conn.lost ? PQsocket(n->conn.pq) : -1, .events = POLLIN}};
		poll(fds, 2, there ? LOOK_MS : TRY_MS);
		if (fds[0].revents && read(n->wake, &count, sizeof count) < 0)
			continue;
		if (there && !n->conn.lost && !PQconsumeInput(n->conn.pq))
			n->conn.lost = true;
	}
	news_connect(n, false);
	if (n->conn.pq && !n->conn.lost)
		news_send(n); /* that this node ends */
	return NULL;
}

struct postgres_news *postgres_news_new(struct db *db, struct err *e)
{
	struct postgres_news *n = xalloc(sizeof *n);
	n->db = db;
	n->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&n->lock, NULL);
	news_connect(n, false); /* before anything is read: what is told from now on is heard */
	if (n->wake >= 0 && pthread_create(&n->thread, NULL, news_main, n) == 0)
		return n;
	fail(e, ERR_STORE, NULL, "cannot start the store's threads: %m");
	if (n->wake >= 0)
		close(n->wake);
	pthread_mutex_destroy(&n->lock);
	xfree(n);
	return NULL;
}

void postgres_news_free(struct postgres_news *n)
{
	static const uint64_t one = 1;
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->closing = true;
	pthread_mutex_unlock(&n->lock);
	if (write(n->wake, &one, sizeof one) < 0)
		log_at(LOG_WARN, "the store's news end late", "error=\"%m\"");
	pthread_join(n->thread, NULL);
	postgres_close(&n->conn);
	close(n->wake);
	pthread_mutex_destroy(&n->lock);
	xfree(n);
}
