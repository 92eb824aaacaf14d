/* place_s3.c - blobs as objects of an S3 store. */
#include "store/place_s3.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "s3/s3_list.h"
#include "s3/s3_upload.h"

enum { OBJECT_NAME = 24, LOG_EVERY_US = 5000000 };

struct abandoned { /* an upload in parts that is to be aborted */
	struct abandoned *next;
	int64_t key;
	size_t n;
	char id[];
};
struct place_s3 {
	struct place place;
	struct s3 *s3;
	struct blob_cache *cache;
	pthread_mutex_t lock;
	struct abandoned *abandoned; /* under it */
	_Atomic int64_t logged_us;
};
struct s3_out {
	struct place_out out;
	struct buf part;
	struct s3_upload *upload; /* NULL: it is still small */
};
struct s3_in {
	struct place_in in;
	int64_t key;
	int64_t number;  /* of the piece that is at hand; -1: none */
	int fd;          /* its file, or -1: */
	struct buf held; /* there was no room for a file */
};

static struct place_s3 *place_s3_of(struct place *p)
{
	return OWNER(p, struct place_s3, place);
}

static struct str place_s3_name(char out[OBJECT_NAME], int64_t key)
{
	snprintf(out, OBJECT_NAME, "%016llx", (unsigned long long)key);
	return str_of(out);
}

/* The operator reads what is wrong, and not a thousand times; clients, who cannot mend it, that it is. */
static bool place_s3_failed(struct place_s3 *p, const struct err *why, struct err *e)
{
	int64_t now = clock_mono_us(), last = atomic_load(&p->logged_us);
	if (why->code == ERR_NOT_FOUND)
		return fail(e, ERR_NOT_FOUND, NULL, "The file's bytes are gone.");
	if ((!last || now - last > LOG_EVERY_US) && atomic_compare_exchange_strong(&p->logged_us, &last, now))
		log_at(LOG_ERROR, "the store of files fails", "reason=\"%s\"", why->msg);
	if (why->code == ERR_STORE_FULL)
		return fail(e, ERR_STORE_FULL, NULL, "The store of files is full.");
	if (why->code == ERR_STORE || why->code == ERR_TOO_LARGE)
		return fail(e, why->code, NULL, "%s", why->msg);
	if (!e->code)
		e->retry_after_ms = why->retry_after_ms;
	return fail(e, ERR_UNAVAILABLE, NULL, "The store of files does not answer. Please retry in a moment.");
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static struct place_out *place_s3_begin(struct place *p, int64_t key, struct err *e)
{
	struct s3_out *o = xalloc(sizeof *o);
	o->out = (struct place_out){p, key};
	buf_init(&o->part, (size_t)s3_limits.part_bytes);
	return &o->out;
}

static bool place_s3_send_part(struct s3_out *o, struct err *e)
{
	struct place_s3 *p = place_s3_of(o->out.place);
	char name[OBJECT_NAME];
	struct err why = {0};
	bool ok = (o->upload || s3_upload_begin(p->s3, place_s3_name(name, o->out.key), &o->upload, &why)) &&
		  s3_upload_part(o->upload, buf_str(&o->part), &why);
	o->part.n = 0;
	return ok || place_s3_failed(p, &why, e);
}

static bool place_s3_write(struct place_out *out, struct str bytes, struct err *e)
{
	struct s3_out *o = OWNER(out, struct s3_out, out);
	while (bytes.n) {
		if (o->part.n == o->part.max && !place_s3_send_part(o, e))
			return false;
		size_t room = o->part.max - o->part.n, n = bytes.n < room ? bytes.n : room;
		buf_add(&o->part, (struct str){bytes.p, n});
		bytes = (struct str){bytes.p + n, bytes.n - n};
	}
	return true;
}

static void place_s3_out_free(struct s3_out *o)
{
	if (o->upload)
		s3_upload_free(o->upload);
	buf_release(&o->part);
	xfree(o);
}

/* Its parts go when it is removed: this must not wait for the store. */
static void place_s3_abandon(struct place_out *out)
{
	struct s3_out *o = OWNER(out, struct s3_out, out);
	struct place_s3 *p = place_s3_of(out->place);
	if (o->upload) {
		struct str id = s3_upload_id(o->upload);
		struct abandoned *a = xalloc(sizeof *a + id.n);
		a->key = out->key;
		a->n = id.n;
		memcpy(a->id, id.p, id.n);
		pthread_mutex_lock(&p->lock);
		a->next = p->abandoned;
		p->abandoned = a;
		pthread_mutex_unlock(&p->lock);
	}
	place_s3_out_free(o);
}

/* What is small is read again soon, as a rule. */
static void place_s3_cache(struct place_s3 *p, const struct s3_out *o)
{
	struct blob_piece piece = {.key = o->out.key, .total = (int64_t)o->part.n};
	int fd = p->cache ? blob_cache_put(p->cache, &piece, buf_str(&o->part)) : -1;
	if (fd >= 0)
		close(fd);
}

static bool place_s3_keep(struct place_out *out, struct err *e)
{
	struct s3_out *o = OWNER(out, struct s3_out, out);
	struct place_s3 *p = place_s3_of(out->place);
	char name[OBJECT_NAME];
	struct err why = {0};
	bool ok;
	if (!o->upload) {
		ok = s3_put(p->s3, place_s3_name(name, out->key), buf_str(&o->part), &why) ||
		     place_s3_failed(p, &why, e);
		if (ok)
			place_s3_cache(p, o);
	} else {
		ok = (!o->part.n || place_s3_send_part(o, e)) &&
		     (s3_upload_end(o->upload, &why) || place_s3_failed(p, &why, e));
	}
	if (ok)
		place_s3_out_free(o);
	else
		place_s3_abandon(out);
	return ok;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static void place_s3_let_go(struct s3_in *in)
{
	if (in->fd >= 0)
		close(in->fd);
	buf_release(&in->held);
	in->fd = -1;
	in->number = -1;
}

static bool place_s3_fetch(struct s3_in *in, struct blob_piece *piece, struct err *e)
{
	struct place_s3 *p = place_s3_of(in->in.place);
	char name[OBJECT_NAME];
	struct err why = {0};
	struct s3_piece got = {.at = piece->number * s3_limits.part_bytes, .most = (size_t)s3_limits.part_bytes};
	bool ok = s3_get(p->s3, place_s3_name(name, in->key), &got, &why) || place_s3_failed(p, &why, e);
	piece->total = got.total;
	if (ok && p->cache)
		in->fd = blob_cache_put(p->cache, piece, buf_str(&got.bytes));
	if (ok && in->fd < 0) {
		in->held = got.bytes;
		buf_init(&got.bytes, 0);
	}
	buf_release(&got.bytes);
	return ok;
}

/* The piece of that number is at hand. */
static bool place_s3_seek(struct s3_in *in, int64_t number, struct err *e)
{
	struct place_s3 *p = place_s3_of(in->in.place);
	struct blob_piece piece = {.key = in->key, .number = number};
	if (in->number == number)
		return true;
	place_s3_let_go(in);
	if (p->cache)
		in->fd = blob_cache_get(p->cache, &piece);
	if (in->fd < 0 && !place_s3_fetch(in, &piece, e))
		return false;
	in->in.bytes = piece.total;
	in->number = number;
	return true;
}

static void place_s3_close(struct place_in *at)
{
	struct s3_in *in = OWNER(at, struct s3_in, in);
	place_s3_let_go(in);
	xfree(in);
}

static struct place_in *place_s3_open(struct place *p, int64_t key, struct err *e)
{
	struct s3_in *in = xalloc(sizeof *in);
	*in = (struct s3_in){.in = {.place = p}, .key = key, .number = -1, .fd = -1};
	if (place_s3_seek(in, 0, e))
		return &in->in;
	place_s3_close(&in->in);
	return NULL;
}

static ssize_t place_s3_read(struct place_in *at, int64_t from, char *to, size_t n, struct err *e)
{
	struct s3_in *in = OWNER(at, struct s3_in, in);
	int64_t size = s3_limits.part_bytes, inside = from % size;
	if (from >= at->bytes)
		return 0;
	if (!place_s3_seek(in, from / size, e))
		return -1;
	int64_t most = at->bytes - from < size - inside ? at->bytes - from : size - inside;
	n = (int64_t)n < most ? n : (size_t)most;
	if (in->fd < 0) {
		memcpy(to, in->held.p + inside, n);
		return (ssize_t)n;
	}
	ssize_t got;
	do
		got = pread(in->fd, to, n, (off_t)inside);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return got;
	fail(e, ERR_STORE, NULL, "A file could not be read: %s.", got ? strerror(errno) : "its copy is cut off");
	return -1;
}

static int place_s3_descriptor(const struct place_in *in)
{
	return -1;
}

/* --- what is there ----------------------------------------------------------------------------------------------- */

static struct abandoned *place_s3_take_abandoned(struct place_s3 *p, int64_t key)
{
	pthread_mutex_lock(&p->lock);
	struct abandoned **at = &p->abandoned, *a;
	while (*at && (*at)->key != key)
		at = &(*at)->next;
	a = *at;
	if (a)
		*at = a->next;
	pthread_mutex_unlock(&p->lock);
	return a;
}

static bool place_s3_remove(struct place *place, int64_t key, struct err *e)
{
	struct place_s3 *p = place_s3_of(place);
	struct abandoned *a = place_s3_take_abandoned(p, key);
	char name[OBJECT_NAME];
	bool ok = true;
	place_s3_name(name, key);
	if (a)
		ok = s3_abort(p->s3, str_of(name), (struct str){a->id, a->n},
			      e); /* failed: it is found again by its age */
	xfree(a);
	if (p->cache)
		blob_cache_drop(p->cache, key);
	return ok && s3_delete(p->s3, str_of(name), e);
}

/* "KEY", or of an upload "KEY?ID". */
static bool place_s3_remove_named(struct place *place, const char *name, struct err *e)
{
	struct str id = str_of(name), key = str_cut(&id, '?');
	return id.n ? s3_abort(place_s3_of(place)->s3, key, id, e) : s3_delete(place_s3_of(place)->s3, key, e);
}

struct s3_walk {
	bool (*each)(void *ctx, const struct place_found *f, struct err *e);
	void *ctx;
};

static bool place_s3_each(void *ctx, const struct s3_found *f, struct err *e)
{
	struct s3_walk *w = ctx;
	struct arena a = {0};
	struct place_found found = {.at = f->at};
	char again[OBJECT_NAME] = "";
	unsigned long long key = 0;
	int end = 0;
	struct str name = str_copy(&a, f->name);
	bool ours = sscanf(name.p, "%16llx%n", &key, &end) == 1 && str_eq(place_s3_name(again, (int64_t)key), name),
	     ok = true;
	if (ours) {
		found.key = f->upload.n ? 0 : (int64_t)key;
		found.name = f->upload.n ? str_fmt(&a, "%s?%.*s", again, FMT(f->upload)).p : again;
		ok = w->each(w->ctx, &found, e);
	}
	arena_free(&a);
	return ok;
}

static bool place_s3_list(struct place *place, bool (*each)(void *ctx, const struct place_found *f, struct err *e),
			  void *ctx, struct err *e)
{
	struct s3 *s3 = place_s3_of(place)->s3;
	struct s3_walk w = {each, ctx};
	return s3_list(s3, place_s3_each, &w, e) && s3_list_uploads(s3, place_s3_each, &w, e);
}

/* --- whose it is ------------------------------------------------------------------------------------------------- */

static bool place_s3_claim(struct place *place, struct str owner, struct err *e)
{
	struct s3 *s3 = place_s3_of(place)->s3;
	struct s3_piece p = {.most = 1024};
	struct err why = {0};
	bool there = s3_get(s3, S("owner"), &p, &why), ok = there;
	if (there && !str_eq(buf_str(&p.bytes), owner))
		ok =
		    fail(e, ERR_CONFIG, NULL,
			 "blobs.bucket: what lies there is another store's: name another blobs.bucket or blobs.prefix");
	buf_release(&p.bytes);
	if (there)
		return ok;
	if (why.code == ERR_NOT_FOUND)
		return s3_put(s3, S("owner"), owner, e);
	*e = why;
	return false;
}

static void place_s3_stop(struct place *place)
{
	s3_stop(place_s3_of(place)->s3);
}

static void place_s3_free(struct place *place)
{
	struct place_s3 *p = place_s3_of(place);
	while (p->abandoned) { /* found by their age */
		struct abandoned *a = p->abandoned;
		p->abandoned = a->next;
		xfree(a);
	}
	if (p->cache)
		blob_cache_free(p->cache);
	s3_free(p->s3);
	pthread_mutex_destroy(&p->lock);
	xfree(p);
}

struct place *place_s3_new(struct s3 *s3, struct blob_cache *cache)
{
	static const struct place_kind kind = {
	    .shared = true,
	    .begin = place_s3_begin,
	    .write = place_s3_write,
	    .keep = place_s3_keep,
	    .abandon = place_s3_abandon,
	    .open = place_s3_open,
	    .read = place_s3_read,
	    .descriptor = place_s3_descriptor,
	    .close = place_s3_close,
	    .remove = place_s3_remove,
	    .remove_named = place_s3_remove_named,
	    .list = place_s3_list,
	    .claim = place_s3_claim,
	    .stop = place_s3_stop,
	    .free = place_s3_free,
	};
	struct place_s3 *p = xalloc(sizeof *p);
	*p = (struct place_s3){.place = {&kind}, .s3 = s3, .cache = cache};
	pthread_mutex_init(&p->lock, NULL);
	return &p->place;
}
