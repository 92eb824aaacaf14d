/* skill_zip.c - a skill's zip archive, checked, unpacked, packed. */
#include "index/skill_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

enum { ENTRIES_A_FILE = 8 /* an archive may list its folders, too */, PIECE = 65536 };

/* --- names ------------------------------------------------------------------------------------------------------- */

static struct str skill_zip_base(struct str path)
{
	while (path.n && str_find(path, '/') < path.n)
		str_cut(&path, '/');
	return path;
}

static bool skill_zip_is_skill(struct str path)
{
	return str_eq_nocase(skill_zip_base(path), S("SKILL.md"));
}

/* What macOS adds beside every file of an archive. */
static bool skill_zip_ignored(struct str path)
{
	return str_starts(path, S("__MACOSX/"));
}

/* --- a walk ------------------------------------------------------------------------------------------------------ */

static enum skill_fault skill_zip_fault(struct skill_zip *z, enum skill_fault fault, struct str detail)
{
	z->detail = str_copy(z->a, detail);
	return fault;
}

static struct archive *skill_zip_open(struct str zip)
{
	struct archive *in = archive_read_new();
	archive_read_support_format_zip_seekable(in); /* by its directory alone: what has none is damaged */
	if (archive_read_set_options(in, "zip:hdrcharset=UTF-8") != ARCHIVE_OK ||
	    archive_read_open_memory(in, zip.p, zip.n) != ARCHIVE_OK) {
		archive_read_free(in);
		return NULL;
	}
	return in;
}

/* The entry's path without "./" before it and '/' behind it. {0}: it cannot be told. */
static struct str skill_zip_path(struct arena *a, struct archive_entry *entry)
{
	struct str path = str_of(archive_entry_pathname(entry));
	if (!path.p)
		return path;
	while (str_starts(path, S("./")))
		path = (struct str){path.p + 2, path.n - 2};
	if (path.n && archive_entry_filetype(entry) == AE_IFDIR && path.p[path.n - 1] == '/')
		path.n--;
	return str_copy(a, path);
}

/* All bytes of the entry at hand; `keep` bytes of them to `out`. */
static enum skill_fault skill_zip_data(struct skill_zip *z, struct archive *in, struct str path, struct buf *out)
{
	char *piece = arena_bytes(z->a, PIECE);
	int64_t size = 0;
	la_ssize_t n;
	while ((n = archive_read_data(in, piece, PIECE)) > 0) {
		size += n;
		z->bytes += n;
		if (size > z->bounds->file_bytes)
			return skill_zip_fault(z, SKILL_FILE_BYTES, path);
		if (z->bytes > z->bounds->bytes)
			return skill_zip_fault(z, SKILL_BYTES, (struct str){0});
		buf_add(out, (struct str){piece, (size_t)n});
	}
	return n == 0 ? SKILL_SOUND : skill_zip_fault(z, SKILL_ZIP, path);
}

static enum skill_fault skill_zip_clash(struct skill_zip *z, struct str path)
{
	for (int64_t i = 0; i < z->n; i++) {
		struct str other = z->paths[i], shorter = other.n < path.n ? other : path, longer = other.n < path.n ? path : other;
		if (str_starts(longer, shorter) && (longer.n == shorter.n || longer.p[shorter.n] == '/'))
			return skill_zip_fault(z, SKILL_TWICE, path);
	}
	return SKILL_SOUND;
}

/* The one SKILL.md: what it says, and where it is. */
static enum skill_fault skill_zip_skill(struct skill_zip *z, struct str path, struct str text)
{
	if (z->top.p)
		return skill_zip_fault(z, SKILL_MANY, path);
	size_t slash = str_find(path, '/');
	if (slash < path.n && str_find((struct str){path.p + slash + 1, path.n - slash - 1}, '/') < path.n - slash - 1)
		return skill_zip_fault(z, SKILL_NONE, path);
	z->top = slash < path.n ? (struct str){path.p, slash + 1} : S("");
	enum skill_fault fault = skill_matter_read(z->a, text, &z->matter);
	return fault ? skill_zip_fault(z, fault, z->matter.detail) : SKILL_SOUND;
}

static enum skill_fault skill_zip_file(struct skill_zip *z, struct archive *in, struct str path)
{
	struct buf text;
	enum skill_fault fault = skill_zip_clash(z, path);
	if (z->n >= z->bounds->files)
		return skill_zip_fault(z, SKILL_ENTRIES, (struct str){0});
	z->paths[z->n++] = path;
	buf_init(&text, SKILL_MATTER_BYTES); /* the rest of a long one is only counted */
	fault = fault ? fault : skill_zip_data(z, in, path, &text);
	if (!fault && skill_zip_is_skill(path))
		fault = skill_zip_skill(z, path, buf_str(&text));
	buf_release(&text);
	return fault;
}

static enum skill_fault skill_zip_entry(struct skill_zip *z, struct archive *in, struct archive_entry *entry)
{
	struct str path = skill_zip_path(z->a, entry);
	if (!path.p || (!skill_path_good(path) && !(archive_entry_filetype(entry) == AE_IFDIR && (!path.n || str_eq(path, S("."))))))
		return skill_zip_fault(z, SKILL_BAD_PATH, path);
	if (archive_entry_filetype(entry) == AE_IFDIR || skill_zip_ignored(path))
		return SKILL_SOUND;
	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
		return skill_zip_fault(z, SKILL_KIND, path);
	if (archive_entry_is_encrypted(entry))
		return skill_zip_fault(z, SKILL_ENCRYPTED, path);
	return skill_zip_file(z, in, path);
}

/* The next entry. false: there is none, or *broken. */
static bool skill_zip_next(struct archive *in, struct archive_entry **entry, bool *broken)
{
	int rc = archive_read_next_header(in, entry);
	*broken = rc != ARCHIVE_OK && rc != ARCHIVE_WARN && rc != ARCHIVE_EOF;
	return rc == ARCHIVE_OK || rc == ARCHIVE_WARN;
}

static enum skill_fault skill_zip_walk(struct skill_zip *z, struct archive *in)
{
	struct archive_entry *entry;
	int64_t entries = 0;
	bool broken;
	while (skill_zip_next(in, &entry, &broken)) {
		if (++entries > z->bounds->files * ENTRIES_A_FILE)
			return skill_zip_fault(z, SKILL_ENTRIES, (struct str){0});
		enum skill_fault fault = skill_zip_entry(z, in, entry);
		if (fault)
			return fault;
	}
	return broken ? skill_zip_fault(z, SKILL_ZIP, (struct str){0}) : SKILL_SOUND;
}

enum skill_fault skill_zip_check(struct skill_zip *z)
{
	struct archive *in = skill_zip_open(z->zip);
	if (!in)
		return SKILL_ZIP;
	z->paths = new_array(z->a, struct str, (size_t)z->bounds->files + 1);
	z->n = z->bytes = 0;
	z->top = (struct str){0};
	enum skill_fault fault = skill_zip_walk(z, in);
	archive_read_free(in);
	if (fault)
		return fault;
	if (!z->top.p)
		return SKILL_NONE;
	for (int64_t i = 0; i < z->n; i++)
		if (!str_starts(z->paths[i], z->top))
			return skill_zip_fault(z, SKILL_TOPS, z->paths[i]);
	return SKILL_SOUND;
}

bool skill_zip_each(struct skill_zip *z, bool (*one)(void *ctx, struct str path, bool runs, struct str bytes), void *ctx)
{
	struct archive *in = skill_zip_open(z->zip);
	struct archive_entry *entry;
	struct buf bytes;
	bool broken = false, ok = in != NULL;
	buf_init(&bytes, (size_t)z->bounds->file_bytes);
	z->bytes = 0;
	while (ok && skill_zip_next(in, &entry, &broken)) {
		struct str path = skill_zip_path(z->a, entry);
		if (!path.p || archive_entry_filetype(entry) != AE_IFREG || skill_zip_ignored(path) || !str_starts(path, z->top))
			continue;
		path = (struct str){path.p + z->top.n, path.n - z->top.n};
		buf_clear(&bytes);
		ok = skill_zip_data(z, in, path, &bytes) == SKILL_SOUND &&
		     one(ctx, path, (archive_entry_perm(entry) & 0111) != 0, buf_str(&bytes));
	}
	buf_release(&bytes);
	if (in)
		archive_read_free(in);
	return ok && !broken;
}

/* --- packing ------------------------------------------------------------------------------------------------------ */

static la_ssize_t skill_zip_on_write(struct archive *out, void *ctx, const void *bytes, size_t n)
{
	struct buf *b = ctx;
	buf_add(b, (struct str){bytes, n});
	return b->over ? -1 : (la_ssize_t)n;
}

static bool skill_zip_put(struct archive *out, struct str path, struct str bytes)
{
	struct arena a = {0};
	struct archive_entry *entry = archive_entry_new();
	archive_entry_set_pathname(entry, str_copy(&a, path).p);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)bytes.n);
	bool ok = archive_write_header(out, entry) == ARCHIVE_OK &&
		  (!bytes.n || archive_write_data(out, bytes.p, bytes.n) == (la_ssize_t)bytes.n);
	archive_entry_free(entry);
	arena_free(&a);
	return ok;
}

bool skill_zip_pack(struct str files, struct buf *zip)
{
	struct archive *out = archive_write_new();
	struct str path, bytes;
	bool runs, ok = archive_write_set_format_zip(out) == ARCHIVE_OK &&
			archive_write_set_options(out, "zip:compression=store,zip:hdrcharset=UTF-8") == ARCHIVE_OK &&
			archive_write_set_bytes_per_block(out, 0) == ARCHIVE_OK &&
			archive_write_open(out, zip, NULL, skill_zip_on_write, NULL) == ARCHIVE_OK;
	while (ok && files.n)
		ok = skill_file_cut(&files, &path, &runs, &bytes) && skill_zip_put(out, path, bytes);
	ok = ok && archive_write_close(out) == ARCHIVE_OK && !zip->over;
	archive_write_free(out);
	return ok;
}
