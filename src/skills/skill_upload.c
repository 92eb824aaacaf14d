/* skill_upload.c - a form's files become a version of a skill. */
#include "skills/skill_upload.h"

#include <stdlib.h>

#include "base/clock.h"
#include "index/skill_archive.h"
#include "index/skill_file.h"
#include "index/skill_limits.h"
#include "skills/skill_objects.h"
#include "store/blob.h"

enum { BECOMES_DEFAULT /* of the form's fields */ };

bool skill_upload_check(struct intake *in, struct err *e)
{
	struct str v = in->values[BECOMES_DEFAULT];
	return !v.p || str_eq_nocase(v, S("true")) || str_eq_nocase(v, S("false")) ||
	       fail(e, ERR_INVALID_TYPE, "default", "Invalid type for 'default': expected a boolean, but got a string instead.");
}

/* --- a folder ---------------------------------------------------------------------------------------------------- */

struct skill_upload_file {
	struct str path, bytes;
};

static int skill_upload_order(const void *a, const void *b)
{
	struct str x = ((const struct skill_upload_file *)a)->path, y = ((const struct skill_upload_file *)b)->path;
	for (size_t i = 0; i < x.n && i < y.n; i++)
		if (x.p[i] != y.p[i])
			return (unsigned char)x.p[i] < (unsigned char)y.p[i] ? -1 : 1;
	return x.n < y.n ? -1 : x.n > y.n;
}

/* As clients name files of a folder: Windows writes backslashes, and some begin at a root. */
static struct str skill_upload_path(struct arena *a, struct str filename)
{
	char *p = arena_bytes(a, filename.n + 1);
	for (size_t i = 0; i < filename.n; i++)
		p[i] = filename.p[i] == '\\' ? '/' : filename.p[i];
	struct str path = {p, filename.n};
	while (str_starts(path, S("./")))
		path = (struct str){path.p + 2, path.n - 2};
	return path;
}

/* The files, sorted, so that the same folder gives the same zip in whatever order it came. */
static bool skill_upload_zip(struct intake *in, struct str all, struct buf *zip, struct err *e)
{
	struct skill_upload_file *files = new_array(&in->arena, struct skill_upload_file, in->n_files);
	struct buf form;
	size_t n = 0;
	bool ok = true;
	for (const struct intake_file *f = in->files; f; f = f->next) {
		files[n++] = (struct skill_upload_file){skill_upload_path(&in->arena, f->filename), {all.p, (size_t)f->bytes}};
		all.p += f->bytes;
	}
	qsort(files, n, sizeof *files, skill_upload_order);
	buf_init(&form, SIZE_MAX / 2);
	for (size_t i = 0; ok && i < n; i++) {
		ok = skill_path_good(files[i].path) ||
		     fail(e, ERR_INVALID_VALUE, "files", "Invalid 'files': the name of a file must be a path within the skill's folder, "
			  "like 'my-skill/SKILL.md', but is '%.*s'.", (int)(files[i].path.n < 200 ? files[i].path.n : 200),
			  files[i].path.p);
		skill_file_add(&form, files[i].path, false, files[i].bytes);
	}
	ok = ok && skill_archive_pack(buf_str(&form), "files", in->cancelled, zip, e);
	buf_release(&form);
	return ok;
}

static bool skill_upload_keep(struct store *s, int64_t key, struct str bytes, struct err *e)
{
	struct blob b;
	if (!blob_begin(s, &b, key, e))
		return false;
	if (blob_write(&b, bytes, e))
		return blob_keep(&b, e);
	blob_abandon(&b);
	return false;
}

/* --- a version --------------------------------------------------------------------------------------------------- */

static bool skill_upload_read(struct skill_upload *u, struct str zip, struct err *e)
{
	struct skill_archive k;
	struct intake *in = u->in;
	if (!skill_archive_read(&in->arena, zip, "files", in->cancelled, &k, e))
		return false;
	u->version.bytes = (int64_t)zip.n;
	u->version.name = k.name;
	u->version.description = k.description;
	return true;
}

bool skill_upload_take(struct intake *in, struct skill_upload *ret, struct err *e)
{
	struct buf all, zip;
	*ret = (struct skill_upload){.in = in, .becomes_default = str_eq_nocase(in->values[BECOMES_DEFAULT], S("true"))};
	ret->version = (struct skill_version){.id = in->id, .number = 1, .created_at = clock_wall_s()};
	buf_init(&all, (size_t)in->bytes + (1 << 20));
	buf_init(&zip, SIZE_MAX / 2);
	bool ok = blob_read(in->store, in->id.key, &all, e);
	if (ok && in->n_files == 1 && skill_archive_like(buf_str(&all))) {
		ok = skill_upload_read(ret, buf_str(&all), e);
	} else if (ok) {
		ret->version.id = id_mint();
		ok = skill_upload_zip(in, buf_str(&all), &zip, e) && skill_upload_read(ret, buf_str(&zip), e) &&
		     skill_upload_keep(in->store, ret->version.id.key, buf_str(&zip), e);
	}
	buf_release(&all);
	buf_release(&zip);
	if (ok && atomic_load(in->cancelled)) {
		skill_upload_drop(ret);
		ok = fail(e, ERR_REQUEST_TIMEOUT, NULL, "The client left.");
	}
	return ok;
}

void skill_upload_drop(struct skill_upload *u)
{
	if (u->version.id.key != u->in->id.key)
		blob_drop(u->in->store, u->version.id.key);
}

void skill_upload_answer(struct skill_upload *u, const struct skill *k, bool version)
{
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, SIZE_MAX / 2);
	if (version)
		skill_version_write(&o, k, &u->version);
	else
		skill_write(&o, k);
	u->in->answer = str_copy(&u->in->arena, buf_str(&b));
	u->in->stays = u->version.id.key == u->in->id.key;
	buf_release(&b);
}
