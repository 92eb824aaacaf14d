/* container_fields.h - what a container is asked for with, in a tool as in its own route. Pure. */
#pragma once
#include "wire/fields.h"

/* The values of memory_limit, NULL-terminated. */
extern const char *const container_memory_limits[];
/* The shape of a network_policy. */
field_check container_policy_check;
/* Does an element of `tools` carry secrets of its container's network? */
bool container_has_secrets(yyjson_val *tool);
/* An element of `skills`. */
extern const struct field container_skill;
