/* relay.h - requests that an engine answers as they are: audio, rerankings, moderations, older completions.
 *
 * The engine is found (engine/abilities.h), asked once whether it has the path, and then gets the request with the
 * model's name as it knows it and with its own key; the client's never leaves. Answers stream, of any type; a slow
 * reader pauses the engine. A relay takes one of the loop's places (api.turns). Loop thread. */
#pragma once
#include "door/allowance.h"
#include "engine/abilities.h"

struct relay;
struct relay_form;
struct relay_job;

/* What a path does beside. */
struct relay_kind {
	enum ability_path path;
	/* Writes the body for the engine. NULL: as it came, but for the model. */
	bool (*ask)(struct relay *r, yyjson_val *body, struct jout *o, struct err *e);
	/* Instead: makes r->body and r->type on a worker (relay_job.h), and goes on with relay_go(). */
	bool (*gather)(struct relay *r, yyjson_val *body, struct err *e);
	/* A part of a form that is no file has begun: may it go there? *drop: it is taken here, by took(). May be NULL.
	 */
	bool (*part)(struct relay *r, struct str name, bool *drop, struct err *e);
	bool (*took)(struct relay *r, struct str name, struct str value, struct err *e);
	/* Parts that are to be added to a form: relay_form_add(). May be NULL. */
	void (*add)(struct relay *r);
	/* Gets a 200's whole body, in r->answer, and ends with relay_answer() or relay_fail(). NULL: it streams. */
	void (*answer)(struct relay *r);
	struct relay_count { /* what an answer that was passed on counts as */
		bool counted;
		enum usage_kind as;
	} count;
	size_t answer_most; /* bytes of one; 0: as many as the engine floor takes of a picture, twice */
};

struct relay {
	const struct relay_kind *kind;
	struct api_loop *api;
	struct relay *next, *prev;
	struct request *rq; /* NULL: the client left */
	struct reader reader;
	struct arena arena;
	struct ability_at at;
	struct http_call call;
	int status;              /* of the answer; 0: none yet */
	bool probing, ended;     /* ended: the client's body is complete */
	bool kept;               /* the answer gathers instead of streaming */
	bool raw;                /* it streams although the kind has an answer() */
	struct relay_job *busy;  /* NULL: none */
	struct str body;         /* for the engine */
	struct str type;         /* its header's line; {0}: it is JSON */
	struct buf answer;       /* what gathers */
	struct relay_form *form; /* NULL: none */
	struct err error;        /* of a form: told as soon as the client can be told */
	struct quota_hold hold;  /* what it takes of its asker's limits */
	int64_t characters;      /* of the member `input`, when it is a text */
	void *more;              /* the kind's own, in the arena */
};

/* Of the route's handler: JSON, or, of a ROUTE_FORM, a form. */
void relay_start(struct request *rq, const struct relay_kind *kind);
void relay_start_form(struct request *rq, const struct relay_kind *kind);
/* Of kind->gather: its body is made. */
void relay_go(struct relay *r);
/* Of kind->answer: the end. */
void relay_answer(struct relay *r, struct str content_type, struct str body);
void relay_fail(struct relay *r, const struct err *e);
/* Ends all of this loop. */
void relays_cancel(struct api_loop *al);
