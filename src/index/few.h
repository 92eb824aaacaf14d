/* few.h - few texts ranked by the words of a question: an index in memory, for one question.
 *
 * The words are those of the stores' indexes (words.h), the rank is FTS5's bm25(). Pure; any thread; some 10 us a text.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct few_text {
	struct str name, said; /* a word of the name counts as much as several of what is said */
};
/* The places of those that have any of its words, the best first, at most `most`, in `ret`. Returns how many; 0 also
 * where no index could be made. */
size_t few_rank(const struct few_text *texts, size_t n, struct str question, size_t *ret, size_t most);
