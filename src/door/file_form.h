/* file_form.h - a multipart form with a file in it, or several, whose bytes go to a blob while they come (files, parts of
 * uploads, skills). Several lie in it one behind the other.
 *
 * The loop reads the form; a worker writes what has gathered, and when it is behind, the client waits. Nothing larger
 * than a piece lies in memory. When the form is complete and its bytes are synced, kept() is called: it writes the row
 * and ends with intake_answer() or intake_fail(). Or work() is, on the worker's thread, which may block; then there is no
 * kept(). A client that leaves, or is refused, leaves nothing behind. Loop thread. */
#pragma once
#include "door/request.h"
#include "store/blob.h"

enum { INTAKE_FIELDS = 3, INTAKE_VALUE = 512 };

struct intake;
struct intake_form {
	const char *file;                         /* the part that holds the bytes */
	const char *list;                         /* its name where there are several; NULL: there is one */
	const int64_t *most;                      /* files, with `list`; more is 400 */
	const char *fields[INTAKE_FIELDS];        /* the other parts, NULL-terminated where fewer */
	bool named;                               /* the part must be a file with a name */
	/* What the fields say, once all have come; nothing is kept yet. May be NULL. */
	bool (*check)(struct intake *, struct err *e);
	void (*kept)(struct intake *);
	/* Worker thread: the blob is kept, under in->id.key; writes rows and in->answer. true: the blob stays if
	 * in->stays, and what was written stands, whether the client is still there or not. NULL: kept(). */
	bool (*work)(struct intake *, struct err *e);
};
struct intake_file {
	struct str name, filename; /* of its part; {0}: it had no file name */
	int64_t bytes;
	struct intake_file *next;
};

struct intake_run; /* file_form.c */
struct intake {
	const struct intake_form *form;
	struct request *rq; /* NULL: the client left */
	struct arena arena;
	struct id id;       /* the blob's key, and whatever the row's id is made of */
	int64_t bytes;
	struct str filename, values[INTAKE_FIELDS]; /* {0}: not given */
	struct intake_file *files;                  /* in their order */
	size_t n_files;
	void *owner;        /* the form's own */
	struct store_op op; /* the form's, for its row */
	struct intake_run *run;
	/* work()'s own */
	struct store *store;
	int64_t project;
	struct str args[2], answer; /* in the arena */
	const _Atomic bool *cancelled;
	bool stays;
};

/* For handlers of ROUTE_STREAM: answers, or takes the body, of which the file may be `most` bytes. NULL: answered. */
struct intake *intake_begin(struct request *rq, const struct intake_form *form, int64_t most);
/* The row is written: the blob stays. */
void intake_answer(struct intake *in, struct str json);
/* It is not: the blob goes. */
void intake_fail(struct intake *in, const struct err *e);
