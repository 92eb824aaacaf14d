/* schema_ref.h - "$ref" within one schema, for the two halves of schema.h. Pure. */
#pragma once
#include "wire/json.h"

/* What "#", "#/$defs/x" (a JSON Pointer, RFC 6901) stands for in `root`, through references to references;
 * NULL when there is none, or only a circle. *steps go down by one for every few members looked at, to 0 and no
 * further: then the answer is NULL, too. */
yyjson_val *schema_ref(yyjson_val *root, yyjson_val *ref, size_t *steps);
