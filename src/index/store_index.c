/* store_index.c - what is found in one vector store: opening, slices, flips, sweeping. */
#include "index/store_index.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "index/store_index_load.h"
#include "index/words.h"

/* --- life -------------------------------------------------------------------------------------------------------- */

static bool open_once(struct store_index *x, struct err *e)
{
	struct arena tmp = {0};
	x->codes = codes_new();
	x->signs = signs_open(str_fmt(&tmp, "%.*s-signs", FMT(x->path)));
	arena_free(&tmp);
	return index_db_open(x->path, true, &x->writer, e) && index_load_all(x, e);
}

static void store_index_close_all(struct store_index *x)
{
	index_db_close(x->writer);
	x->writer = NULL;
	while (x->idle) {
		struct index_db *d = x->idle;
		x->idle = d->next;
		index_db_close(d);
	}
	codes_free(x->codes);
	x->codes = NULL;
	signs_close(x->signs);
	x->signs = NULL;
}

static void remove_file(struct str path, const char *end)
{
	struct arena tmp = {0};
	unlink(str_fmt(&tmp, "%.*s%s", FMT(path), end).p);
	arena_free(&tmp);
}

bool store_index_open(struct str path, struct store_index **ret, bool *lost, struct err *e)
{
	struct store_index *x = xalloc(sizeof *x);
	struct err why = {0};
	char *copy = xalloc(path.n + 1);
	memcpy(copy, path.p, path.n);
	x->path = (struct str){copy, path.n};
	pthread_mutex_init(&x->writing, NULL);
	pthread_mutex_init(&x->lending, NULL);
	pthread_mutex_init(&x->counting, NULL);
	*lost = access(copy, F_OK) != 0;
	if (!open_once(x, &why)) { /* nothing is lost that cannot be made again */
		log_at(LOG_WARN, "an index of a vector store is made anew", "path=%s error=\"%s\"", copy, why.msg);
		store_index_close_all(x);
		*lost = true;
		remove_file(x->path, "");
		remove_file(x->path, "-wal");
		remove_file(x->path, "-shm");
		remove_file(x->path, "-signs");
		if (!open_once(x, e)) {
			store_index_close(x);
			return false;
		}
	}
	*ret = x;
	return true;
}

void store_index_close(struct store_index *x)
{
	if (!x)
		return;
	store_index_close_all(x);
	size_t at = 0;
	for (void *v; (v = map_next(&x->common, &at));)
		xfree(v);
	map_release(&x->common);
	pthread_mutex_destroy(&x->writing);
	pthread_mutex_destroy(&x->lending);
	pthread_mutex_destroy(&x->counting);
	xfree((char *)(uintptr_t)x->path.p);
	xfree(x);
}

uint64_t store_index_changes(const struct store_index *x)
{
	return codes_changes(x->codes);
}

size_t store_index_memory(const struct store_index *x)
{
	return codes_bytes(x->codes);
}

/* --- changes -------------------------------------------------------------------------------------------------------
 */

struct open_doc {
	int64_t id, space;
	size_t windows, chunks;
};

static bool begin(struct index_db *d, struct err *e)
{
	index_stmt(d, IX_BEGIN);
	return index_run(d, IX_BEGIN, e);
}

static bool store_index_end(struct index_db *d, bool ok, struct err *e)
{
	if (ok) {
		index_stmt(d, IX_COMMIT);
		ok = index_run(d, IX_COMMIT, e);
	}
	if (!ok && !sqlite3_get_autocommit(d->db)) {
		struct err ignored = {0};
		index_stmt(d, IX_ROLLBACK);
		index_run(d, IX_ROLLBACK, &ignored);
	}
	return ok;
}

/* A change to come, with what came of it. */
struct index_change {
	const struct index_file *file;
	struct open_doc open;
	const struct chunks *chunks; /* put */
	size_t from, to;
	const float *vectors;
	struct doc doc; /* flip */
	int64_t rows;   /* sweep */
	bool more;
};

static bool set_synced(struct index_db *d, bool synced, struct err *e)
{
	enum index_statement s = synced ? IX_SYNCED : IX_UNSYNCED;
	index_stmt(d, s);
	return index_run(d, s, e);
}

/* One transaction under the writing lock; `after` follows it there, when it was committed. `synced`: with all before
 * it, it survives a power cut. */
static bool index_write(struct store_index *x, struct index_change *c, bool synced,
			bool (*work)(struct index_db *d, struct index_change *c, struct err *e),
			void (*after)(struct store_index *x, struct index_change *c), struct err *e)
{
	pthread_mutex_lock(&x->writing);
	bool ok = set_synced(x->writer, synced, e) && begin(x->writer, e);
	if (ok)
		ok = store_index_end(x->writer, work(x->writer, c, e), e);
	if (ok && after)
		after(x, c);
	pthread_mutex_unlock(&x->writing);
	return ok;
}

/* The number of an embedder's name; 0 for {0}. */
static bool space_number(struct index_db *d, struct str name, bool make, int64_t *ret, struct err *e)
{
	*ret = 0;
	if (!name.n)
		return true;
	if (make) {
		index_text(index_stmt(d, IX_SPACE_NEW), 1, name);
		if (!index_run(d, IX_SPACE_NEW, e))
			return false;
	}
	sqlite3_stmt *s = index_stmt(d, IX_SPACE);
	index_text(s, 1, name);
	int step = sqlite3_step(s);
	*ret = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
	bool ok = step == SQLITE_ROW || step == SQLITE_DONE || index_db_fail(d, e);
	sqlite3_reset(s);
	return ok;
}

static bool find_open(struct index_db *d, const struct index_file *f, struct open_doc *ret, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_DOC_OPEN);
	index_int(s, 1, f->file);
	index_int(s, 2, f->generation);
	index_int(s, 3, ret->space);
	int step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		ret->id = sqlite3_column_int64(s, 0);
		ret->windows = (size_t)sqlite3_column_int64(s, 1);
		ret->chunks = (size_t)sqlite3_column_int64(s, 2);
	}
	bool ok = step == SQLITE_ROW || step == SQLITE_DONE || index_db_fail(d, e);
	sqlite3_reset(s);
	return ok;
}

static bool make_doc(struct index_db *d, const struct index_file *f, const struct open_doc *o, struct err *e)
{
	index_int(index_stmt(d, IX_DOC_STALE), 1, f->file);
	if (!index_run(d, IX_DOC_STALE, e))
		return false;
	sqlite3_stmt *s = index_stmt(d, IX_DOC_NEW);
	index_int(s, 1, f->file);
	index_int(s, 2, f->generation);
	index_int(s, 3, o->space);
	index_int(s, 4, f->space.n ? (int64_t)f->dims : 0);
	index_text(s, 5, f->header);
	return index_run(d, IX_DOC_NEW, e);
}

static bool begin_doc(struct index_db *d, struct index_change *c, struct err *e)
{
	struct open_doc *o = &c->open;
	return space_number(d, c->file->space, true, &o->space, e) && find_open(d, c->file, o, e) &&
	       (o->id || make_doc(d, c->file, o, e));
}

bool store_index_begin(struct store_index *x, const struct index_file *f, size_t *windows, struct err *e)
{
	struct index_change c = {.file = f};
	bool ok = index_write(x, &c, false, begin_doc, NULL, e);
	*windows = c.open.windows;
	return ok;
}

static bool put_pieces(struct index_db *d, int64_t doc, const struct chunks *c, size_t from, size_t to, struct err *e)
{
	for (size_t i = from; i < to; i++) {
		const struct window *w = &c->windows[i];
		struct str body = {w->text.p + (w->text.n - w->n), w->n}; /* a header's copy lies in front */
		sqlite3_stmt *s = index_stmt(d, IX_PIECE_NEW);
		index_int(s, 1, doc);
		index_int(s, 2, (int64_t)i);
		index_int(s, 3, (int64_t)w->at);
		index_int(s, 4, w->page);
		index_text(s, 5, body);
		if (!index_run(d, IX_PIECE_NEW, e))
			return false;
	}
	return true;
}

static bool put_near(struct index_db *d, int64_t window, const int8_t *bytes, size_t dims, float scale, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_NEAR_NEW);
	index_int(s, 1, window);
	sqlite3_bind_double(s, 2, (double)scale);
	index_blob(s, 3, bytes, dims);
	return index_run(d, IX_NEAR_NEW, e);
}

static bool put_vectors(struct index_db *d, int64_t doc, size_t dims, size_t from, size_t to, const float *vectors,
			struct err *e)
{
	size_t n = to - from, words = vector_words(dims);
	uint64_t *codes = xalloc(n * words * sizeof *codes + 1);
	struct vector_factor *factors = xalloc(n * sizeof *factors + 1);
	int8_t *bytes = xalloc(dims);
	bool ok = true;
	for (size_t i = 0; ok && i < n; i++) {
		float scale;
		vector_encode(vectors + i * dims, dims, bytes, &scale, codes + i * words, &factors[i]);
		ok = put_near(d, window_number(doc, from + i), bytes, dims, scale, e);
	}
	if (ok) {
		sqlite3_stmt *s = index_stmt(d, IX_VECTOR_NEW);
		index_int(s, 1, doc);
		index_int(s, 2, (int64_t)from);
		index_int(s, 3, (int64_t)n);
		index_blob(s, 4, codes, n * words * sizeof *codes);
		index_blob(s, 5, factors, n * sizeof *factors);
		ok = index_run(d, IX_VECTOR_NEW, e);
	}
	xfree(codes);
	xfree(factors);
	xfree(bytes);
	return ok;
}

static bool put_chunk(struct index_db *d, int64_t id, const struct chunk *c, struct err *e)
{
	struct arena tmp = {0};
	struct buf b;
	struct index_chunk whole;
	sqlite3_stmt *s = index_stmt(d, IX_CHUNK_NEW);
	index_int(s, 1, id);
	index_int(s, 2, (int64_t)c->first);
	index_int(s, 3, (int64_t)c->n);
	/* As it will be read, so that what is taken out is what was put in. */
	bool ok = index_run(d, IX_CHUNK_NEW, e) && index_chunk_text(d, id, &tmp, &whole, e);
	buf_init(&b, SIZE_MAX / 2);
	if (ok) {
		words_index(&b, whole.text);
		s = index_stmt(d, IX_WORDS_NEW);
		index_int(s, 1, id);
		index_text(s, 2, buf_str(&b));
		ok = index_run(d, IX_WORDS_NEW, e);
	}
	buf_release(&b);
	arena_free(&tmp);
	return ok;
}

/* Those chunks whose windows are all in by now. */
static bool put_chunks(struct index_db *d, struct open_doc *o, const struct chunks *c, size_t to, struct err *e)
{
	for (; o->chunks < c->n && c->chunks[o->chunks].first + c->chunks[o->chunks].n <= to; o->chunks++) {
		if (o->chunks >> CHUNK_BITS)
			return fail(e, ERR_FILE_TOO_LARGE, NULL, "the file has more chunks than can be indexed");
		if (!put_chunk(d, chunk_number(o->id, o->chunks), &c->chunks[o->chunks], e))
			return false;
	}
	sqlite3_stmt *s = index_stmt(d, IX_DOC_GROWN);
	index_int(s, 1, o->id);
	index_int(s, 2, (int64_t)to);
	index_int(s, 3, (int64_t)o->chunks);
	return index_run(d, IX_DOC_GROWN, e);
}

static bool put_slice(struct index_db *d, struct index_change *c, struct err *e)
{
	const struct index_file *f = c->file;
	struct open_doc *o = &c->open;
	return space_number(d, f->space, false, &o->space, e) && find_open(d, f, o, e) &&
	       ((o->id && o->windows == c->from) ||
		fail(e, ERR_STORE, NULL, "a slice of a vector store's index does not follow the one before")) &&
	       put_pieces(d, o->id, c->chunks, c->from, c->to, e) &&
	       (!f->space.n || put_vectors(d, o->id, f->dims, c->from, c->to, c->vectors, e)) &&
	       put_chunks(d, o, c->chunks, c->to, e);
}

bool store_index_put(struct store_index *x, const struct index_file *f, const struct chunks *c, size_t from, size_t to,
		     const float *vectors, struct err *e)
{
	struct index_change change = {.file = f, .chunks = c, .from = from, .to = to, .vectors = vectors};
	return index_write(x, &change, false, put_slice, NULL, e);
}

static bool set_live(struct index_db *d, struct index_change *c, struct err *e)
{
	const struct index_file *f = c->file;
	struct open_doc *o = &c->open;
	if (!space_number(d, f->space, false, &o->space, e) || !find_open(d, f, o, e))
		return false;
	if (!o->id)
		return fail(e, ERR_STORE, NULL, "a generation of a vector store's file is not there");
	index_int(index_stmt(d, IX_DOC_DEAD), 1, f->file);
	if (!index_run(d, IX_DOC_DEAD, e))
		return false;
	index_int(index_stmt(d, IX_DOC_LIVE), 1, o->id);
	return index_run(d, IX_DOC_LIVE, e) && index_load_doc(d, o->id, &c->doc, e) && index_put_signs(d, &c->doc, e);
}

static void show_doc(struct store_index *x, struct index_change *c)
{
	signs_add(x->signs, &c->doc);
	codes_put(x->codes, &c->doc);
}

bool store_index_flip(struct store_index *x, const struct index_file *f, struct err *e)
{
	struct index_change c = {.file = f};
	bool ok = index_write(x, &c, true, set_live, show_doc, e);
	if (!ok)
		doc_release(&c.doc);
	return ok;
}

bool store_index_drop(struct store_index *x, int64_t file, struct err *e)
{
	pthread_mutex_lock(&x->writing);
	codes_drop(x->codes, file); /* first: whatever the disk says, it is found no more */
	bool ok = set_synced(x->writer, true, e);
	index_int(index_stmt(x->writer, IX_DOC_GONE), 1, file);
	ok = ok && index_run(x->writer, IX_DOC_GONE, e);
	pthread_mutex_unlock(&x->writing);
	return ok;
}

/* --- sweeping ------------------------------------------------------------------------------------------------------
 */

/* The last chunk of a doc, out of the words and out of the table. *found false: it has none. */
static bool sweep_chunk(struct index_db *d, int64_t doc, bool *found, struct err *e)
{
	struct arena tmp = {0};
	struct index_chunk whole;
	struct buf b;
	sqlite3_stmt *s = index_stmt(d, IX_CHUNK_LAST);
	index_int(s, 1, chunk_number(doc, 0));
	index_int(s, 2, chunk_number(doc + 1, 0));
	int step = sqlite3_step(s);
	int64_t id = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	*found = step == SQLITE_ROW;
	if (step != SQLITE_ROW)
		return step == SQLITE_DONE || index_db_fail(d, e);
	bool ok = index_chunk_text(d, id, &tmp, &whole, e);
	buf_init(&b, SIZE_MAX / 2);
	if (ok) {
		words_index(&b, whole.text);
		s = index_stmt(d, IX_WORDS_DROP);
		index_int(s, 1, id);
		index_text(s, 2, buf_str(&b));
		ok = index_run(d, IX_WORDS_DROP, e);
	}
	if (ok) {
		index_int(index_stmt(d, IX_CHUNK_DROP), 1, id);
		ok = index_run(d, IX_CHUNK_DROP, e);
	}
	buf_release(&b);
	arena_free(&tmp);
	return ok;
}

static bool sweep_table(struct index_db *d, enum index_statement st, int64_t doc, int64_t *left, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, st);
	index_int(s, 1, doc);
	index_int(s, 2, *left);
	if (!index_run(d, st, e))
		return false;
	*left -= sqlite3_changes(d->db);
	return true;
}

static bool sweep_doc(struct index_db *d, int64_t doc, int64_t *left, struct err *e)
{
	bool found = true;
	while (*left > 0 && found) { /* before their text goes */
		if (!sweep_chunk(d, doc, &found, e))
			return false;
		*left -= found;
	}
	if (*left <= 0)
		return true;
	static const enum index_statement tables[] = {IX_NEAR_DROP, IX_BYTES_DROP, IX_PIECE_DROP, IX_VECTOR_DROP};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (!sweep_table(d, tables[i], doc, left, e))
			return false;
		else if (*left <= 0)
			return true;
	index_int(index_stmt(d, IX_SPANS_DROP), 1, doc);
	index_int(index_stmt(d, IX_SUM_DROP), 1, doc);
	index_int(index_stmt(d, IX_DOC_DROP), 1, doc);
	--*left;
	return index_run(d, IX_SPANS_DROP, e) && index_run(d, IX_SUM_DROP, e) && index_run(d, IX_DOC_DROP, e);
}

static bool dead_doc(struct index_db *d, int64_t *ret, struct err *e)
{
	sqlite3_stmt *s = index_stmt(d, IX_SWEEP_DOC);
	int step = sqlite3_step(s);
	*ret = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_reset(s);
	return step == SQLITE_ROW || step == SQLITE_DONE || index_db_fail(d, e);
}

static bool sweep_docs(struct index_db *d, struct index_change *c, struct err *e)
{
	int64_t doc = 0;
	bool ok;
	while ((ok = dead_doc(d, &doc, e)) && doc && c->rows > 0)
		if (!sweep_doc(d, doc, &c->rows, e))
			return false;
	c->more = doc;
	return ok;
}

static void tidy(struct store_index *x, struct index_change *c)
{
	if (!c->more)
		index_tidy_signs(x);
}

bool store_index_sweep(struct store_index *x, int64_t rows, bool *more, struct err *e)
{
	struct index_change c = {.rows = rows};
	bool ok = index_write(x, &c, false, sweep_docs, tidy, e);
	*more = ok && c.more;
	return ok;
}
