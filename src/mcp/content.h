/* content.h - what a tool has answered: the parts of a result as one text. Pure; any thread. */
#pragma once
#include "wire/json.h"

struct mcp_result {
	bool failed;         /* the tool itself says so (isError) */
	struct str text;     /* what it says; "": nothing */
	yyjson_val *content; /* its parts as they came; NULL: none */
};
/* Text parts are joined by line breaks; a picture, sound or file becomes a line that names kind, type and size;
 * structured content counts where no text says the same. In `a`; at most mcp_limits.output_bytes. false: the result is
 * none of a call, or it asks for something that cannot be given; *e says so. */
bool mcp_result_read(struct arena *a, yyjson_val *result, struct mcp_result *ret, struct err *e);
