/* image.h - what a picture's first bytes say of it: PNG, JPEG, GIF, WebP. Nothing is decoded. Pure. */
#pragma once
#include <stdint.h>

#include "base/str.h"

enum image_kind { IMAGE_NONE, IMAGE_PNG, IMAGE_JPEG, IMAGE_GIF, IMAGE_WEBP };
struct image_head {
	enum image_kind kind;
	uint32_t width, height; /* pixels */
};
/* false: none of these, and kind is IMAGE_NONE; or one whose head is broken, and kind says which. */
bool image_head(struct str bytes, struct image_head *ret);
/* "image/png", ...; "" for IMAGE_NONE. */
struct str image_type(enum image_kind kind);
