/* talk.h - what the driver in a box says (driver.py), put in order. Pure.
 *
 * Two streams come: what is printed, with marks in it, and the things that the marks stand for. The code that runs can
 * write into both, so all of it is bounded and nothing believed: at worst a session spoils its own answer, or is lost
 * (`bad`). */
#pragma once
#include "session/python.h"

enum { TALK_NONCE = 32 };

struct talk {
	const struct session_ears *ears;
	char nonce[TALK_NONCE + 1];
	struct buf control; /* things that came, their marks not yet */
	struct buf output;  /* the beginning of a mark, perhaps */
	struct buf printed;
	int64_t told;     /* bytes of text that were given to the ears */
	int64_t left_out; /* beyond session.output_bytes */
	int64_t images;
	bool ready, ended, raised, bad;
};

void talk_init(struct talk *t);
void talk_release(struct talk *t);
/* A call begins, whose marks bear this nonce. What was printed since the last one stands before it. */
void talk_begin(struct talk *t, const struct session_ears *ears, const char *nonce);
/* Room for more of the things; NULL: they have to be marked first. */
char *talk_room(struct talk *t, size_t *n);
/* So many bytes were written into the room. */
void talk_control(struct talk *t, size_t n);
/* The next bytes that were printed. All things that were said before them must have been given. */
void talk_output(struct talk *t, struct str bytes);
/* No more comes of this call: tells what is left. */
void talk_finish(struct talk *t);

/* Text as session_ears gives it: UTF-8, mended, without control characters and escape sequences of terminals. */
void session_mend(struct str in, struct buf *out);
