/* quota_text.h - limits in words, as OpenAI's headers and messages have them. Pure. */
#pragma once
#include "base/err.h"
#include "store/quota.h"

enum { DURATION_TEXT = 32 };
/* "120ms", "1s", "1.5s", "6m0s", "1h0m0s". */
struct str duration_text(char out[DURATION_TEXT], int64_t ms);
/* Fails with ERR_RATE_REQUESTS or ERR_RATE_TOKENS and how long to wait. */
struct quota_refusal {
	enum quota which;
	bool key;                            /* the limit is the key's, else the project's */
	int64_t most, used, wanted, wait_ms; /* wait_ms -1: it never fits */
};
bool quota_refuse(const struct quota_refusal *r, struct err *e);
