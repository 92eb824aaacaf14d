/* tape.h - a recording that was read: what the engine said in one response, and what the tools gave (docs/record.md).
 *
 * Constant once it is open, but for which tool calls were played: any thread. */
#pragma once
#include "wire/json.h"

enum { TAPE_MOST = 1 << 28 /* bytes of a file */ };

struct tape;
struct tape_answer {                   /* one answer of the engine */
	struct str content, reasoning; /* {0}: none */
	yyjson_val *calls;             /* an array of {id, name, arguments} */
	bool last;
};

/* From the bytes of a file, which are copied. ERR_CONFIG names the line that is not understood. */
bool tape_read(struct str bytes, struct tape **ret, struct err *e);
bool tape_open(const char *path, struct tape **ret, struct err *e);
void tape_close(struct tape *t);

/* What answers a request to the engine (a body of Chat Completions): which of the answers it is tells the number of
 * results of tools that the request has. NULL: the engine had not answered. */
const struct tape_answer *tape_answer_to(const struct tape *t, yyjson_val *request);
struct str tape_model(const struct tape *t);
yyjson_val *tape_response(const struct tape *t); /* as it was answered */
/* The item of the next call of that type, name and arguments (name {0}: it is not asked), which was not played yet or,
 * when all were, of the first again; NULL: there was none. */
yyjson_val *tape_tool(struct tape *t, struct str type, struct str name, yyjson_val *args);
