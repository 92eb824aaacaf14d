/* socket_steer.h - what is to be said to a response that runs on a WebSocket: its checks, its lists and its words.
 *
 * A steer belongs to the response that it names (its parent) until that has ended, then to the one that begins with it.
 * Loop thread. */
#pragma once
#include "base/id.h"
#include "wire/json.h"

struct steer {
	struct steer *next;
	char id_text[ID_MAX];
	struct str id, parent; /* ids: its own, its response's */
	struct str input;      /* JSON, as it came */
	char text[];
};
struct steers {
	struct steer *first, **last; /* as they came */
	size_t n, bytes;
};
void steers_init(struct steers *ss);
struct steer *steers_add(struct steers *ss, struct str parent, yyjson_val *input);
void steers_move(struct steers *to, struct steers *from); /* to its end */
void steers_free(struct steers *ss);

/* The input of a response.steer: a text, or messages of the user. false: *why, a constant. */
bool steer_input_fits(yyjson_val *body, const char **why);

/* A response.create like `body` whose input begins with what is to be said. `parent`: it continues that one, with no
 * other input; {0}: it keeps its own. */
void steers_body(struct buf *b, struct str body, const struct steers *ss, struct str parent);

/* --- events; `seq` counts those of a connection --- */
void steer_accepted_write(struct buf *b, int64_t seq, const struct steer *st, struct str stream_id);
/* `required`: the stubs, joined by commas. */
void steer_pending_write(struct buf *b, int64_t seq, const struct steer *st, struct str required, struct str stream_id);
struct steer_failure {
	const char *code;
	struct str message, id, parent; /* id {0}: it had none yet */
	struct str input;               /* JSON; {0}: null */
};
void steer_failed_write(struct buf *b, int64_t seq, const struct steer_failure *f, struct str stream_id);
