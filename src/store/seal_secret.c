/* seal_secret.c - the master secret: from the environment or a file, made at the first start. */
#include "store/seal_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/core.h"

enum { LEAST = 32, FILE_MAX = 4096, FRESH = 32 };

static bool derive(struct str text, const char *source, uint8_t out[32], struct err *e)
{
	static const char purpose[] = "antiphon master secret, version 1";
	struct str s = str_trim(text);
	if (s.n < LEAST)
		return fail(
		    e, ERR_CONFIG, NULL,
		    "the master secret (%s) has fewer than %d characters; `openssl rand -hex 32` makes a good one",
		    source, LEAST);
	crypto_generichash(out, 32, (const uint8_t *)s.p, s.n, (const uint8_t *)purpose, sizeof purpose - 1);
	return true;
}

static bool cannot(const char *what, const char *path, struct err *e)
{
	return fail(e, ERR_CONFIG, NULL, "cannot %s the master secret %s: %s", what, path, strerror(errno));
}

/* So that a crash leaves all of the name or nothing. */
static void sync_folder(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static bool make_file(const char *path, struct err *e)
{
	char fresh[PATH_MAX + 8], text[2 * FRESH + 2];
	uint8_t bytes[FRESH];
	size_t n = 2 * FRESH + 1;
	snprintf(fresh, sizeof fresh, "%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return cannot("make", fresh, e);
	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2hex(text, sizeof text, bytes, sizeof bytes);
	text[n - 1] = '\n';
	bool ok =
	    fchmod(fd, 0600) == 0 && write(fd, text, n) == (ssize_t)n && fsync(fd) == 0 && rename(fresh, path) == 0;
	if (!ok)
		cannot("make", path, e);
	close(fd);
	sodium_memzero(bytes, sizeof bytes);
	sodium_memzero(text, sizeof text);
	if (ok)
		sync_folder(path);
	else
		unlink(fresh);
	return ok;
}

static bool seal_secret_read_file(int fd, const char *path, uint8_t out[32], struct err *e)
{
	char text[FILE_MAX + 1];
	struct stat st;
	ssize_t n = read(fd, text, sizeof text);
	bool ok;
	if (n < 0 || fstat(fd, &st))
		return cannot("read", path, e);
	if (st.st_mode & 077)
		log_at(LOG_WARN, "others may read the master secret", "file=%s mode=%o", path, st.st_mode & 0777);
	ok = n <= FILE_MAX ? derive((struct str){text, (size_t)n}, path, out, e)
			   : fail(e, ERR_CONFIG, NULL, "the master secret %s has more than %d bytes", path, FILE_MAX);
	sodium_memzero(text, sizeof text);
	return ok;
}

bool master_secret(const struct seal_options *o, bool first, uint8_t out[32], struct err *e)
{
	char path[PATH_MAX];
	if (o->secret.p)
		return derive(o->secret, "ANTIPHON_MASTER_SECRET", out, e);
	if ((size_t)snprintf(path, sizeof path, "%.*s", FMT(o->file)) >= sizeof path)
		return fail(e, ERR_CONFIG, NULL, "the name of the master secret's file is too long");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && first && o->make) {
		if (!make_file(path, e))
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOENT && !first)
		return fail(e, ERR_CONFIG, NULL,
			    "the master secret %s is missing, which this store's keys for encrypted items are wrapped "
			    "with: put "
			    "it back, or give it in ANTIPHON_MASTER_SECRET. " SEAL_LOST,
			    path);
	if (fd < 0)
		return cannot("read", path, e);
	bool ok = seal_secret_read_file(fd, path, out, e);
	close(fd);
	return ok;
}
