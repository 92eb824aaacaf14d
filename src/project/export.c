/* export.c - all that a project has, written as lines. */
#include "project/export.h"

#include <sodium.h>

#include "base/clock.h"
#include "project/parcel.h"
#include "store/beside.h"
#include "store/blob.h"
#include "store/hold.h"

struct export
{
	struct project_export *x;
	struct store *store;
	crypto_generichash_state sum;
	struct buf line;
};

/* The line, its end, and both into the checksum. */
static bool export_line(struct export *g, bool summed, struct err *e)
{
	buf_add(&g->line, S("\n"));
	struct str s = buf_str(&g->line);
	if (summed)
		crypto_generichash_update(&g->sum, (const unsigned char *)s.p, s.n);
	bool ok = g->x->write(g->x->ctx, s, e);
	buf_clear(&g->line);
	return ok;
}

static bool export_head(struct export *g, struct err *e)
{
	struct jout o = {&g->line, false};
	uint8_t ids[32];
	char hex[65];
	if (!store_id_key(g->store, ids, e))
		return false;
	jo_obj(&o);
	jo_kstr(&o, "type", S("export"));
	jo_kint(&o, "format", PARCEL_FORMAT);
	jo_kstr(&o, "antiphon", S(ANTIPHON_VERSION));
	jo_kstr(&o, "project", g->x->project);
	jo_kint(&o, "at", clock_wall_s());
	jo_kstr(&o, "ids", str_of(sodium_bin2hex(hex, sizeof hex, ids, sizeof ids)));
	jo_key(&o, S("kinds"));
	jo_obj(&o);
	for (int k = 0; k < KIND_COUNT; k++) {
		if (kind_rows[k].brief)
			continue;
		jo_key(&o, str_of(kind_rows[k].table));
		jo_str(&o, str_of(kind_rows[k].columns));
	}
	jo_obj_end(&o);
	jo_obj_end(&o);
	return export_line(g, true, e);
}

static bool export_pieces(struct export *g, struct blob_in *blob, int64_t *bytes, struct err *e)
{
	char *piece = xalloc(PARCEL_PIECE);
	ssize_t n;
	bool ok = true;
	while (ok && (n = blob_read_at(blob, *bytes, piece, PARCEL_PIECE, e)) != 0) {
		if (n < 0) {
			ok = false;
			break;
		}
		struct jout o = {&g->line, false};
		jo_obj(&o);
		jo_kstr(&o, "type", S("bytes"));
		jo_key(&o, S("data"));
		parcel_bytes_write(&o, (struct str){piece, (size_t)n});
		jo_obj_end(&o);
		*bytes += n;
		ok = export_line(g, true, e);
	}
	xfree(piece);
	return ok;
}

/* A file stands before its row. */
static bool export_file(struct export *g, int64_t key, struct err *e)
{
	struct jout o = {&g->line, false};
	int64_t bytes = 0;
	struct blob_in *blob = blob_open(g->store, key, e);
	if (!blob)
		return false;
	jo_obj(&o);
	jo_kstr(&o, "type", S("file"));
	jo_kint(&o, "key", key);
	jo_obj_end(&o);
	bool ok = export_line(g, true, e) && export_pieces(g, blob, &bytes, e);
	blob_close(blob);
	g->x->files++;
	return ok;
}

static bool export_row(void *ctx, enum kind k, const struct cell *cells, struct err *e)
{
	struct export *g = ctx;
	if (kind_rows[k].blob && !export_file(g, cells[0].i, e))
		return false;
	if (!parcel_row_write(&g->line, k, cells, e) || !export_line(g, true, e))
		return false;
	g->x->rows++;
	if (g->x->progress)
		g->x->progress(g->x->ctx, g->x);
	return true;
}

static bool export_end(struct export *g, struct err *e)
{
	struct jout o = {&g->line, false};
	uint8_t sum[32];
	char hex[65];
	crypto_generichash_final(&g->sum, sum, sizeof sum);
	jo_obj(&o);
	jo_kstr(&o, "type", S("end"));
	jo_kint(&o, "rows", g->x->rows);
	jo_kint(&o, "files", g->x->files);
	jo_kstr(&o, "checksum", str_of(sodium_bin2hex(hex, sizeof hex, sum, sizeof sum)));
	jo_obj_end(&o);
	return export_line(g, false, e);
}

bool project_export(struct project_export *x, struct err *e)
{
	struct export g = {.x = x};
	struct kind_walk walk = {export_row, &g};
	struct arena a = {0};
	int64_t project = 0;
	if (sodium_init() < 0)
		return fail(e, ERR_INTERNAL, NULL, "libsodium cannot start");
	int hold = hold_begin(str_copy(&a, x->from->dir).p, e);
	arena_free(&a);
	if (hold < 0 || !store_beside(x->from, &g.store, e)) {
		hold_end(hold);
		return false;
	}
	crypto_generichash_init(&g.sum, NULL, 0, 32);
	buf_init(&g.line, SIZE_MAX / 2);
	struct seal_options seal = x->seal ? *x->seal : (struct seal_options){0};
	seal.only_open = true;
	bool ok = (!x->seal || seal_start(g.store, &seal, e)) && kinds_project(g.store, x->project, &project, e) && export_head(&g, e) &&
		  kinds_walk(g.store, project, &walk, e) && export_end(&g, e);
	buf_release(&g.line);
	store_beside_close(g.store);
	hold_end(hold);
	return ok;
}
