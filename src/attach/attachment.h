/* attachment.h - one picture or file that a prompt names, and what comes of it. Worker threads. */
#pragma once
#include <stdatomic.h>

#include "engine/prompt.h"
#include "store/blob.h"

struct attachment {
	/* copies, in `arena` */
	struct prompt_part part;
	struct str name;      /* of a file by id */
	int64_t blob;         /* FROM_FILE: its key */
	struct store *store;
	bool vision, files;   /* the model takes pictures; its engine reads PDF files itself */
	_Atomic bool *cancelled;
	struct arena arena;
	/* what comes of it */
	struct prompt_part *parts; /* in place of the part; in `arena` */
	size_t n, bytes;           /* bytes: what they hold */
	size_t text;               /* bytes of a file's text among them; 0: it is no file, or the engine reads it */
	struct err error;
};

/* The way out of a file that is too large. */
#define ATTACHMENT_SEARCH "Put it into a vector store and let the model search it with the tool 'file_search'."

/* A failure at the part, in the API's words. false. */
bool attachment_fail(struct attachment *at, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* One part more, at most ATTACHMENT_PARTS. true. */
enum { ATTACHMENT_PARTS = 1 + 1000 };
bool attachment_put(struct attachment *at, struct prompt_part part);
struct str attachment_data_url(struct arena *a, struct str type, struct str bytes);
