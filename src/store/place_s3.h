/* place_s3.h - blobs as objects of an S3 store (blob_place.h, s3/s3.h). Inside store/ alone.
 *
 * An object is there once the store has acknowledged it, whole: a small one is put, a larger one sent in parts while it
 * comes, one part in memory at a time. It is read piece by piece of a part's size, and pieces are kept near
 * (blob_cache.h). What the store says of a failure is logged; clients are told that it does not answer. */
#pragma once
#include "s3/s3.h"
#include "store/blob_cache.h"
#include "store/blob_place.h"

/* `s3` and `cache` (NULL: none) become the place's. */
struct place *place_s3_new(struct s3 *s3, struct blob_cache *cache);
