/* nodes.h - the processes that share a database: who they are, which of them leads, and words between them.
 *
 * A word is a letter and a key. It says no more than "look": what it is about stands in rows, which were committed
 * before. A word may be lost; who hears WORD_MISSED takes everything for told. Where one process owns the database it
 * leads, is alone, and nothing is said. How nodes live and die: docs/design/nodes.md. */
#pragma once
#include "base/err.h"
#include "base/id.h"

enum { NODES_MOST = 128 /* ID_NODES */, NODE_ADDRESS = 256, NODE_VERSION = 32 };
struct node_row {
	int64_t number, incarnation, started_at, seen_at; /* the last in microseconds; 0: it has ended */
	bool draining, dead, here, leads;                 /* here: it is this process */
	char address[NODE_ADDRESS], version[NODE_VERSION];
};

struct store;
/* Whether this node does what one does for all: sweeping, telling webhook endpoints, batches. Any thread. */
bool store_leads(const struct store *s);
/* Did another node lead before this one? What that did for all, this one's own data folder does not know. */
bool store_led_by_other(const struct store *s);
/* The node that leads, as it was last read; false: nobody known. Any thread. */
bool store_leader(const struct store *s, struct node_row *ret);
/* May what is of that id lie in this process's data folder? false: it is another node's, whose row is *ret. Any thread. */
bool store_has_here(const struct store *s, const struct id *id, struct node_row *ret);
/* Those that have a row, as they were last read; how many. Any thread. */
size_t store_nodes(const struct store *s, struct node_row ret[NODES_MOST]);
/* Asks a node to drain, or (false) to serve again. ERR_NOT_FOUND: there is none. Blocks. */
bool store_drain_node(struct store *s, int64_t number, bool drain, struct err *e);
/* Was this node asked to drain? Any thread. */
bool store_draining(const struct store *s);

enum store_word {
	WORD_MISSED = '*',
	WORD_RUN = 'r',    /* events or the end of a background run were committed */
	WORD_CANCEL = 'c', /* somebody wants a run ended */
	WORD_KEYS = 'k',   /* API keys; the store itself hears it */
	WORD_SEALS = 's',  /* a key that seals; likewise */
	WORD_LEASE = 'l'   /* a conversation is free; likewise */
};
/* To the other nodes. Any thread; does not block. */
void store_tell(struct store *s, enum store_word word, int64_t key);
/* Who hears what other nodes tell, on a thread of the driver's; NULL: nobody. */
void store_hear(struct store *s, void (*heard)(void *ctx, enum store_word word, int64_t key), void *ctx);

/* --- inside store/: the driver's heard(), and before the store's own reader goes --- */
void heard_text(void *store, struct str text);
void heard_no_more(struct store *s);
