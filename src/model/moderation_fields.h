/* moderation_fields.h - the parameter `moderation`, of responses as of chat completions. Pure. */
#pragma once
#include "wire/fields.h"

extern const struct field moderation_fields[];
