/* usage_ask.h - what is asked of usage: the query of GET /v1/organization/usage/... and /costs. Loop thread. */
#pragma once
#include "door/request.h"
#include "store/usage.h"

/* What results can be told apart by. */
enum usage_dim {
	USAGE_BY_PROJECT = 1,
	USAGE_BY_USER = 2,
	USAGE_BY_KEY = 4,
	USAGE_BY_MODEL = 8,
	USAGE_BY_BATCH = 16,
	USAGE_BY_TIER = 32,
	USAGE_BY_LINE = 64, /* costs: input, cached input and output of a model */
};

/* Numbers or names that are wanted; `given` and n 0: none can be. */
struct usage_wanted {
	bool given;
	int64_t *numbers;
	struct str *names;
	size_t n;
};
struct usage_ask {
	bool costs;           /* of all kinds */
	enum usage_kind kind; /* else */
	int64_t from, until;  /* seconds */
	int64_t width, start; /* of the buckets; start: of the first */
	int64_t buckets;      /* of this page */
	unsigned by;          /* enum usage_dim */
	struct usage_wanted projects, keys, models;
	bool nobody; /* users are asked for, and there are none */
	int batch;   /* 1, 0: lines of batches alone, or none; -1: all */
};
/* Everything lies in `a`. */
bool usage_ask_read(struct request *rq, struct arena *a, struct usage_ask *ret, struct err *e);
