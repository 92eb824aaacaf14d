/* attach.h - what a prompt only names - pictures and files by id, by URL or as data - is fetched, checked and put into it.
 *
 * Pictures become data URLs, files become text (attach_read.h); what the engine takes as it is stays. A part of the
 * request's own that cannot be had is the request's error; one of the history is replaced by a note to the model, so
 * that a page that went away does not end a conversation. The stored items stay as they were given: at each turn, and
 * when a background response runs, it is done again. Loop thread. */
#pragma once
#include "door/request.h"
#include "engine/prompt.h"

struct attach_run; /* attach.c */
struct attach { /* embed it; {0}: idle */
	void (*done)(struct attach *, const struct err *e); /* later, once */
	struct attach_run *run;
};
struct attach_to {
	struct api_loop *api;
	int64_t project;
	struct arena *arena;        /* outlives the prompt */
	struct engine_model *model; /* becomes engine.vision_model's where only that takes the pictures */
	struct prompt *prompt;      /* tidied; must not move until done() */
	bool later;                 /* only what costs nothing: the rest is done when the prompt is used */
};

/* true: done() comes. false: nothing is left to do, or *e says why it cannot be done. */
bool attach_start(struct attach *at, const struct attach_to *to, struct err *e);
void attach_cancel(struct attach *at);
