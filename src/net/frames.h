/* frames.h - WebSocket frames in and out (RFC 6455), without I/O: wslay and what we refuse beyond it.
 *
 * Fed in any pieces. A breach of the protocol (no mask, reserved bits, a fragmented control frame, bad UTF-8,
 * a text over net_limits.frame_bytes ...) ends reading, with the close frame that tells why in `out`. A peer's
 * ping is answered there, too. wslay's state (8 KB) is held only in the middle of a frame or text. Loop
 * thread. */
#pragma once
#include "net/body.h"
#include "net/server.h"

struct wslay_event_context;

enum close_code { /* RFC 6455 7.4.1, and the registry */
	CLOSE_NORMAL = 1000,
	CLOSE_AWAY = 1001,
	CLOSE_PROTOCOL = 1002,
	CLOSE_UNSUPPORTED = 1003,
	CLOSE_BAD_TEXT = 1007,
	CLOSE_POLICY = 1008,
	CLOSE_TOO_BIG = 1009,
	CLOSE_LATER = 1013,
};

struct frames {
	/* A whole text; borrowed for the call, in which frames_close() is allowed. */
	void (*text)(struct frames *, struct str);
	struct wslay_event_context *wslay; /* NULL: between frames */
	struct body body;                  /* the text as far as it has come; counted as a body in flight */
	uint64_t fed, whole;               /* bytes seen; bytes up to the end of the frame that was begun last */
	struct str in;                     /* during frames_feed() */
	struct buf *out;                   /* during frames_feed() */
	bool mid_text;                     /* a fragment came, its last one did not */
	bool control;                      /* so is the frame that is being read */
	bool ended;                        /* a close frame was written: nothing is read any more */
	bool heard_close;                  /* the peer's close frame came */
};

void frames_init(struct frames *f, void (*text)(struct frames *, struct str));
void frames_release(struct frames *f);
/* Pongs and close frames are appended to `out`. false: reading is over, the close frame is in `out`. */
bool frames_feed(struct frames *f, struct str in, struct buf *out);
/* Is a frame or a text begun and not whole? */
bool frames_unfinished(const struct frames *f);
/* Appends a close frame, once; `reason` is cut to what fits. */
void frames_close(struct frames *f, enum close_code code, struct str reason, struct buf *out);

enum { FRAME_HEAD = 10 };
/* What stands before `n` bytes of text in one unmasked frame: a server's. */
struct str frame_text_head(char head[FRAME_HEAD], size_t n);
void frame_ping(struct buf *out);
