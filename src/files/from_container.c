/* from_container.c - POST /v1/files with a JSON body: a container's file, kept as a file of its own. An extension of ours. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "container/cntr_files.h"
#include "door/errand.h"
#include "files/from_container.h"
#include "files/shown.h"
#include "model/file.h"

struct from_container {
	struct str container, file;
	struct stored_file kept;
};

static const char *const anchors[] = {"created_at", NULL};
static const struct field expires_fields[] = {
    FIELD_CHECKED("anchor", F_ENUM, .required = true, .values = anchors),
    FIELD_CHECKED("seconds", F_INT, .required = true, .min = 0, .max = INT32_MAX), /* its own bounds: file_form_read() */
    FIELD_END,
};
static const struct field body_fields[] = {
    FIELD_CHECKED("container_id", F_STR, .required = true, .min = 1, .max = 128),
    FIELD_CHECKED("file_id", F_STR, .required = true, .min = 1, .max = 128),
    FIELD_CHECKED("purpose", F_STR, .required = true),
    FIELD_CHECKED("filename", F_STR, .nullable = true, .min = 1),
    FIELD_CHECKED("expires_after", F_OBJECT, .nullable = true, .sub = expires_fields),
    FIELD_END,
};

static bool from_container_read(struct errand *er, void *more, struct err *e)
{
	struct from_container *f = more;
	yyjson_val *expires = json_get(er->body, S("expires_after"));
	if (!fields_read(body_fields, er->body, "", NULL, NULL, NULL, e))
		return false;
	struct file_form form = {.purpose = json_str(json_get(er->body, S("purpose")))};
	if (yyjson_is_obj(expires)) {
		form.anchor = json_str(json_get(expires, S("anchor")));
		form.seconds = str_fmt(&er->arena, "%lld", (long long)yyjson_get_sint(json_get(expires, S("seconds"))));
	}
	int64_t life;
	struct str name = json_str(json_get(er->body, S("filename")));
	if (!file_form_read(&form, &life, e) || (name.p && !file_name_read(name, "filename", &f->kept.filename, e)))
		return false;
	f->container = json_str(json_get(er->body, S("container_id")));
	f->file = json_str(json_get(er->body, S("file_id")));
	f->kept.id = id_mint();
	f->kept.created_at = clock_wall_s();
	f->kept.expires_at = life ? f->kept.created_at + life : 0;
	f->kept.purpose = form.purpose;
	return true;
}

/* Its bytes, to the end of what is there now: code in the container may go on writing. */
static bool from_container_copy(struct errand *er, struct from_container *f, int fd, struct err *e)
{
	struct blob b;
	if (!blob_begin(er->store, &b, f->kept.id.key, e))
		return false;
	if (!blob_append_from(&b, fd, api_limits.file_bytes, e)) {
		blob_abandon(&b);
		return false;
	}
	f->kept.bytes = b.bytes;
	return blob_keep(&b, e);
}

static bool from_container_work(struct errand *er, struct err *e)
{
	struct from_container *f = er->more;
	struct container c;
	struct container_file from;
	struct jout o = errand_out(er);
	int64_t bytes;
	if (!container_get(er->store, er->project, f->container, &er->arena, &c, e) || !container_living(&c, e) ||
	    !container_file_get(er->store, &c, f->file, &er->arena, &from, e) || !container_touch(er->store, &c, e))
		return false;
	if (!f->kept.filename.p && !file_name_read(from.path, "filename", &f->kept.filename, e))
		return false;
	int fd = cntr_open(er->containers, &c, &from, &bytes, e);
	if (fd < 0)
		return false;
	bool ok = from_container_copy(er, f, fd, e);
	close(fd);
	if (!ok)
		return false;
	if (!file_keep(er->store, er->project, &f->kept, e)) {
		blob_drop(er->store, f->kept.id.key);
		return false;
	}
	char id[ID_MAX];
	struct file_object object;
	file_object_of(&f->kept, id, &object);
	file_write(&o, &object);
	return true;
}

void file_from_container(struct request *rq)
{
	errand_begin(rq, from_container_work, sizeof(struct from_container), from_container_read);
}
