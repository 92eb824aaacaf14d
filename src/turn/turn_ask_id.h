/* turn_ask_id.h - approvals: which item asks or answers, and what the id of one stands for. Inside turn/ alone. */
#pragma once
#include "model/hosted_server.h"
#include "turn/turn.h"

/* What the tool of this item's type is as a server; NULL: it is none. */
static inline const struct hosted_server *ask_face(const struct item *it)
{
	const struct hosted *h = hosted_of_item(it->type);
	return h ? h->server : NULL;
}
/* Does the item ask for an approval? */
static inline bool ask_is(const struct item *it)
{
	const struct hosted_server *s = ask_face(it);
	return s && s->ask == it->type;
}
/* Does it answer one? */
static inline bool ask_is_answer(const struct item *it)
{
	const struct hosted_server *s = ask_face(it);
	return s && s->answer == it->type;
}

/* The request of that id; NULL. */
static inline const struct item *ask_find_in(const struct item *items, size_t n, struct str id)
{
	for (size_t i = 0; i < n; i++)
		if (ask_is(&items[i]) && str_eq(items[i].id, id))
			return &items[i];
	return NULL;
}

/* A call that is asked for, out of our own record where there is one. */
struct ask_call {
	const struct function_tool *server;
	struct str label, name, arguments;
	struct str caller; /* the program that makes it (program.h); {0}: the model */
};
/* An answer, and what it answers. */
struct turn_answer {
	struct turn_answer *next;
	struct id id;
	struct str id_text, reason;
	struct ask_call call;
	bool approved;
	bool passed; /* a program has asked for something else behind it: where it was used, that is what came of it */
	bool over;   /* so it was: it is history */
	char place[128]; /* in the request; "": it was given on this server */
};

/* What of the random part of an id stands for what was asked: project, server, label, function, arguments, caller. The key
 * of the id is given. */
void ask_bind(struct turn *t, const struct ask_call *call, struct id *id);
/* ... and the rest: the function as it was defined. */
void ask_define(struct turn *t, const struct function_tool *f, struct id *id);
bool ask_bound_equal(const struct id *a, const struct id *b);
/* Is that still the function which the id was made for? */
bool ask_defined(struct turn *t, const struct function_tool *f, const struct id *id);
