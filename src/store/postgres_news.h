/* postgres_news.h - words between the processes that share a database: LISTEN and NOTIFY, on a thread and a connection of
 * their own. Inside the PostgreSQL driver.
 *
 * What waits to be told is bounded; past that, and while the connection is away, all of it becomes one word: "some were missed". */
#pragma once
#include "store/postgres.h"

struct postgres_news;
/* NULL: the thread cannot be started. */
struct postgres_news *postgres_news_new(struct db *db, struct err *e);
/* What waits is told, if that goes at once. NULL is fine. */
void postgres_news_free(struct postgres_news *n);
void postgres_tell(struct db *db, struct str text);
