/* skill_archive.c - the zip of a skill, read, made and unpacked in a box: the server's side. */
#include "index/skill_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/reader.h"
#include "index/skill_limits.h"
#include "index/skill_zip.h"
#include "sandbox/sandbox.h"

enum { SPARE = 1 << 20 /* heads and names of an answer */, QUOTED = 200 };

bool skill_archive_like(struct str bytes)
{
	return str_starts(bytes, S("PK\3\4")) || str_starts(bytes, S("PK\5\6"));
}

/* --- the box ----------------------------------------------------------------------------------------------------- */

static bool skill_archive_failed(const char *where, const struct err *why, struct err *e)
{
	switch (why->code) {
	case ERR_CONFIG:
		return fail(e, ERR_UNSUPPORTED_VALUE, where, "Skills cannot be read on this server: %s.", why->msg);
	case ERR_REQUEST_TIMEOUT:
		return fail(e, ERR_INVALID_VALUE, where, "Invalid '%s': the skill could not be read in %lld seconds (skills.seconds).",
			    where, (long long)skill_limits.seconds);
	default:
		return fail(e, ERR_INVALID_VALUE, where, "Invalid '%s': the skill's archive could not be read.", where);
	}
}

static bool skill_archive_run(enum reader_mode mode, struct str input, size_t most, const char *where,
			      const _Atomic bool *cancelled, struct buf *out, struct err *e)
{
	char word[] = {(char)mode, 0}, max[24], bounds[80];
	struct err why = {0};
	snprintf(max, sizeof max, "%zu", most);
	snprintf(bounds, sizeof bounds, "%lld,%lld,%lld", (long long)skill_limits.files, (long long)skill_limits.file_bytes,
		 (long long)skill_limits.unpacked_bytes);
	struct sandbox s = {.argv = {"antiphon-reader", word, max, bounds},
			    .program = {(const char *)reader_bytes, reader_bytes_n},
			    .input = input,
			    .seconds = skill_limits.seconds,
			    .memory = skill_limits.memory,
			    .cancelled = cancelled};
	buf_init(out, most + SPARE);
	return (sandbox_run(&s, out, &why) && !out->over) || skill_archive_failed(where, &why, e);
}

/* A fault by its word; what the reader adds is strangers' text and is quoted, in one line. */
static bool skill_archive_refuse(struct str word, struct str detail, const char *where, struct err *e)
{
	static const struct {
		const char *word, *text;
	} rows[] = {
#define FAULT(NAME, word, text) {word, text},
#include "index/skill_faults.def"
#undef FAULT
	};
	char quoted[QUOTED + 1];
	size_t n = 0;
	while (n < detail.n && n < QUOTED) {
		quoted[n] = (unsigned char)detail.p[n] < 32 || detail.p[n] == 127 ? '?' : detail.p[n];
		n++;
	}
	while (n && n < detail.n && ((unsigned char)detail.p[n] & 0xc0) == 0x80) /* no half a character */
		n--;
	quoted[n] = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (str_eq(word, str_of(rows[i].word)))
			return fail(e, ERR_INVALID_VALUE, where, "Invalid '%s': the skill cannot be used, because %s%s%s%s.", where,
				    rows[i].text, n ? ": '" : "", quoted, n ? "'" : "");
	return skill_archive_failed(where, &(struct err){0}, e);
}

/* The head of what the reader said; *said: what follows it. The program was overcome perhaps: lengths are checked, and
 * names again. */
static bool skill_archive_head(struct arena *a, struct str *said, const char *where, struct skill_archive *ret,
			       struct err *e)
{
	struct str head = str_cut(said, '\n'), word = str_cut(&head, ' ');
	int64_t name, description;
	if (str_eq(word, S("no")))
		return skill_archive_refuse(head, *said, where, e);
	if (!str_eq(word, S("ok")) || !str_int(str_cut(&head, ' '), &name) || !str_int(str_cut(&head, ' '), &description) ||
	    !str_int(str_cut(&head, ' '), &ret->files) || !str_int(head, &ret->bytes) || name < 0 || description < 0 ||
	    (size_t)name > said->n || (size_t)description > said->n - (size_t)name)
		return skill_archive_failed(where, &(struct err){0}, e);
	ret->name = str_copy(a, (struct str){said->p, (size_t)name});
	ret->description = str_copy(a, (struct str){said->p + name, (size_t)description});
	*said = (struct str){said->p + name + description, said->n - (size_t)(name + description)};
	return (skill_name_good(ret->name) && skill_description_good(ret->description)) ||
	       skill_archive_failed(where, &(struct err){0}, e);
}

bool skill_archive_read(struct arena *a, struct str zip, const char *where, const _Atomic bool *cancelled,
			struct skill_archive *ret, struct err *e)
{
	struct buf out;
	*ret = (struct skill_archive){0};
	if (zip.n > (size_t)skill_limits.bytes)
		return fail(e, ERR_FILE_TOO_LARGE, where, "Invalid '%s': the skill's archive is larger than %lld bytes (skills.bytes).",
			    where, (long long)skill_limits.bytes);
	bool ok = skill_archive_run(READER_SKILL, zip, 0, where, cancelled, &out, e);
	struct str said = buf_str(&out);
	ok = ok && skill_archive_head(a, &said, where, ret, e);
	buf_release(&out);
	return ok;
}

bool skill_archive_pack(struct str files, const char *where, const _Atomic bool *cancelled, struct buf *zip,
			struct err *e)
{
	static const struct str head = STR("ok 0 0 0 0\n");
	size_t most = files.n + (size_t)skill_limits.files * 2 * (SKILL_PATH + 256) + SPARE;
	if (!skill_archive_run(READER_SKILL_PACK, files, most, where, cancelled, zip, e))
		return false;
	if (!str_starts(buf_str(zip), head))
		return skill_archive_failed(where, &(struct err){0}, e);
	buf_drop(zip, head.n);
	return true;
}

/* --- unpacking --------------------------------------------------------------------------------------------------- */

/* The folder of a path, made where it is missing. Nothing in there is anybody's but ours, so there is no link to follow;
 * none is followed all the same. -1: errno. */
static int skill_archive_folder(int at, struct str path, struct str *base)
{
	char name[SKILL_PATH_PART + 1];
	int dir = fcntl(at, F_DUPFD_CLOEXEC, 0);
	*base = path;
	while (dir >= 0 && str_find(*base, '/') < base->n) {
		struct str part = str_cut(base, '/');
		snprintf(name, sizeof name, "%.*s", FMT(part));
		int next = -1;
		if (mkdirat(dir, name, 0755) == 0 || errno == EEXIST)
			next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(dir);
		dir = next;
	}
	return dir;
}

static bool skill_archive_write(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR)
			return false;
		bytes.p += n > 0 ? n : 0;
		bytes.n -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool skill_archive_put(int folder, struct str path, bool runs, struct str bytes)
{
	char name[SKILL_PATH_PART + 1];
	struct str base;
	int dir = skill_archive_folder(folder, path, &base);
	if (dir < 0)
		return false;
	snprintf(name, sizeof name, "%.*s", FMT(base));
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && skill_archive_write(fd, bytes) && fchmod(fd, runs ? 0555 : 0444) == 0;
	if (fd >= 0)
		close(fd);
	close(dir);
	return ok;
}

static bool skill_archive_files(struct str said, int folder, const char *where, struct err *e)
{
	int64_t n = 0;
	while (said.n) {
		struct str path, bytes;
		bool runs;
		if (!skill_file_cut(&said, &path, &runs, &bytes) || !skill_path_good(path) || ++n > skill_limits.files)
			return skill_archive_failed(where, &(struct err){0}, e);
		if (!skill_archive_put(folder, path, runs, bytes))
			return fail(e, errno == ENOSPC || errno == EDQUOT ? ERR_STORE_FULL : ERR_STORE, NULL,
				    "A skill could not be unpacked: %m.");
	}
	return true;
}

bool skill_archive_unpack(struct str zip, int folder, const char *where, const _Atomic bool *cancelled, struct err *e)
{
	struct buf out;
	struct arena a = {0};
	struct skill_archive ignored;
	size_t most = (size_t)skill_limits.unpacked_bytes + (size_t)skill_limits.files * (SKILL_PATH + 64);
	bool ok = skill_archive_run(READER_SKILL_FILES, zip, most, where, cancelled, &out, e);
	struct str said = buf_str(&out);
	ok = ok && skill_archive_head(&a, &said, where, &ignored, e) && skill_archive_files(said, folder, where, e);
	buf_release(&out);
	arena_free(&a);
	return ok;
}
