/* err.h - failures that a client or an operator may see.
 *
 * true is success. Functions that can fail take `struct err *e` last and write it only on failure;
 * the first failure wins. The rows of err.def carry OpenAI's HTTP status, type and code.
 * Only the floor that answers logs. Broken invariants are assert(), never fail(). */
#pragma once
#include "base/str.h"

enum err_code {
	ERR_NONE,
#define ERR(name, status, type, code) ERR_##name,
#include "base/err.def"
#undef ERR
	ERR_COUNT
};

struct err {
	enum err_code code;  /* ERR_NONE: no error */
	char param[128];     /* "" = null */
	char msg[1024];      /* what the client reads */
	int retry_after_ms;  /* > 0: Retry-After and retry-after-ms are sent */
	bool no_retry;       /* x-should-retry: false: a side effect may have happened */
};

struct err_row {
	const char *name;
	int status;
	const char *type, *code; /* code NULL = null */
};

extern const struct err_row err_rows[ERR_COUNT];

/* Fills *e unless it already holds a failure; always returns false. `param` may be NULL. */
bool fail(struct err *e, enum err_code code, const char *param, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
