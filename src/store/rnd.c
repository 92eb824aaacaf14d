/* rnd.c - the random part of an id, as it stands in a row. */
#include "store/rnd.h"

#include <sodium.h>

bool rnd_equal(struct str stored, const struct id *id)
{
	return stored.n == ID_RND && sodium_memcmp(stored.p, id->rnd, ID_RND) == 0;
}
