/* shared_driver.c - SQLite as if it were a database of many nodes, for tests. */
#include "store/shared_driver.h"

#include <string.h>

#include "store/drivers.h"
#include "store/sqlite.h"

enum { OPEN_MOST = 8 };

static struct driver shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over what follows */
static struct open_db {
	struct db *db;
	int64_t number; /* -1: none yet */
} all[OPEN_MOST];
static size_t n_open;
static bool is_deaf;

static bool shared_open(const struct db_options *o, struct db **ret, struct err *e)
{
	if (!sqlite_driver.open(o, ret, e))
		return false;
	pthread_mutex_lock(&lock);
	all[n_open++] = (struct open_db){*ret, -1};
	pthread_mutex_unlock(&lock);
	return true;
}

static void shared_close(struct db *db)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_open; i++)
		if (all[i].db == db)
			all[i--] = all[--n_open];
	pthread_mutex_unlock(&lock);
	sqlite_driver.close(db);
}

static bool shared_take_number(struct db *db, int64_t number, struct err *e)
{
	struct open_db *me = NULL;
	bool taken = false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_open; i++) {
		if (all[i].db == db)
			me = &all[i];
		taken |= all[i].number == number && !strcmp(all[i].db->options.path, db->options.path);
	}
	if (!taken)
		me->number = number;
	pthread_mutex_unlock(&lock);
	return !taken || fail(e, ERR_CONFLICT, NULL, "node %lld runs already", (long long)number);
}

static void shared_say(struct db *from, struct str text)
{
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_open && (!is_deaf || !text.n); i++)
		if (all[i].db != from)
			all[i].db->options.heard(all[i].db->options.ctx, text);
	pthread_mutex_unlock(&lock);
}

static void shared_tell(struct db *db, struct str text)
{
	shared_say(db, text);
}

void shared_driver_deaf(bool deaf)
{
	pthread_mutex_lock(&lock);
	is_deaf = deaf;
	pthread_mutex_unlock(&lock);
	if (!deaf)
		shared_say(NULL, (struct str){0});
}

void shared_driver_use(void)
{
	shared = sqlite_driver;
	shared.shared = true;
	shared.open = shared_open;
	shared.close = shared_close;
	shared.take_number = shared_take_number;
	shared.tell = shared_tell;
	driver_replace(&sqlite_driver, &shared);
}
