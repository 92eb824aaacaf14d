/* faulty.c - the whole program on a disk for tests: `antiphon-faulty` is `antiphon` with this file linked to it.
 *
 * FAULTY_BOARD names a file that a test shares with it (struct board; tests/faulty_server.py writes it): which writes fail is
 * said there, place by place (fault.def), while the program runs. On SIGUSR2 the power goes: the folder "<that
 * file>.cut" gets what the disk would hold then, and the process ends. FAULTY_LATE is a seed: reads of the
 * store are answered late (store/late_driver.h). Without the variables nothing is different. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/late_driver.h"
#include "store/power_vfs.h"

enum place {
#define FAULT(name, sql) PLACE_##name,
#include "fault.def"
#undef FAULT
	PLACES
};

static const struct {
	const char *name, *sql;
} places[] = {
#define FAULT(name, sql) {#name, sql},
#include "fault.def"
#undef FAULT
};

/* After `skip` more times that a place is passed, the next `times` fail with the fault `kind`. */
struct row {
	uint32_t kind, skip, times, passed, failed;
};
struct board {
	uint32_t seed; /* of the power cut */
	struct row rows[PLACES];
};

static struct board *board;
static char cut[512];
static pthread_mutex_t board_lock = PTHREAD_MUTEX_INITIALIZER;
/* Of the transaction on this thread. */
static _Thread_local uint64_t passed;       /* places, as bits */
static _Thread_local struct row *armed;     /* whose fault its next call of that kind has */

/* Does it fail this time? */
static bool due(struct row *r)
{
	if (r->times == 0 || (r->skip && r->skip--))
		return false;
	r->times--;
	return true;
}

static bool fails(enum power_fault what)
{
	struct row *all = &board->rows[PLACE_disk];
	bool is = false;
	pthread_mutex_lock(&board_lock);
	if (all->kind == what) {
		all->passed++;
		is = due(all);
		all->failed += is;
	}
	if (!is && armed && armed->kind == what) {
		is = true;
		armed->failed++;
		armed = NULL;
	}
	pthread_mutex_unlock(&board_lock);
	return is;
}

/* A transaction that changed nothing writes nothing: SQLite leaves a row alone that already is what it is to become, as a
 * lease that is renewed in the second in which it began. Its fault is for the next one. */
static void give_back(void)
{
	pthread_mutex_lock(&board_lock);
	if (armed)
		armed->times++;
	armed = NULL;
	pthread_mutex_unlock(&board_lock);
}

static int on_statement(unsigned what, void *ctx, void *stmt, void *text)
{
	const char *sql = text;
	if (!strncmp(sql, "BEGIN", 5)) {
		passed = 0;
		give_back();
	}
	for (int i = PLACE_disk + 1; i < PLACES; i++) {
		if (passed & (uint64_t)1 << i || strncmp(sql, places[i].sql, strlen(places[i].sql)))
			continue;
		struct row *r = &board->rows[i];
		pthread_mutex_lock(&board_lock);
		passed |= (uint64_t)1 << i;
		r->passed++;
		if (due(r))
			armed = r;
		pthread_mutex_unlock(&board_lock);
	}
	return 0;
}

static int on_open(sqlite3 *sq, char **error, const struct sqlite3_api_routines *api)
{
	return sqlite3_trace_v2(sq, SQLITE_TRACE_STMT, on_statement, NULL);
}

static void *wait_for_cut(void *set)
{
	int got;
	sigwait(set, &got);
	power_vfs_off(cut, board->seed);
}

__attribute__((constructor)) static void faulty_setup(void)
{
	static sigset_t cuts;
	const char *path = getenv("FAULTY_BOARD");
	const char *late = getenv("FAULTY_LATE");
	pthread_t thread;
	if (late)
		late_driver_use((unsigned)strtoul(late, NULL, 10));
	if (!path)
		return;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	snprintf(cut, sizeof cut, "%s.cut", path);
	sigemptyset(&cuts);
	sigaddset(&cuts, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &cuts, NULL); /* all later threads, too */
	if (fd < 0 || board == MAP_FAILED || pthread_create(&thread, NULL, wait_for_cut, &cuts)) {
		perror("antiphon-faulty");
		exit(2);
	}
	close(fd);
	power_vfs_setup();
	power_vfs_decide(fails);
	sqlite3_vfs_register(sqlite3_vfs_find("power"), 1);
	sqlite3_auto_extension((void (*)(void))on_open);
}
