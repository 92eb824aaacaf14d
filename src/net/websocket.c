/* websocket.c - a connection that became a WebSocket. */
#include "net/websocket.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

enum {
	KEY_BYTES = 16,       /* of a Sec-WebSocket-Key */
	KEY_LETTERS = 24,     /* of it in base64 */
	SILENCES = 6,         /* so many without a sign of life end it */
};

/* --- the handshake --- */

/* Is `word` one of a header's comma-separated words? */
static bool names_word(struct str list, struct str word)
{
	while (list.n)
		if (str_eq_nocase(str_trim(str_cut(&list, ',')), word))
			return true;
	return false;
}

bool websocket_wanted(const struct exchange *x)
{
	return names_word(exchange_header(x, S("upgrade")), S("websocket")) ||
	       exchange_header(x, S("sec-websocket-key")).p;
}

/* Base64 of 16 bytes (RFC 6455 4.2.1). */
static bool key_is_good(struct str key)
{
	unsigned char bytes[KEY_LETTERS];
	return key.n == KEY_LETTERS && key.p[KEY_LETTERS - 1] == '=' && key.p[KEY_LETTERS - 2] == '=' &&
	       key.p[KEY_LETTERS - 3] != '=' &&
	       EVP_DecodeBlock(bytes, (const unsigned char *)key.p, KEY_LETTERS) == KEY_BYTES + 2;
}

static bool websocket_check(struct exchange *x, struct err *e)
{
	const struct exchange_request *q = exchange_request(x);
	bool asked = names_word(exchange_header(x, S("connection")), S("upgrade")) &&
		     names_word(exchange_header(x, S("upgrade")), S("websocket"));
	if (!asked) { /* a proxy may have taken the Upgrade away */
		exchange_add_header(x, S("Upgrade"), S("websocket"));
		return fail(e, ERR_UPGRADE, NULL,
			    "A WebSocket needs the headers 'Connection: Upgrade' and 'Upgrade: websocket'. A proxy between may "
			    "have removed them.");
	}
	if (!str_eq(exchange_header(x, S("sec-websocket-version")), S("13"))) {
		exchange_add_header(x, S("Upgrade"), S("websocket"));
		exchange_add_header(x, S("Sec-WebSocket-Version"), S("13"));
		return fail(e, ERR_UPGRADE, NULL, "The only version of the WebSocket protocol spoken here is 13.");
	}
	if (!key_is_good(exchange_header(x, S("sec-websocket-key"))))
		return fail(e, ERR_BAD_REQUEST, NULL, "The Sec-WebSocket-Key header is not 16 bytes in base64.");
	if (q->body.n)
		return fail(e, ERR_BAD_REQUEST, NULL, "A WebSocket's handshake has no body.");
	return true;
}

/* RFC 6455 4.2.2: SHA-1 of key and a fixed GUID, in base64. */
static void add_accept(struct exchange *x, struct str key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[20], text[32];
	char both[KEY_LETTERS + sizeof guid];
	memcpy(both, key.p, KEY_LETTERS);
	memcpy(both + KEY_LETTERS, guid, sizeof guid - 1);
	bool ok = EVP_Digest(both, KEY_LETTERS + sizeof guid - 1, digest, NULL, EVP_sha1(), NULL) == 1;
	assert(ok);
	(void)ok;
	int n = EVP_EncodeBlock(text, digest, sizeof digest);
	exchange_add_header(x, S("Sec-WebSocket-Accept"), (struct str){(char *)text, (size_t)n});
}

/* --- the end --- */

/* The exchange is no more, and with it ends whatever works on it. */
static struct exchange *leave(struct websocket *ws)
{
	struct exchange *x = ws->x;
	ws->x = NULL;
	op_cancel(&ws->silence);
	op_cancel(&ws->unfinished);
	return x;
}

static void over(struct websocket *ws)
{
	leave(ws);
	op_cancel(&ws->end);
	frames_release(&ws->frames);
	ws->events->gone(ws);
}

static void websocket_on_end(struct deferred *d)
{
	over(OWNER(d, struct websocket, end));
}

static void websocket_on_gone(struct reader *r)
{
	over(OWNER(r, struct websocket, reader));
}

/* The close frame is written: what is on its way still leaves, then the connection ends. */
static void websocket_finish(struct websocket *ws)
{
	struct exchange *x = leave(ws);
	exchange_unwatch(x);
	exchange_end(x);
	defer_start(ws->loop, &ws->end, websocket_on_end);
}

static void give_up(struct websocket *ws)
{
	struct exchange *x = leave(ws);
	exchange_unwatch(x);
	exchange_abort(x);
	defer_start(ws->loop, &ws->end, websocket_on_end);
}

/* --- out --- */

static void websocket_put(struct websocket *ws, struct buf *b)
{
	exchange_write(ws->x, buf_str(b));
	buf_release(b);
}

bool websocket_closing(const struct websocket *ws)
{
	return !ws->x || ws->frames.ended;
}

void websocket_close(struct websocket *ws, enum close_code code, struct str reason)
{
	struct buf b;
	if (websocket_closing(ws))
		return;
	if (ws->frames.out) { /* frames_feed() is on the stack, and websocket_on_read() finishes */
		frames_close(&ws->frames, code, reason, ws->frames.out);
		return;
	}
	buf_init(&b, 256);
	frames_close(&ws->frames, code, reason, &b);
	websocket_put(ws, &b);
	websocket_finish(ws);
}

void websocket_send(struct websocket *ws, const struct str *parts, size_t n)
{
	char head[FRAME_HEAD];
	struct str all[1 + WEBSOCKET_PARTS];
	size_t bytes = 0;
	if (websocket_closing(ws))
		return;
	assert(n <= WEBSOCKET_PARTS);
	for (size_t i = 0; i < n; i++) {
		all[1 + i] = parts[i];
		bytes += parts[i].n;
	}
	all[0] = frame_text_head(head, bytes);
	exchange_write_parts(ws->x, all, 1 + n);
}

bool websocket_full(const struct websocket *ws)
{
	return ws->x && exchange_full(ws->x);
}

/* --- in --- */

static void websocket_on_text(struct frames *f, struct str text)
{
	struct websocket *ws = OWNER(f, struct websocket, frames);
	timer_cancel(&ws->unfinished);
	ws->events->text(ws, text);
}

/* What has come of a text counts against all bodies in flight: nobody may hold that for long. */
static void on_unfinished(struct timer *t)
{
	websocket_close(OWNER(t, struct websocket, unfinished), CLOSE_POLICY, S("the message took too long"));
}

static void websocket_on_read(struct exchange_tap *tap, struct str bytes)
{
	struct websocket *ws = OWNER(tap, struct websocket, tap);
	struct buf answers;
	if (!ws->x)
		return;
	ws->heard_ms = loop_now_ms(ws->loop);
	/* Pings and refusals make answers even while the events wait: somebody who only sends has to end. */
	if (exchange_waiting(ws->x) > (size_t)net_limits.backlog_bytes) {
		give_up(ws);
		return;
	}
	buf_init(&answers, SIZE_MAX / 2);
	bool more = frames_feed(&ws->frames, bytes, &answers);
	websocket_put(ws, &answers);
	if (!more)
		websocket_finish(ws);
	else if (!frames_unfinished(&ws->frames))
		timer_cancel(&ws->unfinished);
	else if (!ws->unfinished.loop)
		timer_start(ws->loop, &ws->unfinished, net_limits.body_seconds * 1000, on_unfinished);
}

static void websocket_on_room(struct reader *r)
{
	struct websocket *ws = OWNER(r, struct websocket, reader);
	ws->events->room(ws);
}

static void websocket_on_drain(struct exchange_tap *tap)
{
	struct websocket *ws = OWNER(tap, struct websocket, tap);
	ws->events->drain(ws);
}

static void websocket_on_silence(struct timer *t)
{
	struct websocket *ws = OWNER(t, struct websocket, silence);
	int64_t every = net_limits.ping_seconds * 1000, quiet = loop_now_ms(ws->loop) - ws->heard_ms;
	struct buf b;
	if (quiet >= SILENCES * every) {
		give_up(ws);
		return;
	}
	if (quiet >= every) {
		buf_init(&b, 16);
		frame_ping(&b);
		websocket_put(ws, &b);
	}
	timer_start(ws->loop, t, quiet < every ? every - quiet : every, websocket_on_silence);
}

bool websocket_accept(struct websocket *ws, struct exchange *x, const struct websocket_events *events, struct err *e)
{
	if (!websocket_check(x, e))
		return false;
	*ws = (struct websocket){
	    .events = events,
	    .x = x,
	    .loop = exchange_loop(x),
	    .tap = {websocket_on_read, websocket_on_drain},
	    .reader = {websocket_on_gone, websocket_on_room},
	};
	ws->heard_ms = loop_now_ms(ws->loop);
	frames_init(&ws->frames, websocket_on_text);
	add_accept(x, exchange_header(x, S("sec-websocket-key")));
	exchange_upgrade(x, S("websocket"), &ws->tap, &ws->reader);
	timer_start(ws->loop, &ws->silence, net_limits.ping_seconds * 1000, websocket_on_silence);
	return true;
}
