/* frames.c - WebSocket frames in and out. */
#include "net/frames.h"

#include <assert.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/arena.h"

enum {
	FIN = 0x80,
	MASK_BYTES = 4,
	SMALL = 125,    /* the largest length in the second byte; also a control frame's */
	REASON_MOST = SMALL - 2,
};

/* --- out --- */

/* RFC 6455 5.2: FIN and opcode, then the length in 1, 3 or 9 bytes. */
static struct str make_head(char head[FRAME_HEAD], enum wslay_opcode opcode, size_t n)
{
	size_t more = n <= SMALL ? 0 : n <= UINT16_MAX ? 2 : 8;
	head[0] = (char)(FIN | opcode);
	head[1] = more == 0 ? (char)n : more == 2 ? SMALL + 1 : SMALL + 2;
	for (size_t i = 0; i < more; i++)
		head[2 + i] = (char)(uint8_t)((uint64_t)n >> (8 * (more - 1 - i)));
	return (struct str){head, 2 + more};
}

struct str frame_text_head(char head[FRAME_HEAD], size_t n)
{
	return make_head(head, WSLAY_TEXT_FRAME, n);
}

static void frames_put_head(struct buf *out, enum wslay_opcode opcode, size_t n)
{
	char head[FRAME_HEAD];
	buf_add(out, make_head(head, opcode, n));
}

void frame_ping(struct buf *out)
{
	frames_put_head(out, WSLAY_PING, 0);
}

void frames_close(struct frames *f, enum close_code code, struct str reason, struct buf *out)
{
	char number[2] = {(char)(code >> 8), (char)(code & 0xff)};
	if (f->ended)
		return;
	f->ended = true;
	while (reason.n > REASON_MOST || (reason.n && ((uint8_t)reason.p[reason.n - 1] & 0x80)))
		reason.n--; /* never in the middle of a character */
	frames_put_head(out, WSLAY_CONNECTION_CLOSE, sizeof number + reason.n);
	buf_add(out, (struct str){number, sizeof number});
	buf_add(out, reason);
}

/* --- in: what wslay asks and tells --- */

static ssize_t on_want(wslay_event_context_ptr w, uint8_t *to, size_t n, int flags, void *ctx)
{
	struct frames *f = ctx;
	if (f->in.n == 0 || f->ended) {
		wslay_event_set_error(w, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	if (n > f->in.n)
		n = f->in.n;
	memcpy(to, f->in.p, n);
	f->in = (struct str){f->in.p + n, f->in.n - n};
	f->fed += n;
	return (ssize_t)n;
}

static ssize_t on_send(wslay_event_context_ptr w, const uint8_t *bytes, size_t n, int flags, void *ctx)
{
	struct frames *f = ctx;
	buf_add(f->out, (struct str){(const char *)bytes, n});
	return (ssize_t)n;
}

/* A frame's head is read. */
static void on_frame(wslay_event_context_ptr w, const struct wslay_event_on_frame_recv_start_arg *arg, void *ctx)
{
	struct frames *f = ctx;
	size_t more = arg->payload_length <= SMALL ? 0 : arg->payload_length <= UINT16_MAX ? 2 : 8;
	f->whole += 2 + more + MASK_BYTES + arg->payload_length;
	f->control = wslay_is_ctrl_frame(arg->opcode);
	if (arg->opcode == WSLAY_CONNECTION_CLOSE && arg->payload_length == 1) /* half a code, which wslay lets pass */
		frames_close(f, CLOSE_PROTOCOL, S(""), f->out);
	if (f->control)
		return;
	f->mid_text = !arg->fin;
	if (arg->opcode == WSLAY_BINARY_FRAME)
		frames_close(f, CLOSE_UNSUPPORTED, S("text frames only"), f->out);
	else if (f->body.bytes.n + arg->payload_length > (uint64_t)net_limits.frame_bytes)
		frames_close(f, CLOSE_TOO_BIG, S("the message is too large"), f->out);
}

static void frames_on_piece(wslay_event_context_ptr w, const struct wslay_event_on_frame_recv_chunk_arg *arg, void *ctx)
{
	struct frames *f = ctx;
	struct err e = {0};
	if (f->control)
		return;
	if (f->ended || !body_feed(&f->body, (struct str){(const char *)arg->data, arg->data_length}, &e))
		frames_close(f, CLOSE_LATER, S("too much is being read at once"), f->out);
}

static void on_message(wslay_event_context_ptr w, const struct wslay_event_on_msg_recv_arg *arg, void *ctx)
{
	struct frames *f = ctx;
	if (arg->opcode == WSLAY_CONNECTION_CLOSE)
		f->heard_close = true;
	if (wslay_is_ctrl_frame(arg->opcode) || f->ended)
		return;
	f->text(f, buf_str(&f->body.bytes));
	body_reset(&f->body);
}

/* --- in --- */

void frames_init(struct frames *f, void (*text)(struct frames *, struct str))
{
	*f = (struct frames){.text = text};
	body_init(&f->body);
}

static void drop_wslay(struct frames *f)
{
	if (f->wslay)
		wslay_event_context_free(f->wslay);
	f->wslay = NULL;
}

void frames_release(struct frames *f)
{
	drop_wslay(f);
	body_release(&f->body);
}

bool frames_unfinished(const struct frames *f)
{
	return f->wslay != NULL;
}

static bool have_wslay(struct frames *f)
{
	static const struct wslay_event_callbacks callbacks = {
	    .recv_callback = on_want,
	    .send_callback = on_send,
	    .on_frame_recv_start_callback = on_frame,
	    .on_frame_recv_chunk_callback = frames_on_piece,
	    .on_msg_recv_callback = on_message,
	};
	if (f->wslay)
		return true;
	if (wslay_event_context_server_init(&f->wslay, &callbacks, f) != 0)
		return false;
	/* The text is gathered in `body`, where it counts. */
	wslay_event_config_set_no_buffering(f->wslay, 1);
	f->fed = f->whole = 0;
	return true;
}

/* wslay answers pings and breaches by itself, through on_send(). */
static bool frames_run(struct frames *f)
{
	if (!have_wslay(f) || wslay_event_recv(f->wslay) != 0)
		return false;
	if (f->ended) /* our own close frame is written: no other may follow */
		return true;
	if (wslay_event_send(f->wslay) != 0)
		return false;
	if (!wslay_event_get_read_enabled(f->wslay))
		f->ended = true;
	return true;
}

bool frames_feed(struct frames *f, struct str in, struct buf *out)
{
	if (f->ended)
		return false;
	f->in = in;
	f->out = out;
	if (!frames_run(f)) /* malformed frames are an error without a code */
		frames_close(f, CLOSE_PROTOCOL, S(""), out);
	f->in = (struct str){0};
	f->out = NULL;
	if (f->ended || (f->fed == f->whole && !f->mid_text)) {
		drop_wslay(f);
		if (f->ended)
			body_reset(&f->body);
	}
	return !f->ended;
}
