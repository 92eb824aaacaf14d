/* sweep_file.c - takes away the bytes of items that are gone, files and uploads that expired, the parts of uploads that are over, deleted skills, and
 * batches that were over long ago. */
#include "store/sweep_file.h"

#include "store/blob.h"
#include "store/sealed.h"

static bool sweep_file_query(struct slice *s, enum statement stmt, const struct bind *b, unsigned n, row_fn *row)
{
	return sealed_query(s->store, s->reader, stmt, b, n, row, s, s->err);
}

static void bury(struct slice *s, int64_t key)
{
	s->blobs[s->n_blobs++] = key;
}

/* Of an item that is gone. */
static bool sweep_file_on_inlay(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_INLAY_FREE, INT(cells[0].i));
	s->near = true;
	bury(s, cells[0].i);
	return ++s->rows < s->budget;
}

bool sweep_inlays(struct slice *s)
{
	struct bind most = INT((int64_t)s->budget);
	return sweep_file_query(s, STMT_INLAY_DEAD, &most, 1, sweep_file_on_inlay);
}

static bool sweep_file_on_expired(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_FILE_DELETE, INT(cells[0].i));
	request_must(s->request, ERR_CONFLICT, S("changed meanwhile"));
	ADD(s->request, STMT_USAGE_FREE, INT(cells[1].i), INT(cells[2].i));
	ADD(s->request, STMT_VECTOR_FILE_GONE_ALL, INT(cells[0].i));
	ADD(s->request, STMT_VECTOR_FILE_DELETE_ALL, INT(cells[0].i));
	bury(s, cells[0].i);
	return ++s->rows < s->budget;
}

static bool sweep_file_on_late(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_UPLOAD_EXPIRE, INT(cells[0].i), INT(s->now));
	request_must(s->request, ERR_CONFLICT, S("changed meanwhile"));
	ADD(s->request, STMT_USAGE_FREE, INT(cells[1].i), INT(cells[2].i));
	return ++s->rows < s->budget;
}

static bool sweep_file_on_part(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_PART_FREE, INT(cells[0].i));
	bury(s, cells[0].i);
	return ++s->rows < s->budget;
}

static bool on_old(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_UPLOAD_FREE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

bool sweep_files(struct slice *s)
{
	struct bind now[] = {INT(s->now), INT((int64_t)s->budget)}, most = INT((int64_t)s->budget);
	struct bind old[] = {INT(s->now - store_limits.upload_keep_seconds), INT((int64_t)s->budget)};
	if (!sweep_file_query(s, STMT_FILE_EXPIRED, now, 2, sweep_file_on_expired))
		return false;
	if (!s->rows && !sweep_file_query(s, STMT_UPLOAD_LATE, now, 2, sweep_file_on_late))
		return false;
	if (!s->rows && !sweep_file_query(s, STMT_PART_DEAD, &most, 1, sweep_file_on_part))
		return false;
	return s->rows || sweep_file_query(s, STMT_UPLOAD_OLD, old, 2, on_old);
}

/* --- skills ------------------------------------------------------------------------------------------------------ */

static bool sweep_file_on_version(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_SKILL_VERSION_FREE, INT(cells[0].i));
	request_must(s->request, ERR_CONFLICT, S("changed meanwhile"));
	ADD(s->request, STMT_USAGE_FREE, INT(s->key), INT(cells[1].i));
	bury(s, cells[0].i);
	return ++s->rows < s->budget;
}

static bool sweep_file_on_skill(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	struct bind b[] = {INT(cells[0].i), INT((int64_t)(s->budget - s->rows))};
	s->key = cells[1].i; /* the project whose files the versions counted among */
	if (!sweep_file_query(s, STMT_SKILL_VERSIONS, b, 2, sweep_file_on_version))
		return false;
	if (s->rows >= s->budget)
		return false; /* there may be more */
	ADD(s->request, STMT_SKILL_FREE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

bool sweep_skills(struct slice *s)
{
	struct bind b[] = {INT(s->now), INT((int64_t)s->budget)};
	return sweep_file_query(s, STMT_SKILL_DEAD, b, 2, sweep_file_on_skill);
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

static bool sweep_file_on_batch(void *ctx, const struct cell *cells)
{
	struct slice *s = ctx;
	ADD(s->request, STMT_BATCH_FREE, INT(cells[0].i));
	return ++s->rows < s->budget;
}

bool sweep_batches(struct slice *s)
{
	struct bind old[] = {INT(s->now - store_limits.batch_keep_seconds), INT((int64_t)s->budget)};
	return sweep_file_query(s, STMT_BATCH_OLD, old, 2, sweep_file_on_batch);
}
