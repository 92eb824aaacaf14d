/* nodes.c - what others see of the nodes of a store. */
#include "store/nodes.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/core.h"
#include "store/keys.h"
#include "store/lease.h"
#include "store/node.h"
#include "store/request.h"

bool store_leads(const struct store *s)
{
	return !s->driver->shared || atomic_load(&s->node->leads);
}

bool store_led_by_other(const struct store *s)
{
	return atomic_load(&s->node->after_other);
}

bool store_leader(const struct store *s, struct node_row *ret)
{
	bool found = false;
	struct node_row *rows = xalloc(NODES_MOST * sizeof *rows);
	size_t n = store_nodes(s, rows);
	for (size_t i = 0; i < n && !found; i++)
		if ((found = rows[i].leads))
			*ret = rows[i];
	xfree(rows);
	return found;
}

bool store_draining(const struct store *s)
{
	return atomic_load(&s->node->drains);
}

size_t store_nodes(const struct store *s, struct node_row ret[NODES_MOST])
{
	const struct node *n = s->node;
	size_t rows = n->beat ? node_table_copy(n->table, ret) : 0;
	if (!rows)
		ret[rows++] = (struct node_row){.number = n->number,
						.incarnation = n->incarnation,
						.leads = true,
						.draining = atomic_load(&n->drains),
						.version = ANTIPHON_VERSION};
	for (size_t i = 0; i < rows; i++)
		ret[i].here = ret[i].number == n->number;
	return rows;
}

bool store_has_here(const struct store *s, const struct id *id, struct node_row *ret)
{
	int number = id_node(id);
	if (!s->driver->shared || number < 0 || number == s->node->number)
		return true;
	struct node_row *rows = xalloc(NODES_MOST * sizeof *rows);
	size_t n = store_nodes(s, rows);
	*ret = (struct node_row){.number = number, .dead = true};
	for (size_t i = 0; i < n; i++)
		if (rows[i].number == number)
			*ret = rows[i];
	xfree(rows);
	return false;
}

bool store_drain_node(struct store *s, int64_t number, bool drain, struct err *e)
{
	char none[64];
	int n = snprintf(none, sizeof none, "There is no node %" PRId64 ".", number);
	struct store_request *r = request_new(NULL, NULL, 1, 2, sizeof none);
	ADD(r, STMT_NODE_DRAIN, INT(number), INT(drain));
	request_must(r, ERR_NOT_FOUND, (struct str){none, (size_t)n});
	if (!store_write(s, r, e))
		return false;
	if (number == s->node->number)
		atomic_store(&s->node->drains, drain);
	return true;
}

/* A word is signed: whoever may connect to the database could tell it otherwise. */
static uint64_t word_mac(const struct store *s, struct str word)
{
	uint8_t key[32];
	uint64_t mac;
	store_secret(s, "words", key);
	crypto_shorthash((unsigned char *)&mac, (const unsigned char *)word.p, word.n, key);
	return mac;
}

void store_tell(struct store *s, enum store_word word, int64_t key)
{
	char text[DRIVER_TELL];
	if (!s->driver->shared)
		return;
	int n = snprintf(text, sizeof text, "%c%" PRId64, (char)word, key);
	n += snprintf(text + n, sizeof text - (size_t)n, ".%016" PRIx64, word_mac(s, (struct str){text, (size_t)n}));
	s->driver->tell(s->db, (struct str){text, (size_t)n});
}

void store_hear(struct store *s, void (*heard)(void *ctx, enum store_word word, int64_t key), void *ctx)
{
	pthread_mutex_lock(&s->node->hear_lock);
	s->node->heard = heard;
	s->node->heard_ctx = ctx;
	pthread_mutex_unlock(&s->node->hear_lock);
}

void heard_no_more(struct store *s)
{
	pthread_mutex_lock(&s->node->hear_lock);
	s->node->deaf = true;
	pthread_mutex_unlock(&s->node->hear_lock);
}

static void heard_word(struct store *s, enum store_word word, int64_t key)
{
	struct node *n = s->node;
	pthread_mutex_lock(&n->hear_lock);
	if (!n->deaf && (word == WORD_KEYS || word == WORD_MISSED))
		atomic_store(&n->keys_stale, !keyring_refresh(s));
	if (!n->deaf && (word == WORD_SEALS || word == WORD_MISSED))
		seal_refresh(s);
	if (!n->deaf && (word == WORD_LEASE || word == WORD_MISSED))
		leases_look(n->leases, word == WORD_LEASE ? key : 0);
	if (n->heard)
		n->heard(n->heard_ctx, word, key);
	pthread_mutex_unlock(&n->hear_lock);
}

void heard_text(void *store, struct str text)
{
	char word[DRIVER_TELL];
	struct str mac = text, said = str_cut(&mac, '.');
	char *end = NULL;
	if (said.n < 2) { /* the driver's own: some were missed */
		heard_word(store, WORD_MISSED, 0);
		return;
	}
	if (text.n >= sizeof word)
		return;
	snprintf(word, sizeof word, "%.*s", FMT(mac));
	if (strtoull(word, &end, 16) != word_mac(store, said) || *end)
		return;
	snprintf(word, sizeof word, "%.*s", FMT(said));
	heard_word(store, (enum store_word)word[0], strtoll(word + 1, NULL, 10));
}
