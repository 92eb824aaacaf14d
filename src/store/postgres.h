/* postgres.h - what the files of the PostgreSQL driver share.
 *
 * One connection writes, on the thread of the write queue (postgres_writer.h); some read, each on a thread of its own
 * (postgres_pool.h); and each thread that blocks has one. */
#pragma once
#include "store/postgres_conn.h"
#include "store/write_queue.h"

struct postgres_pool;
struct postgres_news;

struct db {
	struct db_options options;
	char *url; /* a copy */
	bool beside; /* nobody writes, there is no thread */
	_Atomic int64_t reached_us; /* when a connection last succeeded */
	struct postgres_pool *pool;
	struct postgres_news *news;
	struct write_queue queue;
	/* the writer's thread alone */
	int64_t node;      /* the number that its connection has the lock of; -1: none yet */
	int64_t asked;     /* the number that is to be taken */
	struct postgres_conn conn;
	int backend;       /* the server's process that this connection is, or was; 0 */
	int64_t away_us;   /* since when there is no connection; 0: there is one */
};

static inline struct postgres_options postgres_options_of(struct db *db)
{
	return (struct postgres_options){.url = db->url, .reached_us = &db->reached_us, .lax = db->options.sync_normal, .writes = true};
}
