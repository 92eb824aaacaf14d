/* postgres_news.h - what nodes tell each other, by LISTEN and NOTIFY, on a connection and a thread of its own. Inside the PostgreSQL
 * driver. Its channel is named after the schema, so that stores of one database do not hear each other. */
#pragma once
#include "store/postgres.h"

/* NULL: it cannot be started. db->options.heard() is called with each word of another process; with {0} whenever the
 * connection is new, since words may have been missed. */
struct postgres_news *postgres_news_new(struct db *db, struct err *e);
void postgres_news_free(struct postgres_news *n);
/* The driver's tell(). */
void postgres_tell(struct db *db, struct str text);
