/* postgres.c - the PostgreSQL driver: opening, closing, its verbs. */
#include "store/postgres.h"

#include <string.h>

#include "base/arena.h"
#include "store/postgres_news.h"
#include "store/postgres_pool.h"
#include "store/postgres_read.h"
#include "store/postgres_schema.h"
#include "store/postgres_writer.h"

static struct db *postgres_new(const struct db_options *o)
{
	struct db *db = xalloc(sizeof *db);
	size_t n = strlen(o->path) + 1;
	db->options = *o;
	db->url = memcpy(xalloc(n), o->path, n);
	db->options.path = db->url;
	db->node = -1;
	write_queue_init(&db->queue, &postgres_writes, db, &db->options);
	return db;
}

static void postgres_free(struct db *db)
{
	postgres_news_free(db->news);
	postgres_pool_free(db->pool);
	postgres_close(&db->conn);
	write_queue_free(&db->queue);
	xfree(db->url);
	xfree(db);
}

static bool postgres_open(const struct db_options *o, struct db **ret, struct err *e)
{
	struct db *db = postgres_new(o);
	bool ok = postgres_writer_connect(db, e) && postgres_migrate(&db->conn, e) && (db->pool = postgres_pool_new(db, e)) &&
		  (db->news = postgres_news_new(db, e)) && write_queue_start(&db->queue, e);
	if (ok)
		*ret = db;
	else
		postgres_free(db);
	return ok;
}

static bool postgres_beside(const struct db_options *o, struct db **ret, struct err *e)
{
	struct db *db = postgres_new(o);
	struct postgres_options lax = {.url = db->url, .lax = true};
	db->beside = true;
	bool ok = postgres_connect(&db->conn, &lax, e) && postgres_is_ours(&db->conn, e);
	postgres_close(&db->conn);
	if (ok)
		*ret = db;
	else
		postgres_free(db);
	return ok;
}

static bool postgres_apply(struct db *db, struct apply *a, struct err *e)
{
	return write_queue_put(&db->queue, a, e);
}

static bool postgres_healthy(struct db *db, struct err *why)
{
	return write_queue_healthy(&db->queue, why);
}

static void postgres_shut(struct db *db)
{
	if (!db->beside)
		write_queue_stop(&db->queue);
	postgres_free(db);
}

/* No copy(): pg_dump makes one. No scrub(): what was deleted goes when the server vacuums. */
const struct driver postgres_driver = {
    .scheme = "postgres",
    .whole_url = true,
    .open = postgres_open,
    .beside = postgres_beside,
    .attach = postgres_attach,
    .detach = postgres_detach,
    .ask = postgres_ask,
    .read = postgres_read,
    .query = postgres_query,
    .each = postgres_each,
    .apply = postgres_apply,
    .shared = true,
    .take_number = postgres_take_number,
    .tell = postgres_tell,
    .healthy = postgres_healthy,
    .close = postgres_shut,
};
