/* usage_write.h - changes that count usage, for those that write it with what it counts. Inside store/ alone. */
#pragma once
#include "store/record.h"
#include "store/usage.h"

struct record_room usage_room(const struct usage_add *list, size_t n);
/* Needs that room. */
void usage_put(struct store_request *r, const struct usage_add *list, size_t n);
