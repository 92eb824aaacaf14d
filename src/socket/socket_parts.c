/* socket_parts.c - what all of a WebSocket's files need: saying, lanes, counting. */
#include "socket/socket_parts.h"

#include <stdatomic.h>
#include <string.h>

#include "socket/socket_text.h"

static _Atomic size_t waiting_bytes; /* of all sockets */

void socket_say(struct socket *s)
{
	struct str text = buf_str(&s->text);
	websocket_send(&s->ws, &text, 1);
	buf_clear(&s->text);
}

void socket_say_error(struct socket *s, const struct err *e, struct str stream_id)
{
	socket_error_write(&s->text, e, stream_id);
	socket_say(s);
}

/* --- lanes --- */

static struct lane *lane_find(struct socket *s, struct str name)
{
	for (struct lane *l = s->lanes; l; l = l->next)
		if (str_eq(l->name, name))
			return l;
	return NULL;
}

static struct lane *lane_new(struct socket *s, struct str name)
{
	struct lane *l = xalloc(sizeof *l + name.n);
	if (name.n) {
		memcpy(l->text, name.p, name.n);
		l->name = (struct str){l->text, name.n};
		s->n_lanes++;
	}
	steers_init(&l->pending);
	l->next = s->lanes;
	s->lanes = l;
	return l;
}

static bool name_is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
		if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '-')
			return false;
	}
	return s.n >= 1 && s.n <= 256;
}

struct lane *socket_lane(struct socket *s, yyjson_val *body, struct err *e)
{
	yyjson_val *v = json_get(body, S("stream_id"));
	struct str name = json_str(v);
	if (v && !yyjson_is_null(v) && !name_is_plain(name)) {
		fail(e, ERR_STREAM_ID, "stream_id",
		     "Invalid 'stream_id': it must be 1 to 256 characters out of letters, digits, '_', '.' and '-'.");
		return NULL;
	}
	struct lane *l = lane_find(s, name);
	if (!l && name.n && s->n_lanes >= (size_t)api_limits.socket_lanes) {
		fail(e, ERR_STREAM_LIMIT, "stream_id",
		     "Responses websocket stream limit reached (%lld). Use one of the connection's streams, or create "
		     "a new websocket "
		     "connection.",
		     (long long)api_limits.socket_lanes);
		return NULL;
	}
	return l ? l : lane_new(s, name);
}

/* --- what waits --- */

void socket_count(struct socket *s, size_t added, size_t gone)
{
	s->bytes_waiting += added - gone;
	atomic_fetch_add(&waiting_bytes, added - gone);
}

enum socket_room socket_room(const struct socket *s, size_t bytes)
{
	if (s->bytes_waiting + bytes > (size_t)api_limits.socket_waiting_bytes)
		return ROOM_NOT_HERE;
	return atomic_load(&waiting_bytes) + bytes > (size_t)api_limits.waiting_bytes ? ROOM_NOWHERE : ROOM;
}
