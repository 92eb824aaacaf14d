/* skill_archive.h - the zip of a skill, read, made and unpacked by libarchive in a box (skill_zip.h has the format, its
 * checks, and reader.h the program; the server links neither).
 *
 * `where` is the request's parameter that errors name: "files", "tools[0].environment.skills[0].source.data". Errors:
 * ERR_INVALID_VALUE, it is no skill, and why; ERR_FILE_TOO_LARGE; ERR_UNSUPPORTED_VALUE, this machine permits no box;
 * ERR_REQUEST_TIMEOUT. Blocks: worker threads. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct skill_archive {
	struct str name, description; /* as its SKILL.md has them, in the arena */
	int64_t files, bytes;         /* unpacked */
};
bool skill_archive_like(struct str bytes); /* a zip? */
bool skill_archive_read(struct arena *a, struct str zip, const char *where, const _Atomic bool *cancelled,
			struct skill_archive *ret, struct err *e);
/* A zip of files given in the form of skill_zip.h; the same files in the same order give the same bytes. */
bool skill_archive_pack(struct str files, const char *where, const _Atomic bool *cancelled, struct buf *zip,
			struct err *e);
/* Its files, without their top folder, into an empty folder; all may read them, nobody is asked to write. They are not synced. */
bool skill_archive_unpack(struct str zip, int folder, const char *where, const _Atomic bool *cancelled, struct err *e);
