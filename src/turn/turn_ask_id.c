/* turn_ask_id.c - what the id of a request for an approval is bound to. */
#include <sodium.h>
#include <string.h>

#include "turn/turn_ask_id.h"

enum { BOUND = 8, DEFINED = ID_RND - BOUND }; /* bytes of an id's random part: what was asked for, and the definition */

static void ask_hash(crypto_generichash_state *h, struct str s)
{
	uint64_t n = s.n;
	crypto_generichash_update(h, (const unsigned char *)&n, sizeof n);
	crypto_generichash_update(h, (const unsigned char *)(s.p ? s.p : ""), s.n);
}

static void ask_keyed(struct turn *t, const char *purpose, int64_t key, const struct str *parts, size_t n,
		      uint8_t out[32])
{
	uint8_t secret[32];
	crypto_generichash_state h;
	store_secret(t->api->api->options.store, purpose, secret);
	crypto_generichash_init(&h, secret, sizeof secret, 32);
	ask_hash(&h, (struct str){(const char *)&key, sizeof key});
	for (size_t i = 0; i < n; i++)
		ask_hash(&h, parts[i]);
	crypto_generichash_final(&h, out, 32);
}

void ask_bind(struct turn *t, const struct ask_call *call, struct id *id)
{
	uint8_t out[32];
	struct str parts[] = {{(const char *)&t->project, sizeof t->project},
			      call->server->hosted->server->address(&t->arena, call->server->given),
			      call->label,
			      call->name,
			      call->arguments,
			      call->caller};
	size_t n = sizeof parts / sizeof *parts;
	ask_keyed(t, "approval", id->key, parts, call->caller.n ? n : n - 1, out); /* a model's call has none */
	memcpy(id->rnd, out, BOUND);
}

void ask_define(struct turn *t, const struct function_tool *f, struct id *id)
{
	uint8_t out[32], definition[32];
	struct str part = {(const char *)definition, sizeof definition};
	f->hosted->server->defined(f->definition, definition);
	ask_keyed(t, "approval of a definition", id->key, &part, 1, out);
	memcpy(id->rnd + BOUND, out, DEFINED);
}

bool ask_bound_equal(const struct id *a, const struct id *b)
{
	return sodium_memcmp(a->rnd, b->rnd, BOUND) == 0;
}

bool ask_defined(struct turn *t, const struct function_tool *f, const struct id *id)
{
	struct id now = *id;
	ask_define(t, f, &now);
	return sodium_memcmp(now.rnd + BOUND, id->rnd + BOUND, DEFINED) == 0;
}
