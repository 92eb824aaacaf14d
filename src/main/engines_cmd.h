/* engines_cmd.h - engines as a table. Main thread. */
#pragma once
#include "wire/json.h"

/* What the server says of its engines (engine/engine_list.h), a line each. */
void engines_print(yyjson_val *engines);
