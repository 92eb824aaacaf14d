/* skill_words.h - how a model is told of skills that lie in folders which it can read. Pure. */
#pragma once
#include "base/buf.h"
#include "wire/json.h"

/* Appends what skills are and a line for each of `list`: [{"name", "description", "path" of its folder}]. Nothing for an
 * empty list. */
void skill_words(struct buf *b, yyjson_val *list);
