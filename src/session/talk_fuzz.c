/* talk_fuzz.c - whatever a driver says, on both of its streams: nothing is told beyond the bounds. */
#include <assert.h>
#include <string.h>

#include "session/limits.h"
#include "session/talk.h"

#define NONCE "0123456789abcdef0123456789abcdef"

static size_t told, images;

static void hear(void *ctx, enum session_kind kind, struct str bytes)
{
	(void)ctx;
	assert(bytes.n > 0);
	if (kind == SESSION_IMAGE) {
		assert(bytes.n <= (size_t)session_limits.image_bytes);
		images++;
		return;
	}
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		assert(c >= ' ' || c == '\n' || c == '\t');
	}
	told += bytes.n;
}

/* Pieces: a byte that says which stream and how long, then so much. */
static void feed(struct talk *t, const unsigned char *data, size_t n)
{
	while (n > 1 && !t->bad && !t->ended) {
		size_t piece = data[0] >> 1, room = 0;
		bool thing = data[0] & 1;
		data++;
		n--;
		piece = piece < n ? piece : n;
		if (thing) {
			char *to = talk_room(t, &room);
			size_t put = to ? (piece < room ? piece : room) : 0;
			if (put)
				memcpy(to, data, put);
			if (put)
				talk_control(t, put);
		} else {
			talk_output(t, (struct str){(const char *)data, piece});
		}
		data += piece;
		n -= piece;
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	const struct session_ears ears = {hear, NULL};
	struct talk t;
	session_limits.output_bytes = 256;
	session_limits.image_bytes = 128;
	session_limits.images = 3;
	told = images = 0;
	talk_init(&t);
	t.ready = true;
	talk_begin(&t, &ears, NONCE);
	feed(&t, data, n);
	talk_finish(&t);
	assert(told <= 3 * 256 && images <= 3); /* a byte that is none becomes three */
	assert(t.control.n <= t.control.max && t.output.n <= t.output.max);
	talk_release(&t);
	return 0;
}
