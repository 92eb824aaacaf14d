/* rig.c - what the store's tests share. */
#include "store/rig.h"
#include "store/late_driver.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static void rig_done(struct store_op *op, const struct err *e)
{
	struct rig_wait *w = OWNER(op, struct rig_wait, op);
	assert(!op->request && !w->done);
	w->err = *e;
	w->done = true;
	loop_stop(w->loop);
}

struct rig_wait rig_wait(struct rig *r)
{
	return (struct rig_wait){.op.done = rig_done, .loop = r->loop};
}

enum err_code rig_end(struct rig_wait *w)
{
	assert(!w->done || w->many); /* rule 2: never inside the call that started it */
	while (!w->done)
		loop_run(w->loop);
	return w->err.code;
}

bool rig_try_open(struct rig *r, struct err *e)
{
	r->options.dir = str_of(r->dir);
	if (getenv("STORE_LATE"))
		late_driver_use((unsigned)strtoul(getenv("STORE_LATE"), NULL, 10));
	if (rig_on_postgres() && !r->options.url.n) {
		rig_postgres_open(r->dir, r->url);
		r->options.url = str_of(r->url);
	}
	if (!store_open(&r->options, &r->store, e))
		return false;
	if (getenv("STORE_SEALED")) {
		store_limits.encrypt = 1;
		if (!seal_start(r->store, &(struct seal_options){.secret = S("of tests alone, 32 letters and more")}, e))
			abort();
	}
	if (!loop_open(&r->loop, e))
		abort();
	r->port = store_attach(r->store, r->loop);
	return true;
}

void rig_open(struct rig *r)
{
	struct err e = {0};
	if (!*r->dir) {
		snprintf(r->dir, sizeof r->dir, "/tmp/antiphon-store-XXXXXX");
		if (!mkdtemp(r->dir))
			abort();
	}
	if (!rig_try_open(r, &e)) {
		printf("Bail out! %s\n", e.msg);
		fflush(stdout);
		abort();
	}
}

void rig_shut(struct rig *r)
{
	store_detach(r->port);
	loop_close(r->loop);
	store_close(r->store);
	r->port = NULL;
	r->loop = NULL;
	r->store = NULL;
}

void rig_remove(const char *dir)
{
	char path[512];
	DIR *d = opendir(dir);
	struct dirent *f;
	while (d && (f = readdir(d))) {
		snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
		if (f->d_name[0] != '.' && unlink(path))
			rig_remove(path); /* the folder of files */
	}
	if (d)
		closedir(d);
	rmdir(dir);
}

void rig_end_all(struct rig *r)
{
	if (r->store)
		rig_shut(r);
	rig_remove(r->dir);
	*r->dir = 0;
}

void rig_turn(struct rig_turn *x, int64_t parent, size_t in, size_t out)
{
	assert(in + out <= RIG_ITEMS);
	memset(&x->t, 0, sizeof x->t);
	x->t = (struct turn_record){
	    .project = 1,
	    .id = id_mint(),
	    .parent = parent,
	    .status = S("completed"),
	    .created_at = clock_wall_s(),
	    .body = S("{\"object\":\"response\",\"output\":[],\"x\":1}"),
	    .output_at = sizeof "{\"object\":\"response\",\"output\":[" - 1,
	    .items = x->items,
	    .n_items = in + out,
	    .n_output = out,
	    .store = true,
	};
	for (size_t i = 0; i < in + out; i++) {
		snprintf(x->text[i], sizeof x->text[i], "{\"of\":%lld,\"at\":%zu}", (long long)x->t.id.key, i);
		x->items[i] = (struct turn_item){.id = id_mint(), .json = str_of(x->text[i])};
	}
	id_text(x->id, "resp", &x->t.id);
}

enum err_code rig_put(struct rig *r, const struct rig_turn *x)
{
	struct rig_wait w = rig_wait(r);
	store_put_turn(r->port, &w.op, &x->t);
	return rig_end(&w);
}

enum err_code rig_delete(struct rig *r, int64_t project, const char *id)
{
	struct rig_wait w = rig_wait(r);
	store_delete_response(r->port, &w.op, project, str_of(id));
	return rig_end(&w);
}

enum err_code rig_get(struct rig *r, int64_t project, const char *id, struct arena *a, struct stored_response *ret)
{
	struct rig_wait w = rig_wait(r);
	store_get_response(r->port, &w.op, project, str_of(id), a, ret);
	return rig_end(&w);
}

enum err_code rig_context(struct rig *r, int64_t project, const char *id, struct arena *a, struct stored_context *ret)
{
	struct rig_wait w = rig_wait(r);
	store_get_context(r->port, &w.op, project, str_of(id), a, ret);
	return rig_end(&w);
}
