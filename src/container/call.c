/* call.c - something runs in a container. */
#include "container/call.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "container/cntr_skills.h"
#include "container/folder.h"
#include "container/folder_name.h"
#include "sandbox/process.h"
#include "session/limits.h"
#include "session/share.h"

static bool call_enter(struct cntrs *c, int64_t key, int64_t wait_ms, const _Atomic bool *stop, struct err *e)
{
	return cntr_enter(c, key, wait_ms, stop) ||
	       fail(e, ERR_REQUEST_TIMEOUT, NULL, "Other calls in this container took too long.");
}

bool cntr_call_begin(struct cntrs *c, const struct container *of, int64_t wait_ms, const _Atomic bool *stop,
		     struct cntr_call *ret, struct err *e)
{
	struct container_began began;
	*ret = (struct cntr_call){.cntrs = c, .of = *of, .id = id_mint()};
	const _Atomic bool *gone = cntr_hold(c, of->id.key);
	bool alone = call_enter(c, of->id.key, wait_ms, stop, e);
	if (!alone || (of->policy.n && !network_open(c, of, &ret->arena, &ret->way, e)) ||
	    !folder_ready(cntrs_folders(c), of->id.key, e) || !container_call_begin(cntrs_store(c), of, &ret->id, &began, e)) {
		if (alone)
			cntr_leave(c, of->id.key);
		cntr_release(c, of->id.key);
		arena_free(&ret->arena);
		return false;
	}
	ret->cut = began.cut;
	folder_at(cntrs_folders(c), ret->folder, of->id.key);
	ret->where = (struct session_where){.key = of->id.key, .memory = of->memory, .before = began.before, .gone = gone};
	ret->where.mounts = ret->mounts;
	if (of->skills.n)
		ret->mounts[ret->where.n_mounts++] =
		    (struct session_mount){folder_skills_at(cntrs_folders(c), ret->skills, of->id.key), CNTR_SKILLS};
	if (of->policy.n) {
		ret->mounts[ret->where.n_mounts++] = (struct session_mount){ret->way.authorities, NETWORK_AUTHORITIES};
		ret->where.gate = &ret->way.gate;
	}
	return true;
}

/* --- what is new ------------------------------------------------------------------------------------------------- */

struct call_end {
	struct cntr_call *call;
	struct arena *arena;
	struct container_file_page rows;
	struct share_list there;
	struct cntr_found *found;
	int64_t *gone;
	size_t n_gone;
	struct str way; /* folder_sync() */
};

/* Rows and what is there are few: both lists are bounded by session.folder_files. */
static const struct container_file *call_row(const struct call_end *x, struct str path)
{
	for (size_t i = 0; i < x->rows.n; i++)
		if (str_eq(x->rows.list[i].path, path))
			return &x->rows.list[i];
	return NULL;
}

static void call_take(struct call_end *x, const struct share_file *f)
{
	const struct container_file *row = call_row(x, f->path);
	struct err ignored = {0}; /* one that is gone by now is none */
	if (!folder_path_fits(f->path) || (row && row->bytes == f->bytes && row->seen_ns == f->mtime_ns) ||
	    !folder_sync(cntrs_folders(x->call->cntrs), x->call->of.id.key, f->path, &x->way, &ignored))
		return;
	struct cntr_made *m = &x->found->at[x->found->n++];
	*m = (struct cntr_made){.fresh = !row};
	m->file = row ? *row
		      : (struct container_file){.id = id_mint(),
						.created_at = clock_wall_s(),
						.source = CONTAINER_ASSISTANT,
						.path = f->path};
	m->file.bytes = f->bytes;
	m->file.seen_ns = f->mtime_ns;
}

/* Of what does not fit into the list nobody knows whether it is there. */
static void call_miss(struct call_end *x)
{
	size_t at = 0;
	x->gone = new_array(x->arena, int64_t, x->rows.n + 1);
	for (size_t i = 0; i < x->rows.n && !x->there.cut; i++) {
		at = 0;
		while (at < x->there.n && !str_eq(x->there.at[at].path, x->rows.list[i].path))
			at++;
		if (at == x->there.n)
			x->gone[x->n_gone++] = x->rows.list[i].id.key;
	}
}

/* A picture is kept under its own id: "cfile_0123.png". */
static bool call_keep_picture(struct call_end *x, struct str png)
{
	char id[ID_MAX];
	struct err e = {0};
	struct cntr_made m = {.shown = true, .fresh = true};
	m.file = (struct container_file){.id = id_mint(),
					 .created_at = clock_wall_s(),
					 .bytes = (int64_t)png.n,
					 .source = CONTAINER_ASSISTANT};
	m.file.path = str_fmt(x->arena, "%.*s.png", FMT(id_text(id, "cfile", &m.file.id)));
	int fd = process_memory(png);
	bool ok = fd >= 0 && folder_put(cntrs_folders(x->call->cntrs), x->call->of.id.key, m.file.path, fd,
					&m.file.seen_ns, &e);
	if (fd >= 0)
		close(fd);
	if (ok)
		x->found->at[x->found->n++] = m;
	else
		log_at(LOG_WARN, "a picture could not be kept", "error=\"%s\"", e.msg);
	return ok;
}

static bool call_write(struct call_end *x, struct err *e)
{
	struct container_file *put = new_array(x->arena, struct container_file, x->found->n + 1);
	for (size_t i = 0; i < x->found->n; i++)
		put[i] = x->found->at[i].file;
	struct container_change ch = {.put = put,
				      .n_put = x->found->n,
				      .gone = x->gone,
				      .n_gone = x->n_gone,
				      .call = x->call->id.key};
	return container_files_change(cntrs_store(x->call->cntrs), &x->call->of, &ch, e);
}

static bool call_collect(struct call_end *x, const struct str *pictures, size_t n, struct err *e)
{
	struct cntr_call *call = x->call;
	if (!container_file_all(cntrs_store(call->cntrs), call->of.id.key, session_limits.folder_files, x->arena,
				&x->rows, e) ||
	    !share_list(x->arena, call->folder, &x->there, e))
		return false;
	x->found->cut = x->there.cut;
	x->found->at = new_array(x->arena, struct cntr_made, x->there.n + n + 1);
	for (size_t i = 0; i < n; i++)
		call_keep_picture(x, pictures[i]);
	for (size_t i = 0; i < x->there.n; i++)
		call_take(x, &x->there.at[i]);
	call_miss(x);
	return call_write(x, e);
}

bool cntr_call_end(struct cntr_call *call, const struct str *pictures, size_t n, struct arena *a,
		   struct cntr_found *ret, struct err *e)
{
	struct call_end x = {.call = call, .arena = a, .found = ret};
	*ret = (struct cntr_found){0};
	cntr_files_enter(call->cntrs, call->of.id.key);
	bool ok = call_collect(&x, pictures, n, e);
	cntr_files_leave(call->cntrs, call->of.id.key);
	if (!ok) /* it is not ended: after a restart the next call there is told */
		ret->n = 0;
	cntr_leave(call->cntrs, call->of.id.key);
	cntr_release(call->cntrs, call->of.id.key);
	arena_free(&call->arena);
	return ok;
}
