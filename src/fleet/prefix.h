/* prefix.h - who has read the front of a prompt before.
 *
 * An engine that has worked on a prompt keeps what it made of it, and a prompt that begins with the same words costs it
 * only the rest. So a prompt gets *marks*: a hash of all that stands before each of some places in it, the ends of its
 * messages and of blocks of 1 KB (larger ones further back, so that a megabyte has some hundred). Where the places are follows
 * from what stands before them alone: equal fronts have equal marks. A table remembers which members have read up
 * to a mark; who reads most of it again is found by walking the marks from the front. The hash is keyed, so that nobody can
 * make prompts that collide. Pure; one thread at a time. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

enum { PREFIX_MEMBERS = 64, PREFIX_MARKS = 512 };

struct prefix_mark {
	uint64_t hash;
	uint64_t at; /* bytes before it */
};
struct prefix_marks { /* of one prompt */
	struct prefix_mark *marks;
	size_t n;
	uint64_t bytes; /* of the whole */
};
struct prefix_maker { /* on the stack of who makes marks */
	uint64_t hash, at, last; /* last: the place of the last mark */
	size_t n;
	struct prefix_mark marks[PREFIX_MARKS];
};
/* The hash's key from now on, before any mark is made: the same on all nodes of a store, so that they choose alike. Without it:
 * random ones. */
void prefix_key_set(const uint8_t secret[32]);
/* `scope` keeps prompts apart that look alike: the model's name. */
void prefix_begin(struct prefix_maker *m, struct str scope);
void prefix_add(struct prefix_maker *m, struct str piece);
/* A message ends here. */
void prefix_border(struct prefix_maker *m);
/* In `a`. */
struct prefix_marks prefix_end(const struct prefix_maker *m, struct arena *a);
/* One hash, for prompt_cache_key and names; never 0. */
uint64_t prefix_hash(struct str s);

struct prefixes;
/* Remembers so many marks at most; the one used longest ago goes first, of a few. */
struct prefixes *prefixes_new(size_t most);
void prefixes_free(struct prefixes *p);
/* The member reads this prompt now. */
void prefixes_touch(struct prefixes *p, const struct prefix_marks *m, unsigned member);
/* It has nothing any more: it was started anew, or its place is another's. */
void prefixes_forget(struct prefixes *p, unsigned member);
/* ret[i]: how many bytes from the front member i has read, of those whose bit is set in `members`; 0 for others. */
void prefixes_match(const struct prefixes *p, const struct prefix_marks *m, uint64_t members, uint64_t ret[PREFIX_MEMBERS]);
