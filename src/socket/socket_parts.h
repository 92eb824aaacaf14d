/* socket_parts.h - a WebSocket with its lanes and its orders, as the files of this folder share it. Loop thread. */
#pragma once
#include "socket/socket.h"
#include "socket/socket_steer.h"

struct lane {
	struct lane *next;
	struct order *running;
	struct memory memory;  /* its latest response, when that is not stored */
	struct steers pending; /* they wait for their parent's calls to be answered */
	char last_text[ID_MAX];
	struct str last; /* the response that ended last */
	struct str name; /* stream_id; {0}: the default lane */
	char text[];
};

/* One response.create, waiting or running. */
struct order {
	struct order *next;
	struct socket *socket;
	struct lane *lane;
	struct turn_link link;
	struct reply_lane reply;
	struct steers steers;      /* to be said to it */
	struct steers carried;     /* its input begins with them; the other's again, or failed, if it does not begin */
	bool follows;              /* it is no client's, but goes on after one that was steered */
	struct str previous, body; /* previous: previous_response_id or {0} */
	char text[];
};

struct socket {
	struct websocket ws;
	struct request *rq; /* of the handshake: who asks; until the websocket is closing */
	struct lane *lanes;
	struct order *waiting, **last; /* as they came */
	struct order *running;
	struct timer life;
	struct deferred next; /* a turn ended */
	struct buf text;      /* what is said next */
	size_t n_lanes, n_waiting, n_running, bytes_waiting;
	int64_t steer_seq;  /* events about steering */
	bool old, draining; /* no more responses: 60 minutes are over, or the server goes */
};

/* Sends what stands in s->text. */
void socket_say(struct socket *s);
void socket_say_error(struct socket *s, const struct err *e, struct str stream_id);
/* The lane that a message names, made if it is new. NULL: *e. */
struct lane *socket_lane(struct socket *s, yyjson_val *body, struct err *e);
/* So many bytes more, or fewer, wait on it. */
void socket_count(struct socket *s, size_t added, size_t gone);
enum socket_room { ROOM, ROOM_NOT_HERE, ROOM_NOWHERE }; /* NOWHERE: all WebSockets together hold too much */
enum socket_room socket_room(const struct socket *s, size_t bytes);
