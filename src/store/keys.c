/* keys.c - API keys and projects. */
#include "store/keys.h"

#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "store/nodes.h"
#include "store/request.h"
#include "store/sealed.h"

enum { SECRET_LETTERS = 48, PROJECT_NAME = 64, KEY_NAME = 127 };

struct project {
	int64_t id;
	char name[PROJECT_NAME + 1];
	struct project *next;
};

struct key {
	struct id id;
	uint8_t hash[crypto_hash_sha256_BYTES];
	const struct project *project;
	char name[KEY_NAME + 1], hint[16];
	int64_t created_at, revoked_at;
	int64_t noted;          /* used_at as its row has it; the sweeper's */
	atomic_llong used_at;   /* set under the read lock */
	bool fixed; /* of the configuration: not listed */
	bool admin;
	struct key *next;
};

/* All keys and projects, in memory; entries are never freed before the end. */
struct keyring {
	pthread_rwlock_t lock;
	struct project *projects;
	struct key *keys; /* newest first */
	struct map by_hash;
};

static void hash_of(struct str secret, uint8_t out[crypto_hash_sha256_BYTES])
{
	crypto_hash_sha256(out, (const unsigned char *)secret.p, secret.n);
}

static void set_text(char *out, size_t size, struct str s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;
	memcpy(out, s.p, n);
	out[n] = 0;
}

/* --- the table; the lock is held --- */

static struct project *project_by_id(struct keyring *k, int64_t id)
{
	struct project *p = k->projects;
	while (p && p->id != id)
		p = p->next;
	return p;
}

static struct project *project_by_name(struct keyring *k, struct str name)
{
	struct project *p = k->projects;
	while (p && !str_eq(str_of(p->name), name))
		p = p->next;
	return p;
}

static struct key *key_by_hash(struct keyring *k, const void *hash)
{
	return map_get(&k->by_hash, (struct str){hash, crypto_hash_sha256_BYTES});
}

static void key_put(struct keyring *k, struct key *key)
{
	if (key_by_hash(k, key->hash)) { /* read meanwhile, from the row that was just written (keyring_refresh()) */
		xfree(key);
		return;
	}
	key->next = k->keys;
	k->keys = key;
	map_put(&k->by_hash, (struct str){(const char *)key->hash, sizeof key->hash}, key);
}

static bool keys_on_project(void *ctx, const struct cell *cells)
{
	struct keyring *k = ctx;
	if (project_by_id(k, cells[0].i))
		return true;
	struct project *p = xalloc(sizeof *p);
	p->id = cells[0].i;
	set_text(p->name, sizeof p->name, cells[1].s);
	p->next = k->projects;
	k->projects = p;
	return true;
}

static bool keys_on_key(void *ctx, const struct cell *cells)
{
	struct keyring *k = ctx;
	const struct project *project = project_by_id(k, cells[2].i);
	if (!project || cells[1].s.n != ID_RND || cells[5].s.n != crypto_hash_sha256_BYTES)
		return true;
	struct key *key = key_by_hash(k, cells[5].s.p);
	if (key) {
		key->revoked_at = cells[7].i;
		return true;
	}
	key = xalloc(sizeof *key);
	key->id.key = cells[0].i;
	memcpy(key->id.rnd, cells[1].s.p, ID_RND);
	key->project = project;
	set_text(key->name, sizeof key->name, cells[3].s);
	set_text(key->hint, sizeof key->hint, cells[4].s);
	memcpy(key->hash, cells[5].s.p, sizeof key->hash);
	key->created_at = cells[6].i;
	key->revoked_at = cells[7].i;
	key->admin = cells[8].i;
	key->noted = cells[9].i;
	atomic_init(&key->used_at, key->noted);
	key_put(k, key);
	return true;
}

static bool load_projects(struct db_reader *r, void *ctx, struct err *e)
{
	struct store *s = ctx;
	return sealed_query(s, r, STMT_PROJECT_LIST, NULL, 0, keys_on_project, s->keyring, e);
}

struct keys_loading {
	struct store *store;
	struct keyring *into;
};

static bool keys_load_into(struct db_reader *r, void *ctx, struct err *e)
{
	struct keys_loading *l = ctx;
	return sealed_query(l->store, r, STMT_PROJECT_LIST, NULL, 0, keys_on_project, l->into, e) &&
	       sealed_query(l->store, r, STMT_KEY_LIST, NULL, 0, keys_on_key, l->into, e);
}

bool keyring_open(struct store *s, struct err *e)
{
	struct keyring *k = xalloc(sizeof *k);
	pthread_rwlock_init(&k->lock, NULL);
	pthread_rwlock_wrlock(&k->lock);
	atomic_store(&s->keyring, k);
	bool ok = s->driver->read(s->reader, keys_load_into, &(struct keys_loading){s, k}, e);
	pthread_rwlock_unlock(&k->lock);
	return ok;
}

/* What was read is moved into the table, or says what changed of what stands there. The lock is held. */
static void keyring_take(struct keyring *k, struct keyring *from)
{
	for (struct project *p = from->projects, *next; p; p = next) {
		next = p->next;
		if (project_by_id(k, p->id))
			continue;
		struct project *own = xalloc(sizeof *own);
		*own = *p;
		own->next = k->projects;
		k->projects = own;
	}
	for (const struct key *at = from->keys; at; at = at->next) {
		struct key *key = key_by_hash(k, at->hash);
		if (key) {
			key->revoked_at = at->revoked_at;
			continue;
		}
		key = xalloc(sizeof *key);
		*key = *at;
		key->project = project_by_id(k, at->project->id);
		key_put(k, key);
	}
}

static void keyring_free(struct keyring *k)
{
	while (k->keys) {
		struct key *key = k->keys;
		k->keys = key->next;
		xfree(key);
	}
	while (k->projects) {
		struct project *p = k->projects;
		k->projects = p->next;
		xfree(p);
	}
	map_release(&k->by_hash);
	pthread_rwlock_destroy(&k->lock);
	xfree(k);
}

/* Read beside the table, and then taken into it: a loop that checks a key waits for no database. */
bool keyring_refresh(struct store *s)
{
	struct err e = {0};
	if (!atomic_load(&s->keyring))
		return true;
	struct keys_loading l = {.store = s, .into = xalloc(sizeof *l.into)};
	pthread_rwlock_init(&l.into->lock, NULL);
	bool ok = s->driver->read(s->reader, keys_load_into, &l, &e);
	if (ok) {
		pthread_rwlock_wrlock(&s->keyring->lock);
		keyring_take(s->keyring, l.into);
		pthread_rwlock_unlock(&s->keyring->lock);
	} else {
		log_at(LOG_ERROR, "keys that other nodes made or revoked are not known yet", "reason=\"%s\"", e.msg);
	}
	keyring_free(l.into);
	return ok;
}

void keyring_close(struct store *s)
{
	struct keyring *k = s->keyring;
	if (k)
		keyring_free(k);
	s->keyring = NULL;
}

/* --- projects --- */

static bool project_name_ok(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && c != '_' && c != '.' && c != '-')
			return false;
	}
	return name.n > 0 && name.n <= PROJECT_NAME;
}

static const struct project *project_get(struct store *s, struct str name)
{
	struct keyring *k = s->keyring;
	pthread_rwlock_rdlock(&k->lock);
	const struct project *p = project_by_name(k, name);
	pthread_rwlock_unlock(&k->lock);
	return p;
}

static const struct project *project_take(struct store *s, struct str name, bool create, struct err *e)
{
	const struct project *p = project_get(s, name);
	if (p)
		return p;
	if (!project_name_ok(name)) {
		fail(e, ERR_INVALID_VALUE, "project", "a project's name has 1 to %d of the letters A-Z a-z 0-9 _ . -",
		     PROJECT_NAME);
		return NULL;
	}
	if (!create) {
		fail(e, ERR_NOT_FOUND, "project", "no project \"%.*s\"", FMT(name));
		return NULL;
	}
	struct store_request *r = request_new(NULL, NULL, 1, 1, name.n);
	ADD(r, STMT_PROJECT_INSERT, TEXT(name));
	if (!store_write(s, r, e))
		return NULL;
	pthread_rwlock_wrlock(&s->keyring->lock);
	bool ok = s->driver->read(s->reader, load_projects, s, e);
	pthread_rwlock_unlock(&s->keyring->lock);
	return ok ? project_get(s, name) : NULL;
}

bool project_find(struct store *s, struct str name, bool create, int64_t *ret, struct err *e)
{
	const struct project *p = project_take(s, name, create, e);
	if (p)
		*ret = p->id;
	return p != NULL;
}

/* --- keys --- */

static void keys_make_secret(char out[KEY_TEXT], bool admin)
{
	static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = (size_t)snprintf(out, KEY_TEXT, "%s", admin ? "sk-admin-" : "sk-");
	for (int i = 0; i < SECRET_LETTERS; i++)
		out[n++] = letters[randombytes_uniform(sizeof letters - 1)];
	out[n] = 0;
}

static void key_describe(const struct key *key, struct key_info *ret)
{
	*ret = (struct key_info){.created_at = key->created_at,
				 .revoked_at = key->revoked_at,
				 .used_at = atomic_load_explicit(&key->used_at, memory_order_relaxed),
				 .admin = key->admin};
	id_text(ret->id, "key", &key->id);
	set_text(ret->name, sizeof ret->name, str_of(key->name));
	set_text(ret->project, sizeof ret->project, str_of(key->project->name));
	set_text(ret->hint, sizeof ret->hint, str_of(key->hint));
}

static struct key *key_new(const struct project *p, const struct key_making *k, const char *text)
{
	struct key *key = xalloc(sizeof *key);
	key->id = id_mint();
	key->project = p;
	key->admin = k->admin;
	key->created_at = clock_wall_s();
	set_text(key->name, sizeof key->name, k->name);
	snprintf(key->hint, sizeof key->hint, "%.6s...%.4s", text, text + strlen(text) - 4);
	hash_of(str_of(text), key->hash);
	return key;
}

bool key_create(struct store *s, const struct key_making *k, char secret[KEY_TEXT], struct key_info *ret, struct err *e)
{
	if (!k->name.n || k->name.n > KEY_NAME)
		return fail(e, ERR_INVALID_VALUE, "name", "a key's name has 1 to %d bytes", KEY_NAME);
	const struct project *p = project_take(s, k->project.n ? k->project : S("default"), true, e);
	if (!p)
		return false;
	char text[KEY_TEXT];
	keys_make_secret(text, k->admin);
	struct key *key = key_new(p, k, text);
	struct str hash = {(const char *)key->hash, sizeof key->hash};
	struct store_request *r = request_new(NULL, NULL, 1, 8, ID_RND + k->name.n + sizeof key->hint + hash.n);
	ADD(r, STMT_KEY_INSERT, INT(key->id.key), BLOB(rnd_str(&key->id)), INT(p->id), TEXT(k->name),
	    TEXT(str_of(key->hint)), BLOB(hash), INT(key->created_at), INT(k->admin));
	if (!store_write(s, r, e)) {
		xfree(key);
		return false;
	}
	key_describe(key, ret);
	memcpy(secret, text, sizeof text);
	pthread_rwlock_wrlock(&s->keyring->lock);
	key_put(s->keyring, key);
	pthread_rwlock_unlock(&s->keyring->lock);
	store_tell(s, WORD_KEYS, 0);
	return true;
}

bool key_list(struct store *s, void (*each)(void *ctx, const struct key_info *), void *ctx, struct err *e)
{
	struct keyring *k = s->keyring;
	size_t n = 0;
	/* Copied first: `each` may itself ask for keys. */
	pthread_rwlock_rdlock(&k->lock);
	for (const struct key *key = k->keys; key; key = key->next)
		n += !key->fixed;
	struct key_info *list = xalloc((n + 1) * sizeof *list);
	n = 0;
	for (const struct key *key = k->keys; key; key = key->next)
		if (!key->fixed)
			key_describe(key, &list[n++]);
	pthread_rwlock_unlock(&k->lock);
	for (size_t i = 0; i < n; i++)
		each(ctx, &list[i]);
	xfree(list);
	return true;
}

static struct key *key_by_id(struct keyring *k, const struct id *id)
{
	struct key *key = k->keys;
	while (key && (key->fixed || key->id.key != id->key || memcmp(key->id.rnd, id->rnd, ID_RND)))
		key = key->next;
	return key;
}

bool key_revoke(struct store *s, struct str id, struct err *e)
{
	struct keyring *k = s->keyring;
	struct id kid;
	struct key *key = NULL;
	bool ours = id_parse(id, "key", &kid);
	pthread_rwlock_rdlock(&k->lock);
	if (ours)
		key = key_by_id(k, &kid);
	bool done = key && key->revoked_at;
	pthread_rwlock_unlock(&k->lock);
	if (!key)
		return fail(e, ERR_NOT_FOUND, NULL, "no API key with id '%.*s'", (int)(id.n < 200 ? id.n : 200), id.p);
	if (done)
		return true;
	int64_t now = clock_wall_s();
	struct store_request *r = request_new(NULL, NULL, 1, 2, 0);
	ADD(r, STMT_KEY_REVOKE, INT(kid.key), INT(now));
	if (!store_write(s, r, e))
		return false;
	pthread_rwlock_wrlock(&k->lock);
	if (!key->revoked_at)
		key->revoked_at = now;
	pthread_rwlock_unlock(&k->lock);
	store_tell(s, WORD_KEYS, 0);
	return true;
}

void key_add_fixed(struct store *s, struct str secret)
{
	struct key *key = xalloc(sizeof *key);
	key->fixed = true;
	hash_of(secret, key->hash);
	pthread_rwlock_wrlock(&s->keyring->lock);
	key->project = project_by_id(s->keyring, 1);
	key_put(s->keyring, key);
	pthread_rwlock_unlock(&s->keyring->lock);
}

bool key_check(struct store *s, struct str secret, struct key_holder *ret)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	hash_of(secret, hash);
	pthread_rwlock_rdlock(&s->keyring->lock);
	struct key *key = map_get(&s->keyring->by_hash, (struct str){(const char *)hash, sizeof hash});
	bool ok = key && !key->revoked_at;
	if (ok) {
		*ret = (struct key_holder){key->project->id, str_of(key->project->name), key->id, key->admin};
		atomic_store_explicit(&key->used_at, clock_wall_s(), memory_order_relaxed);
	}
	pthread_rwlock_unlock(&s->keyring->lock);
	return ok;
}

/* --- when they were used --- */

enum { NOTED_AT_ONCE = 64 };

/* Those whose rows lag behind, with what is to be noted. */
static size_t keys_lagging(struct keyring *k, struct key **list)
{
	size_t n = 0;
	pthread_rwlock_rdlock(&k->lock);
	for (struct key *key = k->keys; key && n < NOTED_AT_ONCE; key = key->next)
		if (!key->fixed && atomic_load_explicit(&key->used_at, memory_order_relaxed) > key->noted)
			list[n++] = key;
	pthread_rwlock_unlock(&k->lock);
	return n;
}

void keys_note_used(struct store *s)
{
	struct key *list[NOTED_AT_ONCE];
	int64_t at[NOTED_AT_ONCE];
	struct err e = {0};
	for (size_t n; (n = keys_lagging(s->keyring, list));) {
		struct store_request *r = request_new(NULL, NULL, n, 2 * n, 0);
		for (size_t i = 0; i < n; i++) {
			at[i] = atomic_load_explicit(&list[i]->used_at, memory_order_relaxed);
			ADD(r, STMT_KEY_USED, INT(list[i]->id.key), INT(at[i]));
		}
		if (!store_write(s, r, &e))
			return; /* the next call tries again */
		for (size_t i = 0; i < n; i++)
			list[i]->noted = at[i];
	}
}

struct str project_name(struct store *s, int64_t project)
{
	pthread_rwlock_rdlock(&s->keyring->lock);
	const struct project *p = project_by_id(s->keyring, project);
	pthread_rwlock_unlock(&s->keyring->lock);
	return p ? str_of(p->name) : S("");
}

struct id key_id(struct store *s, int64_t number)
{
	pthread_rwlock_rdlock(&s->keyring->lock);
	const struct key *key = number ? s->keyring->keys : NULL;
	while (key && (key->fixed || key->id.key != number))
		key = key->next;
	pthread_rwlock_unlock(&s->keyring->lock);
	return key ? key->id : (struct id){0};
}

bool key_any(struct store *s)
{
	pthread_rwlock_rdlock(&s->keyring->lock);
	bool any = s->keyring->keys != NULL;
	pthread_rwlock_unlock(&s->keyring->lock);
	return any;
}
