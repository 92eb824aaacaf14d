/* replay.h - events kept for streaming again, for whoever asks, on any loop.
 *
 * A replay holds the events of one response as they were first sent (without obfuscation, which the reply
 * adds from a keyed hash). Written by its turn; followed by any number of readers, also while it runs.
 * Kept packed in memory for api_limits.replay_seconds after its end, at most api_limits.replay_bytes in
 * all: then the oldest finished ones go. replay_* are thread-safe; a follower belongs to its loop. */
#pragma once
#include "model/event.h"
#include "news/watch.h"
#include "replay/event_pack.h"

struct replays;
struct replay;

struct replays *replays_new(void);
void replays_free(struct replays *rs);

/* The writer's side. */
struct replay *replay_begin(struct replays *rs, int64_t project, struct str id, bool obfuscate);
void replay_add(struct replay *r, enum event_type type, int64_t seq, int64_t delta, struct str json);
/* The last event was added; the writer lets go. */
void replay_end(struct replay *r);
/* Does anybody follow it? */
bool replay_followed(struct replay *r);

struct replay_event {
	enum event_type type;
	int64_t seq, delta;
	struct str json; /* valid until the next call on the same follower */
};
struct follower {
	struct replay *replay; /* NULL: idle */
	void (*more)(struct follower *); /* on its loop: there is something to read, or the end */
	struct watch watch;
	size_t chunk, at; /* place */
	struct buf plain; /* the unpacked chunk */
	struct event_pack pack; /* at `at` */
	struct buf json;  /* of the event told last */
};
/* Finds the replay of that project's response; false: none (any more). Reading starts at the beginning. */
bool follow_start(struct replays *rs, int64_t project, struct str id, struct loop *l, struct follower *f,
                  void (*more)(struct follower *));
/* true: *ev is the next event. false: none now; then more() comes, unless *ended. */
bool follow_next(struct follower *f, struct replay_event *ev, bool *ended);
bool follow_obfuscated(const struct follower *f);
bool follow_ended(const struct follower *f);
void follow_stop(struct follower *f);
