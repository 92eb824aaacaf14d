/* blob_options.h - where the bytes of files lie: settings "blobs.*". */
#pragma once
#include "s3/s3.h"

enum blob_where {
	BLOBS_FOLDER, /* "files" in the data folder, which is one process's */
	BLOBS_SHARED, /* a folder that several nodes of one store have */
	BLOBS_S3
};
struct blob_options {
	enum blob_where where;
	struct str dir;       /* SHARED */
	struct s3_options s3; /* S3 */
};
extern struct blob_options blob_options; /* set before store_open(), constant after; {0}: FOLDER */

struct blob_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "store/blob_limits.def"
#undef LIMIT
};
extern struct blob_limits blob_limits; /* likewise */
