/* keys.h - API keys and projects.
 *
 * Keys are shown once and stored as SHA-256; checks are made against a table in memory that every loop
 * shares, so that a revocation counts at once. An admin key is for what the owner asks (usage, costs, metrics) and for no
 * project's content. All functions: any thread; the writing ones block. */
#pragma once
#include "store/store.h"

enum { KEY_TEXT = 80 };

struct key_info {
	char id[ID_MAX], name[128], project[128], hint[16]; /* hint: first and last characters */
	int64_t created_at, revoked_at;
	int64_t used_at; /* when a request was last let in with it; 0: never */
	bool admin;
};
/* A project's number; makes it when `create`. Names: 1-64 of [A-Za-z0-9_.-]. */
bool project_find(struct store *s, struct str name, bool create, int64_t *ret, struct err *e);
/* By their numbers: a project's name, "": there is none; an API key's id, key 0: there is none. */
struct str project_name(struct store *s, int64_t project);
struct id key_id(struct store *s, int64_t key);
struct key_making {
	struct str name, project; /* project {0}: default */
	bool admin;
};
bool key_create(struct store *s, const struct key_making *k, char secret[KEY_TEXT], struct key_info *ret, struct err *e);
/* Calls `each` for every key, newest first. */
bool key_list(struct store *s, void (*each)(void *ctx, const struct key_info *), void *ctx, struct err *e);
bool key_revoke(struct store *s, struct str id, struct err *e);
/* Adds a key that lives in the configuration (ANTIPHON_API_KEY), of project default. */
void key_add_fixed(struct store *s, struct str secret);
/* Whom a key stands for. */
struct key_holder {
	int64_t project;
	struct str project_name; /* lives as long as the store */
	struct id id;            /* the key's own; key 0: one of the configuration */
	bool admin;
};
/* true: *ret is set. */
bool key_check(struct store *s, struct str secret, struct key_holder *ret);
/* Was a key ever made? Before that a loopback listener takes any. Revoking the last one does not open the
 * door again, least of all to the revoked key. */
bool key_any(struct store *s);

/* --- inside store/: what is known of keys in memory --- */
bool keyring_open(struct store *s, struct err *e);
/* Another node has written some: reads them anew. Blocks. false: that failed. */
bool keyring_refresh(struct store *s);
void keyring_close(struct store *s);
/* Writes down which keys were used since the last call: the sweeper does, so that a crash forgets store.sweep_seconds at most. */
void keys_note_used(struct store *s);
