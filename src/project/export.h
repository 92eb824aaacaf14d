/* export.h - all that a project has, written as lines while its server runs or not. Blocks. */
#pragma once
#include "store/seal.h"

struct project_export {
	const struct store_options *from;
	const struct seal_options *seal; /* what opens sealed texts; NULL: there are none */
	struct str project;
	bool (*write)(void *ctx, struct str bytes, struct err *e);
	/* Now and then: so much is written. NULL: nobody looks. */
	void (*progress)(void *ctx, const struct project_export *x);
	void *ctx;
	int64_t rows, files; /* results */
};
/* In one snapshot, a row or a piece of a file at a time. */
bool project_export(struct project_export *x, struct err *e);
