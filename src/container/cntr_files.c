/* cntr_files.c - files are put into containers, read and removed. */
#include "container/cntr_files.h"

#include <unistd.h>

#include "base/clock.h"
#include "container/folder.h"
#include "container/folder_name.h"
#include "session/limits.h"
#include "store/blob.h"

/* Is there room for one more of that size? Files of the same path are replaced, and yet counted. */
static bool cfile_room(struct cntrs *c, const struct container *to, int64_t bytes, struct arena *a,
		       struct container_file_page *all, struct err *e)
{
	int64_t sum = bytes;
	if (!container_file_all(cntrs_store(c), to->id.key, session_limits.folder_files, a, all, e))
		return false;
	for (size_t i = 0; i < all->n; i++)
		sum += all->list[i].bytes;
	if (bytes > session_limits.file_bytes)
		return fail(e, ERR_TOO_LARGE, "file", "The file is larger than %lld bytes (session.file_bytes).",
			    (long long)session_limits.file_bytes);
	if (sum > session_limits.folder_bytes)
		return fail(e, ERR_STORAGE_LIMIT, NULL,
			    "The container is full: its files may have %lld bytes together (session.folder_bytes).",
			    (long long)session_limits.folder_bytes);
	return all->n < (size_t)session_limits.folder_files ||
	       fail(e, ERR_STORAGE_LIMIT, NULL, "The container is full: it may have %lld files (session.folder_files).",
		    (long long)session_limits.folder_files);
}

/* Its bytes lie in the folder before its row is there. Like all from here to the routes: between cntr_files_enter() and its end. */
static bool cfile_put(struct cntrs *c, const struct container *to, struct str name, int from, int64_t bytes,
		      struct container_file *ret, struct err *e)
{
	struct container_change ch = {.put = ret, .n_put = 1};
	*ret = (struct container_file){.id = id_mint(),
				       .created_at = clock_wall_s(),
				       .bytes = bytes,
				       .source = CONTAINER_USER,
				       .path = name};
	return folder_put(cntrs_folders(c), to->id.key, name, from, &ret->seen_ns, e) &&
	       container_files_change(cntrs_store(c), to, &ch, e);
}

bool cntr_put(struct cntrs *c, const struct container *to, struct str name, int from, int64_t bytes, struct arena *a,
	      struct container_file *ret, struct err *e)
{
	char hex[ID_MAX];
	struct container_file_page all;
	struct str fresh = id_random(hex, "");
	fresh = (struct str){fresh.p + 1, fresh.n - 1}; /* the '_' of an id */
	cntr_files_enter(c, to->id.key);
	bool ok = cfile_room(c, to, bytes, a, &all, e) && cfile_put(c, to, folder_name(a, fresh, name), from, bytes, ret, e);
	cntr_files_leave(c, to->id.key);
	return ok;
}

static bool cfile_there(const struct container_file_page *all, struct str name, struct container_file *ret)
{
	for (size_t i = 0; i < all->n; i++)
		if (str_eq(all->list[i].path, name)) {
			*ret = all->list[i];
			return true;
		}
	return false;
}

bool cntr_put_named(struct cntrs *c, const struct container *to, struct str name, int from, int64_t bytes, struct arena *a,
		    struct container_file *ret, struct err *e)
{
	struct container_file_page all;
	cntr_files_enter(c, to->id.key);
	bool ok = cfile_room(c, to, bytes, a, &all, e) &&
		  (cfile_there(&all, name, ret) || cfile_put(c, to, name, from, bytes, ret, e));
	cntr_files_leave(c, to->id.key);
	return ok;
}

static bool cfile_copy(struct cntrs *c, const struct container *to, struct str file, const struct stored_file *from, struct arena *a,
		       struct container_file *ret, struct err *e)
{
	struct container_file_page all;
	struct str name = folder_name(a, file, from->filename);
	if (!cfile_room(c, to, from->bytes, a, &all, e))
		return false;
	if (cfile_there(&all, name, ret))
		return true;
	int fd = blob_file(cntrs_store(c), from->id.key, e);
	if (fd < 0)
		return false;
	bool ok = cfile_put(c, to, name, fd, from->bytes, ret, e);
	close(fd);
	return ok;
}

bool cntr_copy(struct cntrs *c, int64_t project, const struct container *to, struct str file, struct arena *a,
	       struct container_file *ret, struct err *e)
{
	struct stored_file source;
	if (!container_file_source(cntrs_store(c), project, file, a, &source, e))
		return false;
	cntr_files_enter(c, to->id.key);
	bool ok = cfile_copy(c, to, file, &source, a, ret, e);
	cntr_files_leave(c, to->id.key);
	return ok;
}

int cntr_open(struct cntrs *c, const struct container *of, const struct container_file *f, int64_t *bytes,
	      struct err *e)
{
	return folder_open(cntrs_folders(c), of->id.key, f->path, bytes, e);
}

bool cntr_remove(struct cntrs *c, const struct container *of, const struct container_file *f, struct err *e)
{
	struct container_change ch = {.gone = &f->id.key, .n_gone = 1};
	cntr_files_enter(c, of->id.key);
	bool ok = container_files_change(cntrs_store(c), of, &ch, e) && folder_unlink(cntrs_folders(c), of->id.key, f->path, e);
	cntr_files_leave(c, of->id.key);
	return ok;
}
