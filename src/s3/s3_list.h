/* s3_list.h - what lies in the store under its prefix: objects, and uploads in parts that nobody has ended. Worker
 * threads.
 *
 * Both read page by page; each() may ask the store meanwhile, and ends the list by false with e. */
#pragma once
#include "s3/s3.h"

struct s3_found {
	struct str name;   /* below the prefix */
	struct str upload; /* of an upload its id; else {0} */
	int64_t at;        /* when it was put or begun, seconds since 1970; 0: not told */
};
typedef bool s3_each(void *ctx, const struct s3_found *f, struct err *e);
bool s3_list(struct s3 *s, s3_each *each, void *ctx, struct err *e);
bool s3_list_uploads(struct s3 *s, s3_each *each, void *ctx, struct err *e);

/* A page's XML, for each(); the words for the next page go into *next ({0}: this is the last), in `a`. Pure. */
struct s3_page_next {
	struct str token;              /* of objects */
	struct str key_marker, upload; /* of uploads */
};
bool s3_page(struct arena *a, struct str xml, struct str prefix, struct s3_page_next *next, s3_each *each, void *ctx,
	     struct err *e);
