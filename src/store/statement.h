/* statement.h - statements, and the values that go into them and come out of them. */
#pragma once
#include "base/err.h"

enum statement {
#define STMT(name, sql) STMT_##name,
#include "store/statements.def"
#undef STMT
	STMT_COUNT
};
extern const char *const statement_sql[STMT_COUNT]; /* in common words; a driver may have others (sqlite_statements.def) */

struct bind {
	enum bind_kind { BIND_NULL, BIND_INT, BIND_TEXT, BIND_BLOB } kind;
	union {
		int64_t i;
		struct str s;
	};
};
#define INT(v) ((struct bind){.kind = BIND_INT, .i = (v)})
#define TEXT(v) ((struct bind){.kind = BIND_TEXT, .s = (v)})
#define BLOB(v) ((struct bind){.kind = BIND_BLOB, .s = (v)})

/* NULL for {0}. */
static inline struct bind text_or_null(struct str s)
{
	return s.p ? TEXT(s) : (struct bind){.kind = BIND_NULL};
}

struct change {
	enum statement stmt;
	const struct bind *binds;
	unsigned n;
	enum err_code miss;    /* not ERR_NONE: the list fails with it when no row was changed ... */
	const char *miss_text; /* ... and this text */
};

struct cell {
	int64_t i;    /* integers; 0 for others */
	struct str s; /* text and blobs; valid inside the call only; {0} for NULL and integers */
};
/* false stops the walk. A driver makes the cells anew for each call: who stands between it and the receiver may change them. */
typedef bool row_fn(void *ctx, const struct cell *cells);

/* A statement that is run `times` over. */
struct each {
	enum statement stmt;
	unsigned n;   /* binds of it */
	size_t times;
	void (*bind)(void *ctx, size_t which, struct bind *b);
	bool (*row)(void *ctx, size_t which, const struct cell *cells); /* false: no further row of that one */
	void *ctx;
};
