/* store.c - opening and closing, and what the store knows of itself. */
#include "store/store.h"

#include <assert.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>

#include "store/blob_dead.h"
#include "store/blob_sweeper.h"
#include "store/beat.h"
#include "store/blobs.h"
#include "store/sealed.h"
#include "store/sweep.h"

#include "store/drivers.h"
#include "store/lend.h"
#include "store/inlay_keep.h"
#include "store/node.h"
#include "store/request.h"

/* --- the secret --- */

static bool on_secret(void *ctx, const struct cell *cells)
{
	struct store *s = ctx;
	if (cells[0].s.n == sizeof s->secret)
		memcpy(s->secret, cells[0].s.p, sizeof s->secret);
	return false;
}

static bool on_floor(void *ctx, const struct cell *cells)
{
	*(int64_t *)ctx = cells[0].i;
	return false;
}

static bool load_self(struct db_reader *r, void *ctx, struct err *e)
{
	struct store *s = ctx;
	struct bind name = TEXT(S("secret"));
	int64_t floor = 0;
	if (!sealed_query(s, r, STMT_META_GET, &name, 1, on_secret, s, e) ||
	    !sealed_query(s, r, STMT_MAX_KEY, NULL, 0, on_floor, &floor, e) || !node_load(s, r, e))
		return false;
	if (sodium_is_zero(s->secret, sizeof s->secret))
		return fail(e, ERR_STORE, NULL, "the store's secret is missing");
	id_floor(floor);
	return true;
}

/* The first open makes the secret; every one begins an incarnation of the node. */
static bool write_self(struct store *s, struct err *e)
{
	uint8_t fresh[sizeof s->secret];
	randombytes_buf(fresh, sizeof fresh);
	struct store_request *r =
	    request_new(NULL, NULL, 1 + NODE_BEGIN_CHANGES, 2 + NODE_BEGIN_BINDS, sizeof fresh + 8);
	ADD(r, STMT_META_INSERT, TEXT(S("secret")), BLOB(((struct str){(char *)fresh, sizeof fresh})));
	node_begin(r, s->node);
	return store_write(s, r, e);
}

void store_secret(const struct store *s, const char *purpose, uint8_t out[32])
{
	crypto_generichash(out, 32, (const unsigned char *)purpose, strlen(purpose), s->secret, sizeof s->secret);
}

struct id_key {
	struct store *store;
	bool own; /* `out` is set */
	uint8_t *out;
};

static bool on_id_key(void *ctx, const struct cell *cells)
{
	struct id_key *k = ctx;
	if (cells[0].s.n == 32)
		memcpy(k->out, cells[0].s.p, 32);
	k->own = cells[0].s.n == 32;
	return false;
}

static bool load_id_key(struct db_reader *r, void *ctx, struct err *e)
{
	struct id_key *k = ctx;
	struct bind id = TEXT(S("id")), secret = TEXT(S("secret"));
	return sealed_query(k->store, r, STMT_META_GET, &id, 1, on_id_key, k, e) &&
	       sealed_query(k->store, r, STMT_META_GET, &secret, 1, on_secret, k->store, e);
}

bool store_id_key(struct store *s, uint8_t out[32], struct err *e)
{
	struct id_key k = {.store = s, .out = out};
	if (!s->driver->read(s->reader, load_id_key, &k, e))
		return false;
	if (!k.own)
		store_secret(s, "id", out);
	return true;
}

/* --- open and close --- */

static bool open_database(struct store *s, const struct store_options *o, const char *path, struct err *e)
{
	struct db_options d = {
	    .path = path,
	    .vfs = o->vfs,
	    .sync_normal = o->sync_normal,
	    .finished = request_finished,
	    .answered = request_answered,
	    .heard = heard_text,
	    .ctx = s,
	};
	if (!s->driver->open(&d, &s->db, e))
		return false;
	s->reader = s->driver->attach(s->db);
	s->lender = lender_new(s);
	return true;
}

/* What others have, too, is marked as this store's. */
static bool open_blobs(struct store *s, const char *dir, struct err *e)
{
	uint8_t id[32];
	char owner[65];
	store_secret(s, "blobs", id);
	sodium_bin2hex(owner, sizeof owner, id, sizeof id);
	s->blob_dead = blob_dead_new();
	return blobs_open(s, dir, e) && blob_sweeper_start(s, str_of(owner), &s->blob_sweeper, e);
}

/* What was dropped goes, but where that might take long. */
static void close_blobs(struct store *s)
{
	if (s->node->blobs && !s->blob_sweeper && blobs_near(s->node->blobs))
		blob_dead_bury(s);
	blobs_close(s);
	blob_dead_free(s->blob_dead);
}

bool store_open(const struct store_options *o, struct store **ret, struct err *e)
{
	char dir[PATH_MAX], path[PATH_MAX];
	const struct driver *driver = NULL;
	if (sodium_init() < 0)
		return fail(e, ERR_INTERNAL, NULL, "libsodium cannot start");
	if (o->dir.n >= sizeof dir)
		return fail(e, ERR_CONFIG, NULL, "the name of the data folder is too long");
	memcpy(dir, o->dir.p, o->dir.n);
	dir[o->dir.n] = 0;
	if (!store_driver(o, path, &driver, e))
		return false;
	struct store *s = xalloc(sizeof *s);
	s->driver = driver;
	pthread_mutex_init(&s->wait_lock, NULL);
	pthread_cond_init(&s->wait_wake, NULL);
	s->node = node_take(dir, e);
	if (!s->node)
		goto have_store;
	snprintf(s->node->address, sizeof s->node->address, "%.*s", FMT(o->address));
	if (!open_database(s, o, path, e))
		goto have_node;
	if (!beat_prepare(s, e) || !node_number(s, dir, o->node, e) || !write_self(s, e) ||
	    !driver->read(s->reader, load_self, s, e) || !beat_start(s, e))
		goto have_database;
	uint8_t key[32];
	if (!store_id_key(s, key, e))
		goto have_database;
	id_setup(key);
	if (!keyring_open(s, e))
		goto have_database;
	s->inlays = inlay_keeper_new(s);
	if (!open_blobs(s, dir, e) || !sweeper_start(s, e))
		goto have_keys;
	*ret = s;
	return true;
have_keys:
	blob_sweeper_stop(s->blob_sweeper);
	inlay_keeper_free(s->inlays);
	close_blobs(s);
have_database:
	heard_no_more(s);
	beat_stop(s);
	lender_free(s->lender);
	driver->detach(s->reader);
	driver->close(s->db);
	keyring_close(s);
have_node:
	node_leave(s->node);
have_store:
	pthread_mutex_destroy(&s->wait_lock);
	pthread_cond_destroy(&s->wait_wake);
	xfree(s);
	return false;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	assert(!s->resealer);
	sweeper_stop(s);
	blob_sweeper_stop(s->blob_sweeper);
	inlay_keeper_free(s->inlays);
	heard_no_more(s);
	sealer_close(s);
	beat_stop(s);
	lender_free(s->lender);
	s->driver->detach(s->reader);
	s->driver->close(s->db);
	keyring_close(s);
	close_blobs(s);
	node_leave(s->node);
	pthread_mutex_destroy(&s->wait_lock);
	pthread_cond_destroy(&s->wait_wake);
	sodium_memzero(s->secret, sizeof s->secret);
	xfree(s);
}

bool store_healthy(const struct store *s, struct err *why)
{
	return s->driver->healthy(s->db, why);
}
