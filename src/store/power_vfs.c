/* power_vfs.c - a disk for tests: it can lose power, fill up and fail. */
#include "store/power_vfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

enum { SECTOR = 512 };

/* A write or a truncation (data NULL) that no sync has covered. */
struct pending {
	struct pending *next;
	size_t at, n;
	char *data;
};

struct image {
	struct image *next;
	char *path;
	char *bytes;
	size_t n, cap;
	struct pending *first, **last;
};

struct power_file {
	sqlite3_file base;
	struct image *image;
	sqlite3_file real[]; /* szOsFile of the system's VFS */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image *images;
static int skip[POWER_FAULTS], times[POWER_FAULTS], failed, opened;
static bool (*decide)(enum power_fault what);
static sqlite3_vfs *system_vfs, power;

/* --- images --- */

static void image_resize(struct image *i, size_t n)
{
	if (n >= i->cap) {
		i->cap = 2 * n + 1;
		i->bytes = xrealloc(i->bytes, i->cap);
	}
	if (n > i->n)
		memset(i->bytes + i->n, 0, n - i->n);
	i->n = n;
}

static void image_apply(struct image *i, const struct pending *p, size_t n)
{
	if (!p->data) {
		image_resize(i, p->at);
		return;
	}
	if (p->at + n > i->n)
		image_resize(i, p->at + n);
	memcpy(i->bytes + p->at, p->data, n);
}

static void image_drop(struct image *i)
{
	while (i->first) {
		struct pending *p = i->first;
		i->first = p->next;
		xfree(p->data);
		xfree(p);
	}
	i->last = &i->first;
}

static void image_add(struct image *i, size_t at, const void *data, size_t n)
{
	struct pending *p = xalloc(sizeof *p);
	p->at = at;
	p->n = n;
	if (data)
		p->data = memcpy(xalloc(n), data, n);
	*i->last = p;
	i->last = &p->next;
}

static struct image *image_find(const char *path)
{
	struct image *i = images;
	while (i && strcmp(i->path, path))
		i = i->next;
	return i;
}

static struct image *image_open(const char *path)
{
	struct image *i = image_find(path);
	if (i)
		return i;
	i = xalloc(sizeof *i);
	i->path = memcpy(xalloc(strlen(path) + 1), path, strlen(path));
	i->last = &i->first;
	FILE *f = fopen(path, "rb");
	char block[65536];
	for (size_t n; f && (n = fread(block, 1, sizeof block, f)) > 0;) {
		image_resize(i, i->n + n);
		memcpy(i->bytes + i->n - n, block, n);
	}
	if (f)
		fclose(f);
	i->next = images;
	images = i;
	return i;
}

static void image_remove(struct image *i)
{
	struct image **at = &images;
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	image_drop(i);
	xfree(i->bytes);
	xfree(i->path);
	xfree(i);
}

/* Does this call fail? Called with the lock held. */
static bool faulty(enum power_fault what)
{
	bool decided = decide && decide(what);
	if (!decided && (times[what] == 0 || skip[what]-- > 0))
		return false;
	skip[what] = 0;
	times[what] -= !decided;
	failed++;
	return true;
}

/* --- files --- */

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct power_file *)f)->real;
}

static int p_close(sqlite3_file *f)
{
	return real(f)->pMethods ? real(f)->pMethods->xClose(real(f)) : SQLITE_OK;
}

static int p_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return real(f)->pMethods->xRead(real(f), p, n, at);
}

static int p_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct image *i = ((struct power_file *)f)->image;
	pthread_mutex_lock(&lock);
	int rc = faulty(POWER_WRITE_FULL) ? SQLITE_FULL : faulty(POWER_WRITE_IO) ? SQLITE_IOERR_WRITE : SQLITE_OK;
	if (rc == SQLITE_OK) {
		rc = real(f)->pMethods->xWrite(real(f), p, n, at);
		if (i && rc == SQLITE_OK)
			image_add(i, (size_t)at, p, (size_t)n);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int p_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	struct image *i = ((struct power_file *)f)->image;
	pthread_mutex_lock(&lock);
	int rc = faulty(POWER_TRUNCATE_IO) ? SQLITE_IOERR_TRUNCATE : real(f)->pMethods->xTruncate(real(f), n);
	if (i && rc == SQLITE_OK)
		image_add(i, (size_t)n, NULL, 0);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int p_sync(sqlite3_file *f, int flags)
{
	struct image *i = ((struct power_file *)f)->image;
	pthread_mutex_lock(&lock);
	int rc = faulty(POWER_SYNC_IO) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
	if (i) {
		for (struct pending *p = i->first; p && rc == SQLITE_OK; p = p->next)
			image_apply(i, p, p->n);
		image_drop(i);
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int p_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return real(f)->pMethods->xFileSize(real(f), n);
}

static int p_lock(sqlite3_file *f, int how)
{
	return real(f)->pMethods->xLock(real(f), how);
}

static int p_unlock(sqlite3_file *f, int how)
{
	return real(f)->pMethods->xUnlock(real(f), how);
}

static int p_check(sqlite3_file *f, int *out)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), out);
}

static int p_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int p_sector(sqlite3_file *f)
{
	return real(f)->pMethods->xSectorSize(real(f));
}

static int p_traits(sqlite3_file *f)
{
	return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int p_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
	return real(f)->pMethods->xShmMap(real(f), page, size, extend, p);
}

static int p_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), at, n, flags);
}

static void p_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int p_unmap(sqlite3_file *f, int remove_it)
{
	return real(f)->pMethods->xShmUnmap(real(f), remove_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = p_close,
    .xRead = p_read,
    .xWrite = p_write,
    .xTruncate = p_truncate,
    .xSync = p_sync,
    .xFileSize = p_size,
    .xLock = p_lock,
    .xUnlock = p_unlock,
    .xCheckReservedLock = p_check,
    .xFileControl = p_control,
    .xSectorSize = p_sector,
    .xDeviceCharacteristics = p_traits,
    .xShmMap = p_map,
    .xShmLock = p_shm_lock,
    .xShmBarrier = p_barrier,
    .xShmUnmap = p_unmap,
};

/* --- the VFS --- */

static int p_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out)
{
	struct power_file *pf = (struct power_file *)f;
	*pf = (struct power_file){0};
	pf->real->pMethods = NULL;
	int rc = system_vfs->xOpen(system_vfs, path, pf->real, flags, out);
	if (rc != SQLITE_OK)
		return rc;
	f->pMethods = &methods;
	if (path && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL))) {
		pthread_mutex_lock(&lock);
		pf->image = image_open(path);
		opened += (flags & SQLITE_OPEN_MAIN_DB) != 0;
		pthread_mutex_unlock(&lock);
	}
	return SQLITE_OK;
}

static int p_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	pthread_mutex_lock(&lock);
	struct image *i = image_find(path);
	if (i) {
		/* Others may still have it open. */
		image_drop(i);
		image_resize(i, 0);
	}
	pthread_mutex_unlock(&lock);
	return system_vfs->xDelete(system_vfs, path, sync);
}

void power_vfs_setup(void)
{
	if (!system_vfs) {
		system_vfs = sqlite3_vfs_find(NULL);
		power = *system_vfs;
		power.szOsFile = (int)sizeof(struct power_file) + system_vfs->szOsFile;
		power.pNext = NULL;
		power.zName = "power";
		power.xOpen = p_open;
		power.xDelete = p_delete;
		sqlite3_vfs_register(&power, 0);
	}
	while (images)
		image_remove(images);
	memset(skip, 0, sizeof skip);
	memset(times, 0, sizeof times);
	failed = opened = 0;
}

void power_vfs_fail(enum power_fault what, int after, int n)
{
	pthread_mutex_lock(&lock);
	skip[what] = after;
	times[what] = n;
	pthread_mutex_unlock(&lock);
}

void power_vfs_decide(bool (*fails)(enum power_fault what))
{
	pthread_mutex_lock(&lock);
	decide = fails;
	pthread_mutex_unlock(&lock);
}

int power_vfs_failed(void)
{
	pthread_mutex_lock(&lock);
	int n = failed;
	pthread_mutex_unlock(&lock);
	return n;
}

int power_vfs_opened(void)
{
	pthread_mutex_lock(&lock);
	int n = opened;
	pthread_mutex_unlock(&lock);
	return n;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

static void write_left(const char *to, uint32_t seed)
{
	for (struct image *i = images; i; i = i->next) {
		struct image left = {.bytes = memcpy(xalloc(i->n + 1), i->bytes ? i->bytes : "", i->n), .n = i->n, .cap = i->n + 1};
		for (struct pending *p = i->first; p && seed; p = p->next) {
			uint32_t chance = next_random(&seed) % 8;
			if (chance < 4)
				image_apply(&left, p, p->n);
			else if (chance == 4 && p->data && p->n > SECTOR)
				image_apply(&left, p, p->n / SECTOR / 2 * SECTOR);
		}
		char path[512];
		const char *name = strrchr(i->path, '/');
		snprintf(path, sizeof path, "%s%s", to, name ? name : "/x");
		FILE *f = fopen(path, "wb");
		if (!f || fwrite(left.bytes, 1, left.n, f) != left.n || fclose(f))
			abort();
		xfree(left.bytes);
	}
}

void power_vfs_cut(const char *to, uint32_t seed)
{
	pthread_mutex_lock(&lock);
	write_left(to, seed);
	pthread_mutex_unlock(&lock);
}

_Noreturn void power_vfs_off(const char *to, uint32_t seed)
{
	pthread_mutex_lock(&lock); /* for good: no write and no sync follows the cut */
	write_left(to, seed);
	_exit(POWER_OFF);
}
