/* line.h - a line of a batch on its way, and lists of them. Owned by one at a time: the loop, or a step (batch_step.h).
 */
#pragma once
#include "model/batch.h"
#include "net/inner.h"

struct batch_run;

/* A line on its way; one allocation with its texts. */
struct line {
	struct line *next;
	struct batch_run *run;
	int64_t number, at;    /* in the input file */
	int64_t tries, due_ms; /* due_ms: not before that, loop milliseconds */
	struct str custom_id, body;
	struct inner inner;
	bool failed;
	struct batch_use use;
	char model[128];   /* of `use` */
	struct buf answer; /* what the output or the error file will have */
	char text[];
};
struct lines {
	struct line *first, **last;
	size_t n;
};
void lines_init(struct lines *ls);
void lines_add(struct lines *ls, struct line *l);
void lines_remove(struct lines *ls, struct line *l);
struct line *lines_take(struct lines *ls);             /* the first; NULL: none */
void lines_move(struct lines *to, struct lines *from); /* to its end */
void lines_free(struct lines *ls);                     /* those that run are cancelled */
