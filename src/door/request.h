/* request.h - the two structs behind api/api.h, and a request on its way.
 * Loop thread, except struct api's atomics. */
#pragma once
#include <stdatomic.h>

#include "door/options.h"
#include "loop/loop.h"
#include "net/exchange.h"

struct api {
	struct api_options options;
	struct replays *replays;
	struct attempts *attempts;
	struct run_news *news;
	struct runs *runs;
	struct sign_ins *sign_ins;
	const struct turn_machine *machine;     /* turn/turn_machine.h: how a turn walks */
	const struct runner_calls *background; /* turn/runner.h: how a turn becomes a background run, and is one */
	const struct route *(*route)(enum method m, struct str path); /* for requests of our own; NULL: there is none */
	int64_t default_project;
	atomic_bool draining, outbox_taken; /* outbox_taken: a loop looks after the outbox of webhooks */
	atomic_bool batches_taken;          /* another, or the same, runs the batches */
	atomic_size_t running;
	int64_t began_s;
};

struct api_loop {
	struct service service; /* first: net/ knows only this */
	struct api *api;
	struct loop *loop;
	struct store_port *store;
	struct engine_port *engine;
	struct tools_port *tools;
	struct turn *turns; /* those that run here */
	struct chat *chats;
	struct relay *relays; /* requests that engines answer as they are (relay/) */
	struct worker *worker; /* takes background runs */
	struct conversation_visit *visits; /* requests to conversations */
	struct sender *sender; /* sends webhooks */
	struct outbox *outbox; /* those that are due; NULL: another loop does it */
	struct batches *batches; /* those that run; likewise */
	size_t n_turns;      /* of both */
	struct disk *disk;   /* files on their way in and out (file_threads.h) */
	struct buf scratch; /* one event at a time is rendered here */
};

enum { ROUTE_OPEN = 1 /* no key needed */, ROUTE_BODY = 2 /* a JSON body */, ROUTE_WORK = 4 /* refused while draining */,
       ROUTE_SOCKET = 8 /* there only for who wants a WebSocket */, ROUTE_BODY_IF_ANY = 16 /* a JSON body, or none */,
       ROUTE_OWNER = 128 /* for the machine's owner, not for keys */,
       ROUTE_ADMIN = 256 /* for admin keys, and for the owner */,
       ROUTE_METERED = 512 /* a model is asked: limits of who asks count it */,
       ROUTE_THERE = 1024 /* answered by the node that the id in its path names (elsewhere.h) */,
       ROUTE_CONSOLE = 64 /* for who has signed in to the console, not for keys */,
       ROUTE_FORM = 32 /* a multipart form, taken while it comes: the handler is called at the head */ };

struct request;
struct route {
	enum method method;
	struct str path; /* "/v1/responses/{id}/input_items" */
	void (*handle)(struct request *);
	unsigned flags;
};

struct request {
	struct api_loop *api;
	struct exchange *x;
	const struct route *route;
	int64_t project;
	struct str project_name;
	struct id key;     /* of the API key that came with it; key 0: none, or one of the configuration */
	struct str phases; /* where the time of what it asked for went, for its log line; {0}: nothing to say */
	struct str args[2]; /* the path's {..}, decoded */
	bool low; /* its calls of engines let all others go before them */
};

#include "door/answer.h"
#include "door/auth.h"
#include "door/query.h"
