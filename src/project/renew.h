/* renew.h - a project's rows under new ids, so that they can stand beside those that have the old ones. One thread;
 * blocks.
 *
 * All keys of an export move by one number, so their order stays, and with it lists, times (to the minute) and what
 * refers to what. An id in a text is a key enciphered, in 40 digits (base/id.h): it is found by its form and by its
 * key, which must be one of the export's, and becomes as long a one. So JSON, packed events and offsets into texts stay
 * as they are. */
#pragma once
#include "project/parcel.h"

struct renew {
	const uint8_t *from; /* the cipher's key of the ids in the export */
	uint8_t to[32];      /* of this store */
	int64_t shift;
	int64_t *keys; /* of the export, sorted once renew_begin() was called */
	size_t n, cap;
	int64_t texts; /* ids in texts that were exchanged */
};

/* A row of the export, in the first pass. */
void renew_note(struct renew *w, yyjson_val *row);
/* Finds a place for them where no key of the store is. */
bool renew_begin(struct renew *w, struct store *s, struct err *e);
int64_t renew_key(const struct renew *w, int64_t key);
/* A row's values, in place; what they need is in `a`. */
void renew_row(struct renew *w, struct arena *a, enum kind k, struct bind *binds);
void renew_end(struct renew *w);
