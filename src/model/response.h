/* response.h - the response object.
 *
 * A view over what the turn knows; rendered whole, every key the live API sends, in its order.
 * Pure. */
#pragma once
#include "base/id.h"
#include "model/request.h"

enum response_status { RS_QUEUED, RS_IN_PROGRESS, RS_COMPLETED, RS_INCOMPLETE, RS_FAILED, RS_CANCELLED };
extern const char *const response_status_names[];

/* Of pictures that were made, as their engine counts. */
struct picture_usage {
	int64_t input, input_text, input_image, output, output_text, output_image;
};
struct usage {
	int64_t input, cached, output, reasoning;
};

struct response {
	struct str id;
	const struct create *req;
	struct str model; /* the one that answers */
	int64_t created_at, completed_at; /* seconds; completed_at only when completed */
	enum response_status status;
	const struct err *error;       /* failed; NULL: none */
	const char *incomplete_reason; /* incomplete: "max_output_tokens", "content_filter", "steered" */
	bool has_usage;
	struct usage usage;
	struct str moderation; /* JSON; {0}: nobody was asked */
	struct str withheld;   /* JSON: thoughts of the input that the model was not shown; {0}: there are none */
	struct picture_usage pictures;
	int64_t web_searches; /* searches that a provider or the cache has answered */
};

/* `output` is the items' JSON joined with commas, "" when none. *output_at (may be NULL) gets the offset in
 * o->b where output items stand, so that a store can keep the object without them and splice later. With
 * `billing` the key that only JSON answers carry. */
void response_write(struct jout *o, const struct response *r, struct str output, bool billing, size_t *output_at);
void picture_usage_add(struct picture_usage *sum, const struct picture_usage *more);
void picture_usage_write(struct jout *o, const struct picture_usage *u);
void usage_add(struct usage *sum, const struct usage *more);
void usage_write(struct jout *o, const struct usage *u);
/* {"error":{"message","type","param","code"}} */
void error_write(struct jout *o, const struct err *e);
