/* vector_files.c - the files of a vector store, and batches of them. */
#include "base/clock.h"
#include "door/resource.h"
#include "index/index_limits.h"
#include "vector_stores/bodies.h"

enum { POLL_MS = 250 }; /* a small file is indexed in less; without it SDKs ask every second, or every five */

static bool live_store(struct errand *er, struct vector_store *v, struct err *e)
{
	char id[ID_MAX];
	return errand_store(er, v, e) &&
	       (!vector_store_expired(v) ||
		fail(e, ERR_BAD_REQUEST, NULL, "Vector store '%.*s' is expired.", FMT(id_text(id, "vs", &v->id))));
}

static bool answer_file(struct errand *er, const struct vector_store *v, struct str id, struct err *e)
{
	struct vector_file f;
	struct jout o = errand_out(er);
	if (!vector_file_get(er->store, v, id, &er->arena, &f, e))
		return false;
	vector_file_write(&o, v, &f);
	if (f.status == VECTOR_IN_PROGRESS)
		er->poll_after_ms = POLL_MS;
	return true;
}

/* --- attach ------------------------------------------------------------------------------------------------------ */

static bool attach(struct errand *er, struct err *e)
{
	const struct file_list *l = er->more;
	struct vector_store v;
	char id[ID_MAX];
	if (!live_store(er, &v, e) ||
	    !vector_files_attach(er->store, er->project, v.id.key, NULL, l->files, l->n, index_limits.store_files, e))
		return false;
	er->changed = true;
	return answer_file(er, &v, id_text(id, "file-", &l->files[0].file), e);
}

static bool attach_read(struct errand *er, void *more, struct err *e)
{
	return one_file_read(&er->arena, er->body, more, e);
}

void vector_file_create(struct request *rq)
{
	errand_begin(rq, attach, sizeof(struct file_list), attach_read);
}

/* --- one file ---------------------------------------------------------------------------------------------------- */

static bool file_get_work(struct errand *er, struct err *e)
{
	struct vector_store v;
	return errand_store(er, &v, e) && answer_file(er, &v, er->args[1], e);
}

void vector_file_get_one(struct request *rq)
{
	errand_begin(rq, file_get_work, 0, NULL);
}

static bool file_update_work(struct errand *er, struct err *e)
{
	const struct str *attributes = er->more;
	struct vector_store v;
	struct vector_file f;
	return live_store(er, &v, e) && vector_file_get(er->store, &v, er->args[1], &er->arena, &f, e) &&
	       vector_file_set(er->store, &v, &f, *attributes, e) && answer_file(er, &v, er->args[1], e);
}

static bool file_change_read(struct errand *er, void *more, struct err *e)
{
	return attributes_read(&er->arena, er->body, more, e);
}

void vector_file_update(struct request *rq)
{
	errand_begin(rq, file_update_work, sizeof(struct str), file_change_read);
}

static bool detach(struct errand *er, struct err *e)
{
	struct vector_store v;
	struct vector_file f;
	if (!errand_store(er, &v, e) || !vector_file_get(er->store, &v, er->args[1], &er->arena, &f, e) ||
	    !vector_file_detach(er->store, &v, &f, e))
		return false;
	er->changed = true;
	buf_add(&er->out, deleted_json(&er->arena, RESOURCE_VECTOR_FILE, er->args[1]));
	return true;
}

void vector_file_delete(struct request *rq)
{
	errand_begin(rq, detach, 0, NULL);
}

/* The text in parts that end where a line does, so that no part is too large to be handled. */
static void write_parts(struct jout *o, struct str text)
{
	enum { PART = 65536 };
	while (text.n) {
		size_t n = text.n < PART ? text.n : PART;
		const char *line = n < text.n ? memrchr(text.p, '\n', n) : NULL;
		if (line)
			n = (size_t)(line - text.p) + 1;
		while (n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
			n++;
		jo_obj(o);
		jo_kstr(o, "type", S("text"));
		jo_kstr(o, "text", ((struct str){text.p, n}));
		jo_obj_end(o);
		text.p += n;
		text.n -= n;
	}
}

static bool file_content_work(struct errand *er, struct err *e)
{
	struct vector_store v;
	struct vector_file f;
	struct str text;
	struct jout o = errand_out(er);
	if (!errand_store(er, &v, e) || !vector_file_get(er->store, &v, er->args[1], &er->arena, &f, e) ||
	    !search_text(er->search, v.id.key, f.file.key, &er->arena, &text, e))
		return false;
	jo_obj(&o);
	jo_kstr(&o, "object", S("vector_store.file_content.page"));
	jo_key(&o, S("data"));
	jo_arr(&o);
	write_parts(&o, text);
	jo_arr_end(&o);
	jo_kbool(&o, "has_more", false);
	jo_knull(&o, "next_page");
	jo_obj_end(&o);
	return true;
}

void vector_file_content(struct request *rq)
{
	errand_begin(rq, file_content_work, 0, NULL);
}

/* --- lists ------------------------------------------------------------------------------------------------------- */

static bool list_of(struct errand *er, const struct vector_store *v, int64_t batch, struct err *e)
{
	struct vector_file_page p;
	struct jout o = errand_out(er);
	if (!vector_file_list(er->store, v, batch, er->more, &er->arena, &p, e))
		return false;
	list_begin(&o);
	for (size_t i = 0; i < p.n; i++)
		vector_file_write(&o, v, &p.list[i]);
	list_end_ids(&o, RESOURCE_VECTOR_FILE, "file-", p.n ? &p.list[0].file : NULL, p.n ? &p.list[p.n - 1].file : NULL, p.has_more);
	return true;
}

static bool files_list_work(struct errand *er, struct err *e)
{
	struct vector_store v;
	return errand_store(er, &v, e) && list_of(er, &v, 0, e);
}

static bool list_batch(struct errand *er, struct err *e)
{
	struct vector_store v;
	struct vector_batch b;
	return errand_store(er, &v, e) && vector_batch_get(er->store, &v, er->args[1], &b, e) &&
	       list_of(er, &v, b.id.key, e);
}

static bool files_query_read(struct errand *er, void *more, struct err *e)
{
	return list_query_read(er->rq, &er->arena, true, more, e);
}

void vector_files_list(struct request *rq)
{
	errand_begin(rq, files_list_work, sizeof(struct vector_query), files_query_read);
}

void vector_batch_files(struct request *rq)
{
	errand_begin(rq, list_batch, sizeof(struct vector_query), files_query_read);
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

static bool answer_batch(struct errand *er, const struct vector_store *v, struct str id, struct err *e)
{
	struct vector_batch b;
	struct jout o = errand_out(er);
	if (!vector_batch_get(er->store, v, id, &b, e))
		return false;
	vector_batch_write(&o, v, &b);
	if (!b.cancelled && b.counts.n[VECTOR_IN_PROGRESS])
		er->poll_after_ms = POLL_MS;
	return true;
}

static bool create_batch(struct errand *er, struct err *e)
{
	const struct file_list *l = er->more;
	struct vector_batch b = {.id = id_mint(), .created_at = clock_wall_s()};
	struct vector_store v;
	char id[ID_MAX];
	if (!live_store(er, &v, e) ||
	    !vector_files_attach(er->store, er->project, v.id.key, &b, l->files, l->n, index_limits.store_files, e))
		return false;
	er->changed = true;
	return answer_batch(er, &v, id_text(id, "vsfb", &b.id), e);
}

static bool batch_body_read(struct errand *er, void *more, struct err *e)
{
	return batch_read(&er->arena, er->body, more, e);
}

void vector_batch_create(struct request *rq)
{
	errand_begin(rq, create_batch, sizeof(struct file_list), batch_body_read);
}

static bool get_batch(struct errand *er, struct err *e)
{
	struct vector_store v;
	return errand_store(er, &v, e) && answer_batch(er, &v, er->args[1], e);
}

void vector_batch_get_one(struct request *rq)
{
	errand_begin(rq, get_batch, 0, NULL);
}

static bool cancel_batch(struct errand *er, struct err *e)
{
	struct vector_store v;
	struct vector_batch b;
	return errand_store(er, &v, e) && vector_batch_get(er->store, &v, er->args[1], &b, e) &&
	       vector_batch_cancel(er->store, &b, e) && answer_batch(er, &v, er->args[1], e);
}

void vector_batch_cancel_one(struct request *rq)
{
	errand_begin(rq, cancel_batch, 0, NULL);
}
