/* upload.c - what is known of uploads: files that come in parts. */
#include "store/upload.h"

#include <string.h>

#include "store/file.h"
#include "store/look.h"

#include "base/clock.h"
#include "store/blob.h"
#include "store/sweep.h"

enum { QUOTED = 200 };

static bool upload_gone(struct err *e, struct str id)
{
	return fail(e, ERR_NOT_FOUND, "upload_id", "No such Upload object: %.*s", (int)(id.n < QUOTED ? id.n : QUOTED), id.p);
}

/* --- reading --------------------------------------------------------------------------------------------- */

struct upload_look {
	struct look look;
	struct stored_upload *ret;
	bool found;
	struct upload_parts *parts; /* NULL: none are asked for */
	struct id part;
	int64_t bytes; /* of that part; -1: not found */
};

static bool on_upload(void *ctx, const struct cell *cells)
{
	struct upload_look *l = ctx;
	l->found = rnd_equal(cells[0].s, &l->look.id);
	if (!l->found)
		return false;
	*l->ret = (struct stored_upload){
	    .id = l->look.id,
	    .created_at = cells[1].i,
	    .expires_at = cells[2].i,
	    .bytes = cells[3].i,
	    .purpose = str_copy(l->look.arena, cells[4].s),
	    .filename = str_copy(l->look.arena, cells[5].s),
	    .file_seconds = cells[6].i,
	    .status = (enum upload_status)cells[7].i,
	    .file.key = cells[8].i,
	};
	if (cells[9].s.n == ID_RND)
		memcpy(l->ret->file.rnd, cells[9].s.p, ID_RND);
	if (l->ret->status == UPLOAD_PENDING && l->ret->expires_at <= l->look.now)
		l->ret->status = UPLOAD_EXPIRED;
	return false;
}

static bool upload_on_part(void *ctx, const struct cell *cells)
{
	struct upload_look *l = ctx;
	if (rnd_equal(cells[0].s, &l->part))
		l->bytes = cells[1].i;
	return false;
}

static bool refuse_part(struct err *e, struct str id, const char *why)
{
	return fail(e, ERR_INVALID_VALUE, "part_ids", "Invalid value: '%.*s'. %s.", (int)(id.n < QUOTED ? id.n : QUOTED),
		    id.p, why);
}

/* `keys` is sorted as it grows, for a file may have thousands of parts: a place for `key`, or -1 when it is there. */
static int64_t upload_place_of(const int64_t *keys, size_t n, int64_t key)
{
	size_t low = 0;
	while (low < n) {
		size_t mid = low + (n - low) / 2;
		if (keys[mid] == key)
			return -1;
		if (keys[mid] < key)
			low = mid + 1;
		else
			n = mid;
	}
	return (int64_t)low;
}

static bool read_parts(struct upload_look *l, struct err *e)
{
	struct upload_parts *p = l->parts;
	int64_t *sorted = new_array(l->look.arena, int64_t, p->n + 1);
	p->keys = new_array(l->look.arena, int64_t, p->n + 1);
	p->bytes = 0;
	for (size_t i = 0; i < p->n; i++) {
		l->bytes = -1;
		if (!id_parse(p->ids[i], "part", &l->part))
			return refuse_part(e, p->ids[i], "It is no part of this upload");
		struct bind b[] = {INT(l->part.key), INT(l->look.id.key)};
		if (!look_query(&l->look, STMT_PART_GET, b, 2, upload_on_part, l, e))
			return false;
		if (l->bytes < 0)
			return refuse_part(e, p->ids[i], "It is no part of this upload");
		int64_t at = upload_place_of(sorted, i, l->part.key);
		if (at < 0)
			return refuse_part(e, p->ids[i], "It is named twice");
		memmove(sorted + at + 1, sorted + at, (i - (size_t)at) * sizeof *sorted);
		sorted[at] = p->keys[i] = l->part.key;
		p->bytes += l->bytes;
	}
	return true;
}

static bool read_upload(struct look *look, struct err *e)
{
	struct upload_look *l = OWNER(look, struct upload_look, look);
	if (!id_parse(look->text, "upload", &look->id))
		return upload_gone(e, look->text);
	struct bind b[] = {INT(l->look.id.key), INT(l->look.project)};
	if (!look_query(&l->look, STMT_UPLOAD_GET, b, 2, on_upload, l, e))
		return false;
	if (!l->found)
		return upload_gone(e, l->look.text);
	return !l->parts || l->ret->status != UPLOAD_PENDING || read_parts(l, e);
}

void store_get_upload_parts(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			    struct stored_upload *ret, struct upload_parts *parts)
{
	struct upload_look *l = look_new(p, op, sizeof *l, project, a);
	l->look.text = look_str(&l->look, id);
	l->ret = look_out(&l->look, ret, sizeof *ret);
	if (parts) {
		l->parts = look_out(&l->look, parts, sizeof *parts);
		l->parts->ids = look_strs(&l->look, parts->ids, parts->n);
	}
	look_start(&l->look, read_upload);
}

void store_get_upload(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
		      struct stored_upload *ret)
{
	store_get_upload_parts(p, op, project, id, a, ret, NULL);
}

/* --- writing --------------------------------------------------------------------------------------------- */

void store_put_upload(struct store_port *p, struct store_op *op, int64_t project, const struct stored_upload *u)
{
	struct store_request *r = request_new(
	    p, op, 2, 14, ID_RND + u->purpose.n + u->filename.n + u->mime_type.n + sizeof FILE_LIMIT_TEXT + 1);
	file_count(r, project, u->bytes);
	ADD(r, STMT_UPLOAD_INSERT, INT(u->id.key), INT(project), BLOB(rnd_str(&u->id)), INT(u->created_at),
	    INT(u->expires_at), INT(u->bytes), TEXT(u->purpose), TEXT(u->filename), TEXT(u->mime_type),
	    INT(u->file_seconds));
	request_send(r);
}

void store_put_part(struct store_port *p, struct store_op *op, int64_t project, const struct id *upload,
		    const struct id *part, int64_t bytes)
{
	static const struct str over =
	    STR("This upload takes no further part: it is over, or has as many parts as one may have "
		"(store.upload_parts), or its parts are more than twice the bytes that were announced.");
	struct store_request *r = request_new(p, op, 1, 8, 2 * ID_RND + over.n + 1);
	ADD(r, STMT_PART_INSERT, INT(part->key), BLOB(rnd_str(part)), INT(bytes), INT(upload->key), INT(project),
	    BLOB(rnd_str(upload)), INT(clock_wall_s()), INT(store_limits.upload_parts));
	request_must(r, ERR_BAD_REQUEST, over);
	request_send(r);
}

/* Its parts are of no use any more. */
static bool upload_ended(struct store_request *r)
{
	if (!r->apply.err)
		sweeper_wake(r->port->store);
	return true;
}

void store_end_upload(struct store_port *p, struct store_op *op, int64_t project, const struct stored_upload *u,
		      const struct stored_file *f)
{
	static const struct str over = STR("This upload is over.");
	size_t bytes = 3 * ID_RND + over.n + 1 + (f ? f->purpose.n + f->filename.n : 0);
	struct store_request *r = request_new(p, op, 2, 15, bytes);
	ADD(r, STMT_UPLOAD_END, INT(u->id.key), INT(project), BLOB(rnd_str(&u->id)),
	    INT(f ? UPLOAD_COMPLETED : UPLOAD_CANCELLED), INT(f ? f->id.key : 0), BLOB(f ? rnd_str(&f->id) : S("")),
	    INT(clock_wall_s()));
	request_must(r, ERR_BAD_REQUEST, over);
	if (f)
		file_insert(r, project, f);
	else
		ADD(r, STMT_UPLOAD_UNCOUNT, INT(u->id.key), INT(project));
	r->settle = upload_ended;
	request_send(r);
}
