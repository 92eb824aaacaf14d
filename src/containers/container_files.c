/* container_files.c - /v1/containers/{id}/files: put in, listed, read, deleted. */
#include <ctype.h>
#include <unistd.h>

#include "containers/bodies.h"
#include "containers/content_type.h"
#include "door/file_form.h"
#include "door/resource.h"
#include "model/file.h"
#include "session/limits.h"
#include "wire/multipart.h"

/* --- POST -------------------------------------------------------------------------------------------------------- */

static bool cfile_form_check(struct intake *in, struct err *e)
{
	struct str *name = new (&in->arena, struct str);
	in->owner = name;
	return file_name_read(in->filename, "file", name, e);
}

/* The bytes came as a blob; they are copied into the container (shared where the file system can), and the blob goes. */
static bool cfile_form_work(struct intake *in, struct err *e)
{
	struct cntrs *cs = in->containers;
	struct container c;
	struct container_file f;
	struct buf b;
	if (!cntr_use(cs, in->project, in->args[0], &in->arena, &c, e))
		return false;
	int fd = blob_file(in->store, in->id.key, e);
	if (fd < 0)
		return false;
	bool ok = cntr_put(cs, &c, *(struct str *)in->owner, fd, in->bytes, &in->arena, &f, e);
	close(fd);
	if (!ok)
		return false;
	buf_init(&b, 1 << 16);
	struct jout o = {.b = &b};
	container_file_write(&o, &c, &f);
	in->answer = str_copy(&in->arena, buf_str(&b));
	buf_release(&b);
	return true;
}

static bool cfile_copy_work(struct errand *er, struct err *e)
{
	struct container c;
	struct container_file f;
	struct jout o = errand_out(er);
	if (!cntr_use(er->containers, er->project, er->args[0], &er->arena, &c, e) ||
	    !cntr_copy(er->containers, er->project, &c, *(struct str *)er->more, &er->arena, &f, e))
		return false;
	container_file_write(&o, &c, &f);
	return true;
}

void container_file_create(struct request *rq)
{
	static const struct intake_form form = {
	    .file = "file", .named = true, .check = cfile_form_check, .work = cfile_form_work};
	if (multipart_type(exchange_header(rq->x, S("content-type")))) {
		intake_begin(rq, &form, session_limits.file_bytes);
		return;
	}
	struct errand *er = errand_new(rq, cfile_copy_work);
	struct err e = {0};
	if (!er)
		return;
	er->more = new (&er->arena, struct str);
	if (container_file_body_read(er->body, er->more, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}

/* --- GET, DELETE ------------------------------------------------------------------------------------------------- */

static bool cfile_find(struct errand *er, struct container *c, struct container_file *f, struct err *e)
{
	return container_get(er->store, er->project, er->args[0], &er->arena, c, e) && container_living(c, e) &&
	       container_file_get(er->store, c, er->args[1], &er->arena, f, e);
}

static bool cfile_get_work(struct errand *er, struct err *e)
{
	struct container c;
	struct container_file f;
	struct jout o = errand_out(er);
	if (!cfile_find(er, &c, &f, e))
		return false;
	container_file_write(&o, &c, &f);
	return true;
}

void container_file_get_one(struct request *rq)
{
	errand_begin(rq, cfile_get_work, 0, NULL);
}

static struct str base_name(struct str path)
{
	size_t at = path.n;
	while (at && path.p[at - 1] != '/')
		at--;
	return (struct str){path.p + at, path.n - at};
}

/* For clients that know `filename` alone: "file" and the name's ending, where that is plain. */
static struct str plain_name(struct arena *a, struct str name)
{
	enum { ENDING = 16 };
	size_t n = 0;
	while (n < name.n && n <= ENDING && isalnum((unsigned char)name.p[name.n - 1 - n]))
		n++;
	bool ends = n && n <= ENDING && n + 1 < name.n && name.p[name.n - 1 - n] == '.';
	return ends ? str_fmt(a, "file%.*s", (int)n + 1, name.p + name.n - 1 - n) : S("file");
}

static bool cfile_content_work(struct errand *er, struct err *e)
{
	struct container c;
	struct container_file f;
	if (!cfile_find(er, &c, &f, e))
		return false;
	struct str name = base_name(f.path);
	int fd = cntr_open(er->containers, &c, &f, &er->file.bytes, e);
	if (fd < 0)
		return false;
	er->file.fd = fd;
	er->file.filename = name;
	er->file.type = content_type(name);
	er->file.plain = plain_name(&er->arena, name);
	return true;
}

void container_file_content(struct request *rq)
{
	errand_begin(rq, cfile_content_work, 0, NULL);
}

static bool cfile_erase_work(struct errand *er, struct err *e)
{
	struct container c;
	struct container_file f;
	if (!cfile_find(er, &c, &f, e) || !container_touch(er->store, &c, e) ||
	    !cntr_remove(er->containers, &c, &f, e))
		return false;
	errand_deleted(er, er->args[1], S("container.file.deleted"));
	return true;
}

void container_file_erase(struct request *rq)
{
	errand_begin(rq, cfile_erase_work, 0, NULL);
}

static bool cfile_list_work(struct errand *er, struct err *e)
{
	struct container c;
	struct container_file_page p;
	struct jout o = errand_out(er);
	if (!container_get(er->store, er->project, er->args[0], &er->arena, &c, e) || !container_living(&c, e) ||
	    !container_file_list(er->store, &c, er->more, &er->arena, &p, e))
		return false;
	list_begin(&o);
	for (size_t i = 0; i < p.n; i++)
		container_file_write(&o, &c, &p.list[i]);
	list_end_ids(&o, RESOURCE_CONTAINER_FILE, "cfile", p.n ? &p.list[0].id : NULL, p.n ? &p.list[p.n - 1].id : NULL, p.has_more);
	return true;
}

void container_files_list(struct request *rq)
{
	struct errand *er = errand_new(rq, cfile_list_work);
	struct err e = {0};
	if (!er)
		return;
	er->more = new (&er->arena, struct container_query);
	if (container_query_read(rq, &er->arena, false, er->more, &e))
		errand_start(er);
	else
		errand_fail(er, &e);
}
