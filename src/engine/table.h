/* table.h - the engine table from inside: one entry an engine, shared by all loops under one lock.
 *
 * Internal to engine.c (look-up), slots.c (queue), watch.c (discovery and health) and call.c. What stands
 * above `state` is constant after engines_open(); the rest is read and written under engines.lock. */
#pragma once
#include <pthread.h>

#include "engine/chat.h"
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

struct ticket; /* slots.c */
struct engine {
	struct engines *all;
	size_t index;
	struct engine_config config;
	struct http_target target;
	struct str headers; /* whole lines for every request */
	enum dialect said;  /* by the settings or the host; generic: to be found out */
	bool fixed;         /* `said` holds, whatever the engine tells */

	enum engine_state state;
	char why[200]; /* what is wrong, for people */
	struct engine_facts facts;
	struct traits traits;  /* of all that is known: engine_settle() */
	struct traits learnt;  /* from its refusals ... */
	unsigned learnt_mask;  /* ... one bit a trait */
	unsigned char heard;   /* THOUGHTS_*: where its thoughts came in; 0: it had none yet */
	int64_t busy, waiting;
	struct slot_queue {
		struct ticket *first, **last;
	} queues[2]; /* those that wait, oldest first; [1]: those that let all others go before them, `waiting` without them */
	int64_t mean_ms;              /* of calls, moving; 0: none yet */
	double pace;                  /* tokens a second of one call, moving; 0: none yet */
	struct post kick;             /* to the watching loop */
	bool kicked;
};

struct engines {
	struct arena a;
	pthread_mutex_t lock;
	struct engine *list;
	size_t n;
	const struct engine_alias *aliases;
	size_t n_aliases;
	struct str default_model;
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
	struct watch *watches; /* one an engine; NULL: not the watching port */
	struct arena scratch;  /* of a rendering, which nothing outlives */
};

/* --- engine.c --- */
/* What is known of a model without the lock being taken again; `m->name` is looked up in m->index when it is
 * not pending. false: it is gone. */
bool engine_refresh(struct engines *s, struct arena *a, struct engine_model *m, struct engine_ways *ways,
                    struct err *e);
/* A refusal or an answer has taught this; it is remembered as long as the process runs. Any thread. */
void engine_learn(struct engine *g, enum trait t, unsigned char value);
/* The member that its thoughts came in: they go back in it where the dialect says so. Any thread. */
void engine_heard(struct engine *g, unsigned char member);
