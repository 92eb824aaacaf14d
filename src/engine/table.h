/* table.h - the engine table from inside, shared by all loops under one lock.
 *
 * Internal to engine.c (look-up), seats.c (who is there), slots.c (queue), watch.c (discovery and health) and call.c. An
 * entry of the settings is a fleet, of one engine or several; each has a seat, whose number is its fleet's for ever, so
 * that a call that knows a seat knows the fleet. What is said to be constant is so after engines_open(); the rest is read and written under
 * engines.lock. */
#pragma once
#include <pthread.h>

#include "engine/chat.h"
#include "fleet/breaker.h"
#include "fleet/prefix.h"
#include "net/client.h"

enum engine_state {
	ENGINE_UNKNOWN, /* not looked at yet */
	ENGINE_LOADING, /* calls wait for it */
	ENGINE_UP,
	ENGINE_DOWN, /* calls are tried all the same: it may be back */
};

struct listing { /* one model of one engine */
	struct str name, owned_by;
	int64_t created, context;
	bool vision, audio;
};

/* What discovery found out; the strings live in `a`. */
struct engine_facts {
	struct arena *a; /* heap; NULL: none */
	struct listing *models;
	size_t n_models;
	struct engine_caps caps;
	int64_t slots, context; /* 0: not told */
	bool llamacpp;          /* wants max_tokens, tells its slots */
	enum dialect dialect;   /* by what it tells of itself */
	bool short_ids;         /* the template raises on calls' ids that are not nine letters */
	struct str count_path;  /* static; takes a chat completion's body and tells its tokens; {0}: none */
	const char *const *pass;
};

struct engine_ways { /* what a call has to know of them */
	struct str count_path;
	bool llamacpp;
};

struct fleet;
enum seat_state {
	SEAT_EMPTY,
	SEAT_TAKEN,
	SEAT_DRAINS, /* by hand: its calls end, no new ones begin */
	SEAT_LEAVES, /* likewise; then the seat is empty */
};
struct engine_seat { /* who sits there; what is borrowed of it lives while it does: a slot or `held` keeps it */
	enum seat_state state;
	struct arena a;
	struct str name, url; /* name: shown; of a fleet of several FLEET/HOST:PORT */
	struct str headers;   /* whole lines for every request */
	struct http_target target;
	uint64_t id;          /* prefix_hash() of the URL */
	unsigned label;       /* of measures */
	int64_t held;         /* by calls that need no slot */
	int64_t others;       /* calls of somebody else's, as it told last */
};

struct engine {
	struct engines *all;
	size_t index;       /* in the table; constant */
	struct fleet *fleet; /* constant */
	unsigned at;        /* in the fleet; constant */
	struct engine_config config; /* the fleet's; constant */
	struct engine_seat seat;
	enum dialect said;  /* by the settings or the host; generic: to be found out */
	bool fixed;         /* `said` holds, whatever the engine tells */

	enum engine_state state;
	char why[200]; /* what is wrong, for people */
	struct engine_facts facts;
	struct traits traits;  /* of all that is known: engine_settle() */
	struct traits learnt;  /* from its refusals ... */
	unsigned learnt_mask;  /* ... one bit a trait */
	unsigned char heard;   /* THOUGHTS_*: where its thoughts came in; 0: it had none yet */
	int64_t busy;
	int64_t mean_ms;       /* of calls, moving; 0: none yet */
	double pace;           /* tokens a second of one call, moving; 0: none yet */
	int64_t first_us;      /* to an answer's head: what 1 of 20 calls is longer than; 0: none yet */
	struct breaker breaker;
	struct post kick;      /* to the watching loop */
	bool kicked;
};

struct ticket; /* slots.c */
struct fleet { /* the engines of one entry, and the queue in front of them */
	struct engines *all;
	struct str name;      /* constant */
	struct engine *seats; /* constant, so is n */
	size_t n;
	bool moves;           /* members come and go; constant */
	struct slot_queue {
		struct ticket *first, **last;
	} queues[2]; /* those that wait, oldest first; [1]: those that let all others go before them, `waiting` without them */
	int64_t waiting;
	struct prefixes *prefixes; /* NULL: of a single engine */
	unsigned turn;             /* fleet/choose.h */
	int64_t calls, hedges;     /* lately (hedge.c) */
};

struct engines {
	struct arena a;
	pthread_mutex_t lock;
	struct engine *list; /* all seats; constant, so are the fleets */
	size_t n;
	struct fleet *fleets;
	size_t n_fleets;
	const struct engine_alias *aliases;
	size_t n_aliases;
	struct str default_model, resolver;
	int64_t opened_s;
	struct loop *watcher;     /* the loop with the watches; NULL: nobody looks */
	struct engine_port *port; /* its port */
	struct sent *sent;
	struct abilities *abilities; /* abilities.c's */
};

struct watch;
struct engine_port {
	struct engines *engines;
	struct loop *loop;
	struct client *client;
	struct watch *watches; /* one a seat; NULL: not the watching port */
	struct roster *roster; /* likewise; NULL: no member has to be found */
	struct loads *loads;   /* likewise; NULL: nobody is asked */
	struct arena scratch;  /* of a rendering, which nothing outlives */
};

/* --- engine.c --- */
/* What is known of a model without the lock being taken again, by `g`, which got the call; a pending one is looked for first
 * and may turn out to be another fleet's: then m->index is no seat of g's. false: it is gone. */
bool engine_refresh(struct engine *g, struct arena *a, struct engine_model *m, struct engine_ways *ways, struct err *e);
/* A refusal or an answer has taught this; it is remembered as long as the process runs. Any thread. */
void engine_learn(struct engine *g, enum trait t, unsigned char value);
/* The member that its thoughts came in: they go back in it where the dialect says so. Any thread. */
void engine_heard(struct engine *g, unsigned char member);
