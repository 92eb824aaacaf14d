/* import.c - a project from an export. */
#include "project/import.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "project/parcel.h"
#include "project/renew.h"
#include "store/blob.h"
#include "store/keys.h"
#include "store/kinds_put.h"
#include "store/user.h"

enum { IMPORT_PIECE = 1 << 18, LINE_MOST = 1 << 29 };

struct import {
	struct project_import *m;
	int fd;
	struct buf in;      /* read, and not yet taken */
	size_t taken;       /* of `in` */
	struct arena arena; /* of one line */
	crypto_generichash_state sum;
	int64_t rows, files, project;
	uint8_t ids[32];
	struct renew renew; /* with new_ids */
	struct kinds_put put;
	struct blob blob; /* the file under way */
	bool filling;
	int64_t file; /* its key; kept, and waiting for its row; 0: none */
};

/* --- lines -------------------------------------------------------------------------------------------------------- */

/* The next line, without its end; ret->p NULL: there is none. Valid until the next. */
static bool import_line(struct import *g, struct str *ret, struct err *e)
{
	size_t looked = 0;
	for (;;) {
		struct str rest = {g->in.p + g->taken, g->in.n - g->taken};
		const char *end = rest.n > looked ? memchr(rest.p + looked, '\n', rest.n - looked) : NULL;
		if (end) {
			*ret = (struct str){rest.p, (size_t)(end - rest.p)};
			g->taken += ret->n + 1;
			return true;
		}
		looked = rest.n;
		if (g->taken) {
			memmove(g->in.p, rest.p, rest.n);
			g->in.n = rest.n;
			g->taken = 0;
		}
		char *to = buf_room(&g->in, IMPORT_PIECE);
		ssize_t n = to ? read(g->fd, to, IMPORT_PIECE) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (!to || n < 0)
			return fail(e, ERR_CONFIG, NULL, "%s: %s", g->m->path,
				    to ? strerror(errno) : "a line is too long");
		g->in.n += (size_t)n;
		if (!n) {
			*ret = (struct str){0};
			return true;
		}
	}
}

static bool import_next(struct import *g, struct str *line, yyjson_val **v, struct err *e)
{
	struct err why = {0};
	arena_free(&g->arena);
	if (!import_line(g, line, e))
		return false;
	if (!line->p)
		return fail(e, ERR_CONFIG, NULL, "%s is cut off: it has no end. Make the export again", g->m->path);
	return json_parse(&g->arena, *line, v, &why) ||
	       fail(e, ERR_CONFIG, NULL, "%s is no export, or was changed: %s", g->m->path, why.msg);
}

static bool import_rewind(struct import *g, struct err *e)
{
	buf_clear(&g->in);
	g->taken = 0;
	g->rows = g->files = 0;
	return lseek(g->fd, 0, SEEK_SET) == 0 ||
	       fail(e, ERR_CONFIG, NULL, "%s is read twice, so it has to be a file: %m", g->m->path);
}

/* --- the first pass: is it whole? --------------------------------------------------------------------------------- */

static bool import_head(struct import *g, yyjson_val *v, struct err *e)
{
	yyjson_val *kinds = json_get(v, S("kinds"));
	struct str name = json_str(json_get(v, S("project"))), ids = json_str(json_get(v, S("ids")));
	size_t n = 0;
	if (!str_eq(json_str(json_get(v, S("type"))), S("export")))
		return fail(e, ERR_CONFIG, NULL, "%s is no export", g->m->path);
	for (int k = 0; k < KIND_COUNT; k++) {
		if (kind_rows[k].brief)
			continue;
		n++;
		if (!str_eq(json_str(json_get(kinds, str_of(kind_rows[k].table))), str_of(kind_rows[k].columns)))
			n = SIZE_MAX / 2;
	}
	if (yyjson_get_sint(json_get(v, S("format"))) != PARCEL_FORMAT || yyjson_obj_size(kinds) != n)
		return fail(
		    e, ERR_CONFIG, NULL,
		    "%s was written by another version of antiphon (%.*s): import it with that one, and upgrade",
		    g->m->path, FMT(json_str(json_get(v, S("antiphon")))));
	if (sodium_hex2bin(g->ids, sizeof g->ids, ids.p ? ids.p : "", ids.n, NULL, NULL, NULL) || ids.n != 64)
		return fail(e, ERR_CONFIG, NULL, "%s is no export, or was changed", g->m->path);
	snprintf(g->m->name, sizeof g->m->name, "%.*s", FMT(g->m->project.n ? g->m->project : name));
	return true;
}

static bool import_tail(struct import *g, yyjson_val *v, struct err *e)
{
	uint8_t sum[32];
	char hex[65];
	struct str rest;
	crypto_generichash_final(&g->sum, sum, sizeof sum);
	sodium_bin2hex(hex, sizeof hex, sum, sizeof sum);
	if (!str_eq(json_str(json_get(v, S("checksum"))), str_of(hex)) ||
	    yyjson_get_sint(json_get(v, S("rows"))) != g->rows || yyjson_get_sint(json_get(v, S("files"))) != g->files)
		return fail(e, ERR_CONFIG, NULL, "%s was changed: its checksum is another one. Make the export again",
			    g->m->path);
	return import_line(g, &rest, e) &&
	       (!rest.p || fail(e, ERR_CONFIG, NULL, "%s was changed: something follows its end", g->m->path));
}

static bool import_check(struct import *g, struct err *e)
{
	struct str line;
	yyjson_val *v;
	crypto_generichash_init(&g->sum, NULL, 0, 32);
	if (!import_next(g, &line, &v, e) || !import_head(g, v, e))
		return false;
	for (;;) {
		crypto_generichash_update(&g->sum, (const unsigned char *)line.p, line.n);
		crypto_generichash_update(&g->sum, (const unsigned char *)"\n", 1);
		if (!import_next(g, &line, &v, e))
			return false;
		struct str type = json_str(json_get(v, S("type")));
		if (str_eq(type, S("end")))
			return import_tail(g, v, e);
		g->rows += str_eq(type, S("row"));
		if (g->m->new_ids && str_eq(type, S("row")))
			renew_note(&g->renew, v);
		g->files += str_eq(type, S("file"));
		if (g->m->progress)
			g->m->progress(g->m->ctx, g->m);
	}
}

/* --- may it come? ------------------------------------------------------------------------------------------------- */

static bool import_ids(struct import *g, struct err *e)
{
	struct store *s = g->m->into;
	uint8_t own[32];
	bool fresh = false;
	if (g->m->new_ids) {
		g->renew.from = g->ids;
		return renew_begin(&g->renew, s, e);
	}
	if (!store_id_key(s, own, e) || !kinds_fresh(s, &fresh, e))
		return false;
	if (!sodium_memcmp(own, g->ids, sizeof own))
		return true;
	if (!fresh)
		return fail(e, ERR_CONFIG, NULL,
			    "the data folder has ids of its own already, which those of the export cannot stand "
			    "beside: let it have new ones (--new-ids), or import into a folder that has nothing yet (--data DIR)");
	return kinds_take_ids(s, g->ids, e);
}

static bool import_place(struct import *g, struct err *e)
{
	struct store *s = g->m->into;
	int64_t n;
	if (!project_find(s, str_of(g->m->name), true, &g->project, e))
		return false;
	for (int k = 0; k < KIND_COUNT; k++) {
		if (!kind_count(s, (enum kind)k, g->project, &n, e))
			return false;
		if (n)
			return fail(
			    e, ERR_CONFIG, NULL,
			    "the project %s has something already: give another name (--project NAME), or erase "
			    "it first (antiphon erase)",
			    g->m->name);
	}
	return true;
}

/* --- the second pass ---------------------------------------------------------------------------------------------- */

static bool import_file_end(struct import *g, struct err *e)
{
	if (!g->filling)
		return true;
	g->filling = false;
	g->file = g->blob.key;
	return blob_keep(&g->blob, e);
}

/* One that is there already is another project's, and must neither be written over nor go with what is undone. */
static bool import_file(struct import *g, int64_t key, struct err *e)
{
	struct err none = {0};
	struct blob_in *there = blob_open(g->m->into, key, &none);
	blob_close(there);
	g->files++;
	g->filling = !there && blob_begin(g->m->into, &g->blob, key, e);
	return g->filling || fail(e, ERR_CONFIG, NULL, "its files are here already");
}

static int64_t import_key(const struct import *g, int64_t key)
{
	return g->m->new_ids ? renew_key(&g->renew, key) : key;
}

static bool import_one(struct import *g, yyjson_val *v, struct err *e)
{
	struct str type = json_str(json_get(v, S("type"))), bytes;
	struct bind binds[PARCEL_CELLS];
	enum kind k;
	unsigned n;
	if (str_eq(type, S("bytes")))
		return g->filling && parcel_bytes_read(&g->arena, json_get(v, S("data")), &bytes)
			   ? blob_write(&g->blob, bytes, e)
			   : fail(e, ERR_CONFIG, NULL, "a piece of a file stands where none belongs");
	if (!import_file_end(g, e))
		return false;
	if (str_eq(type, S("file")))
		return import_file(g, import_key(g, yyjson_get_sint(json_get(v, S("key")))), e);
	if (!str_eq(type, S("row")))
		return true;
	g->rows++;
	g->file = 0;
	if (!parcel_row_read(&g->arena, v, g->project, &k, binds, &n, e))
		return false;
	if (g->m->new_ids)
		renew_row(&g->renew, &g->arena, k, binds);
	return kinds_put(&g->put, k, binds, n, e);
}

static bool import_take(struct import *g, struct err *e)
{
	struct str line;
	yyjson_val *v;
	g->put = (struct kinds_put){.store = g->m->into};
	for (;;) {
		if (!import_next(g, &line, &v, e))
			return false;
		if (str_eq(json_str(json_get(v, S("type"))), S("end")))
			return import_file_end(g, e) && kinds_put_end(&g->put, e);
		if (!import_one(g, v, e))
			return false;
		if (g->m->progress)
			g->m->progress(g->m->ctx, g->m);
	}
}

/* What was taken goes again; the first failure is what is told. */
static void import_undo(struct import *g)
{
	struct err ignored = {0};
	kinds_put_stop(&g->put);
	if (g->filling)
		blob_abandon(&g->blob);
	else if (g->file)
		blob_drop(g->m->into, g->file);
	for (int k = 0; k < KIND_COUNT; k++)
		if (!kind_erase(g->m->into, (enum kind)k, g->project, &ignored))
			return; /* the next start goes on */
	erasing_set(g->m->into, (struct str){0}, &ignored);
}

static bool import_run(struct import *g, struct err *e)
{
	struct arena a = {0};
	g->m->checking = true;
	if (!import_check(g, e) || !import_rewind(g, e) || !import_ids(g, e) || !import_place(g, e))
		return false;
	bool ok = erasing_set(g->m->into, str_fmt(&a, "project %s", g->m->name), e);
	arena_free(&a);
	if (!ok)
		return false;
	g->m->checking = false;
	struct err why = {0};
	if (!import_take(g, &why)) {
		import_undo(g);
		return fail(e, ERR_CONFIG, NULL,
			    "nothing of %s was taken: %s. Is it here already, under another name? Erase that first, let it "
			    "have new ids (--new-ids), or import into a fresh folder (--data DIR)",
			    g->m->path, why.msg);
	}
	g->m->rows = g->rows;
	g->m->files = g->files;
	g->m->keys = (int64_t)g->renew.n;
	g->m->texts = g->renew.texts;
	return erasing_set(g->m->into, (struct str){0}, e);
}

bool project_import(struct project_import *m, struct err *e)
{
	struct import g = {.m = m};
	g.fd = open(m->path, O_RDONLY | O_CLOEXEC);
	if (g.fd < 0)
		return fail(e, ERR_CONFIG, NULL, "cannot read %s: %m", m->path);
	buf_init(&g.in, LINE_MOST);
	bool ok = import_run(&g, e);
	close(g.fd);
	buf_release(&g.in);
	arena_free(&g.arena);
	renew_end(&g.renew);
	return ok;
}
