/* heard.h - words between the nodes of a store: that something was written which others wait for.
 *
 * A word is a letter and a key. It says no more than "look": what it is about stands in rows, which were committed before. A word
 * may be lost; who hears WORD_MISSED takes everything for told. Where one process owns the database, nothing is said. */
#pragma once
#include "base/str.h"

struct store;
enum store_word {
	WORD_MISSED = '*',
	WORD_RUN = 'r',    /* events or the end of a background run were committed */
	WORD_CANCEL = 'c', /* somebody wants a run ended */
	WORD_KEYS = 'k',   /* API keys or projects; the store itself hears it */
	WORD_LEASE = 'l'   /* a conversation is free; likewise */
};
/* To the other nodes. Any thread; does not block. */
void store_tell(struct store *s, enum store_word word, int64_t key);
/* Who hears what other nodes tell, on a thread of the driver's. Before anything can be told; NULL: nobody. */
void store_hear(struct store *s, void (*heard)(void *ctx, enum store_word word, int64_t key), void *ctx);

/* --- inside store/ --- */
/* The driver's heard(). */
void heard_text(void *store, struct str text);
