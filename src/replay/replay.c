/* replay.c - events kept for streaming again.
 *
 * Events are gathered in an open piece, each as what differs from the one before (event_pack.h); a piece of about
 * 1 KB, which is fifty tokens and more, is packed with zstd and a dictionary (usual.h), the first two sooner: what a
 * response begins with is long, and the same for most. Pieces are read one after the other. One mutex a replay, one for
 * the table; the table's is taken first. */
#include "replay/replay.h"

#include <pthread.h>
#include <string.h>
#include <zstd.h>

#include "door/options.h"
#include "base/clock.h"
#include "base/map.h"
#include "replay/usual.h"

enum { PIECE = 1024, BEGINNING = 512, BEGINNINGS = 2, LEVEL = 1, MORE = 1 /* the kind of news */ };

struct piece {
	struct piece *next;
	size_t raw, n; /* bytes unpacked, packed */
	char data[];
};

struct replay {
	struct replays *owner;
	struct replay *next_ended; /* in order of their ends */
	pthread_mutex_t lock;
	struct piece *first, *last;
	size_t n_pieces, bytes;
	struct buf open;
	struct event_pack pack; /* at the end of `open` */
	struct watches followers;
	unsigned refs; /* under the table's lock: table, writer, followers */
	bool ended, obfuscate;
	int64_t ended_us;
	size_t n_key;
	char key[]; /* "project/id" */
};

struct replays {
	pthread_mutex_t lock;
	struct map map;
	struct replay *ended_first, *ended_last;
	size_t ended_bytes;
	ZSTD_CDict *packs; /* what both sides know; any thread, as it never changes */
	ZSTD_DDict *unpacks;
};

struct replays *replays_new(void)
{
	struct replays *rs = xalloc(sizeof *rs);
	struct buf usual;
	pthread_mutex_init(&rs->lock, NULL);
	buf_init(&usual, SIZE_MAX / 2);
	usual_events(&usual);
	rs->packs = ZSTD_createCDict(usual.p, usual.n, LEVEL);
	rs->unpacks = ZSTD_createDDict(usual.p, usual.n);
	buf_release(&usual);
	return rs;
}

/* With the table's lock held. */
static void replay_unref(struct replay *r)
{
	if (--r->refs)
		return;
	while (r->first) {
		struct piece *p = r->first;
		r->first = p->next;
		xfree(p);
	}
	buf_release(&r->open);
	event_pack_release(&r->pack);
	pthread_mutex_destroy(&r->lock);
	xfree(r);
}

static struct str replay_key(const struct replay *r)
{
	return (struct str){r->key, r->n_key};
}

/* With the table's lock held: takes the oldest ended one out of the table. */
static void drop_oldest(struct replays *rs)
{
	struct replay *r = rs->ended_first;
	rs->ended_first = r->next_ended;
	if (!rs->ended_first)
		rs->ended_last = NULL;
	rs->ended_bytes -= r->bytes;
	if (map_get(&rs->map, replay_key(r)) == r)
		map_del(&rs->map, replay_key(r));
	replay_unref(r);
}

void replays_free(struct replays *rs)
{
	while (rs->ended_first)
		drop_oldest(rs);
	map_release(&rs->map);
	ZSTD_freeCDict(rs->packs);
	ZSTD_freeDDict(rs->unpacks);
	pthread_mutex_destroy(&rs->lock);
	xfree(rs);
}

static struct str replay_make_key(char out[ID_MAX + 32], int64_t project, struct str id)
{
	int n = snprintf(out, ID_MAX + 32, "%lld/%.*s", (long long)project, (int)(id.n < ID_MAX ? id.n : ID_MAX), id.p);
	return (struct str){out, (size_t)n};
}

struct replay *replay_begin(struct replays *rs, int64_t project, struct str id, bool obfuscate)
{
	char text[ID_MAX + 32];
	struct str key = replay_make_key(text, project, id);
	struct replay *r = xalloc(sizeof *r + key.n);
	memcpy(r->key, key.p, r->n_key = key.n);
	r->owner = rs;
	r->obfuscate = obfuscate;
	r->refs = 2; /* the table and the writer */
	pthread_mutex_init(&r->lock, NULL);
	buf_init(&r->open, SIZE_MAX / 2);
	event_pack_init(&r->pack);
	pthread_mutex_lock(&rs->lock);
	map_put(&rs->map, replay_key(r), r);
	pthread_mutex_unlock(&rs->lock);
	return r;
}

static pthread_key_t packer_key;

/* One a loop, which goes with its thread. */
struct packer {
	ZSTD_CCtx *in;
	ZSTD_DCtx *out;
};

static void packer_free(void *ctx)
{
	struct packer *p = ctx;
	ZSTD_freeCCtx(p->in);
	ZSTD_freeDCtx(p->out);
	xfree(p);
}

static void packer_setup(void)
{
	pthread_key_create(&packer_key, packer_free);
}

static struct packer *packer(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, packer_setup);
	struct packer *p = pthread_getspecific(packer_key);
	if (!p) {
		p = xalloc(sizeof *p);
		p->in = ZSTD_createCCtx();
		p->out = ZSTD_createDCtx();
		pthread_setspecific(packer_key, p);
	}
	return p;
}

static void pack(struct replay *r)
{
	size_t bound = ZSTD_compressBound(r->open.n);
	struct piece *p = xalloc(sizeof *p + bound);
	size_t n = ZSTD_compress_usingCDict(packer()->in, p->data, bound, r->open.p, r->open.n, r->owner->packs);
	if (ZSTD_isError(n)) { /* cannot happen with a bound of that size; then the piece is kept empty */
		n = 0;
		r->open.n = 0;
	}
	p->raw = r->open.n;
	p->n = n;
	p = xrealloc(p, sizeof *p + n);
	if (r->last)
		r->last->next = p;
	else
		r->first = p;
	r->last = p;
	r->n_pieces++;
	r->bytes += sizeof *p + n;
	buf_release(&r->open);
}

static void replay_on_told(struct watch *w)
{
	struct follower *f = OWNER(w, struct follower, watch);
	f->more(f);
}

void replay_add(struct replay *r, enum event_type type, int64_t seq, int64_t delta, struct str json)
{
	pthread_mutex_lock(&r->lock);
	event_pack_add(&r->pack, &r->open, &(struct packed_event){type, seq, delta, json});
	if (r->open.n >= (r->n_pieces < BEGINNINGS ? BEGINNING : PIECE))
		pack(r);
	watches_tell(&r->followers, MORE);
	pthread_mutex_unlock(&r->lock);
}

void replay_end(struct replay *r)
{
	struct replays *rs = r->owner;
	int64_t now = clock_mono_us();
	pthread_mutex_lock(&r->lock);
	if (r->open.n)
		pack(r);
	event_pack_release(&r->pack);
	r->ended = true;
	r->ended_us = now;
	watches_tell(&r->followers, MORE);
	pthread_mutex_unlock(&r->lock);

	pthread_mutex_lock(&rs->lock);
	r->bytes += sizeof *r + r->n_key + 64;
	rs->ended_bytes += r->bytes;
	if (rs->ended_last)
		rs->ended_last->next_ended = r;
	else
		rs->ended_first = r;
	rs->ended_last = r;
	replay_unref(r);
	while (rs->ended_first && (rs->ended_bytes > (size_t)api_limits.replay_bytes ||
	                           now - rs->ended_first->ended_us > api_limits.replay_seconds * 1000000))
		drop_oldest(rs);
	pthread_mutex_unlock(&rs->lock);
}

bool replay_followed(struct replay *r)
{
	pthread_mutex_lock(&r->lock);
	bool any = r->followers.first != NULL;
	pthread_mutex_unlock(&r->lock);
	return any;
}

bool follow_start(struct replays *rs, int64_t project, struct str id, struct loop *l, struct follower *f,
                  void (*more)(struct follower *))
{
	char text[ID_MAX + 32];
	pthread_mutex_lock(&rs->lock);
	struct replay *r = map_get(&rs->map, replay_make_key(text, project, id));
	if (r)
		r->refs++;
	pthread_mutex_unlock(&rs->lock);
	if (!r)
		return false;
	*f = (struct follower){.replay = r, .more = more};
	buf_init(&f->plain, SIZE_MAX / 2);
	buf_init(&f->json, SIZE_MAX / 2);
	event_pack_init(&f->pack);
	pthread_mutex_lock(&r->lock);
	watch_start(&r->followers, l, WATCH_ONCE, &f->watch, replay_on_told);
	pthread_mutex_unlock(&r->lock);
	return true;
}

/* With the replay's lock held: the piece the follower stands in becomes f->plain. */
static void load_piece(struct follower *f)
{
	struct replay *r = f->replay;
	struct str from = buf_str(&r->open);
	buf_clear(&f->plain);
	if (f->chunk == r->n_pieces) {
		buf_add(&f->plain, from);
		return;
	}
	struct piece *p = r->first;
	for (size_t i = 0; i < f->chunk; i++)
		p = p->next;
	char *room = buf_room(&f->plain, p->raw);
	if (p->raw && !ZSTD_isError(ZSTD_decompress_usingDDict(packer()->out, room, p->raw, p->data, p->n, r->owner->unpacks)))
		f->plain.n = p->raw;
}

bool follow_next(struct follower *f, struct replay_event *ev, bool *ended)
{
	struct replay *r = f->replay;
	struct packed_event got;
	*ended = false;
	if (f->at == f->plain.n) { /* nothing left of what is unpacked: more of this piece, or the next one */
		pthread_mutex_lock(&r->lock);
		load_piece(f);
		if (f->at == f->plain.n && f->chunk < r->n_pieces) {
			f->chunk++;
			f->at = 0;
			load_piece(f);
		}
		bool none = f->at == f->plain.n;
		*ended = none && r->ended;
		watch_want(&f->watch, none && !r->ended ? MORE | WATCH_ONCE : 0);
		pthread_mutex_unlock(&r->lock);
		if (none)
			return false;
	}
	struct str left = {f->plain.p + f->at, f->plain.n - f->at};
	event_pack_take(&f->pack, &left, &f->json, &got);
	f->at = f->plain.n - left.n;
	*ev = (struct replay_event){(enum event_type)got.type, got.seq, got.delta, got.json};
	return true;
}

bool follow_obfuscated(const struct follower *f)
{
	return f->replay->obfuscate;
}

bool follow_ended(const struct follower *f)
{
	pthread_mutex_lock(&f->replay->lock);
	bool ended = f->replay->ended;
	pthread_mutex_unlock(&f->replay->lock);
	return ended;
}

void follow_stop(struct follower *f)
{
	struct replay *r = f->replay;
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	watch_stop(&r->followers, &f->watch);
	pthread_mutex_unlock(&r->lock);
	buf_release(&f->plain);
	buf_release(&f->json);
	event_pack_release(&f->pack);
	pthread_mutex_lock(&r->owner->lock);
	replay_unref(r);
	pthread_mutex_unlock(&r->owner->lock);
	*f = (struct follower){0};
}
