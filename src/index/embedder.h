/* embedder.h - who makes vectors of texts: an engine that answers POST /v1/embeddings, our own (embed_host.h) or one by
 * URL.
 *
 * All functions block: worker threads, any, side by side. A struct embedder is never NULL; one of kind EMBED_NONE makes
 * no vectors, and search is by words alone. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "wire/json.h"

enum embed_kind { EMBED_NONE, EMBED_URL, EMBED_MANAGED };
struct embed_host;
struct embed_options { /* strings outlive the embedder */
	enum embed_kind kind;
	struct str url;          /* http(s)://HOST[:PORT][/path]; /v1 is added where there is no path. Or unix:PATH */
	struct str model;        /* {0}: none is named */
	struct str key;          /* {0}: none */
	struct embed_host *host; /* EMBED_MANAGED */
};
struct embedder;
struct embedder *embedder_new(const struct embed_options *o);
void embedder_free(struct embedder *m);

struct embed_space {
	struct str name; /* names the embedder: vectors of different ones are not compared. {0}: there is none */
	size_t dims;
};
/* Of one by URL asks it the first time. true with {0}: no embedder is configured; ERR_UNAVAILABLE: it cannot be asked
 * now. */
bool embedder_space(struct embedder *m, struct embed_space *ret, struct err *e);
/* Waits until it can be asked, while ours is fetched at most `fetch_ms`. ERR_UNAVAILABLE: not for now. */
bool embedder_ready(struct embedder *m, int64_t fetch_ms, const _Atomic bool *cancelled, struct err *e);
/* Is vectors' absence lasting: there is no embedder, or ours could not be had? */
bool embedder_absent(struct embedder *m);
struct embed_ask {
	const struct str *texts;
	size_t n;
	yyjson_val *input;  /* instead of `texts`, an array of `n` strings or lists of token ids; NULL: none */
	int64_t dimensions; /* asked of the engine; 0: nothing is said */
	int64_t fetch_ms;   /* how long it is waited for while it is being fetched */
	const _Atomic bool *cancelled; /* may be NULL */
};
/* n times dims floats in `ret`. ERR_UNAVAILABLE, ERR_ENGINE; ERR_CONTEXT_LENGTH: a text is too long for it;
 * ERR_BAD_REQUEST: it says that what was asked is wrong. */
bool embedder_run(struct embedder *m, const struct embed_ask *ask, float *ret, struct err *e);
/* The same for what is indexed: a few at once, so that queries come between; a text that is too long is halved, and its
 * vector is the mean of the halves'. */
bool embedder_windows(struct embedder *m, const struct embed_ask *ask, float *ret, struct err *e);
struct embed_answer {
	float *vectors; /* n times dims, in the arena that was given */
	size_t dims;
	int64_t tokens; /* as the engine counted them; 0: it did not say */
};
/* embedder_run() for a client: of as many dimensions as the engine gives. */
bool embedder_answer(struct embedder *m, const struct embed_ask *ask, struct arena *a, struct embed_answer *ret,
		     struct err *e);
