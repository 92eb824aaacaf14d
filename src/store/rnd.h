/* rnd.h - the random part of an id, as it stands in a row. Inside store/ alone. Pure. */
#pragma once
#include "base/id.h"

static inline struct str rnd_str(const struct id *id)
{
	return (struct str){(const char *)id->rnd, ID_RND};
}
/* In constant time: whoever guesses ids learns nothing from how long an answer takes. */
bool rnd_equal(struct str stored, const struct id *id);
