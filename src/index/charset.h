/* charset.h - encodings of text. Runs in a box over foreign bytes (reader.c). Pure; any thread. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

/* Into UTF-8; bytes that are none are left out. An encoding that is not known is taken for UTF-8 as it is. */
struct str charset_to_utf8(struct arena *a, struct str charset, struct str body);
