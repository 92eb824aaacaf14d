/* script.h - a program in JavaScript, run in a box up to the calls of tools that nobody has answered yet.
 *
 * Nothing stays between two runs: a program starts anew each time and is given what its calls were answered before, so
 * that it comes to the same place. That holds because it can see nothing that changes: its clock stands, its random
 * numbers have a seed, it has no modules, files or network. Calls that it makes before it waits are one round: all of
 * them are answered, in the order of the calls, before it goes on; so it does not matter which answer came first.
 *
 * QuickJS runs it. The server does not link that: it is in a small program, antiphon-script (script_main.c), whose
 * bytes the server carries (script_bytes). Blocks: worker threads. */
#pragma once
#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"

struct script_tool {
	struct str name;
	bool text; /* it takes a string; else an object, of which it gets the JSON */
	struct str members; /* "a,b": of that it takes these alone, and is given them in this order; {0}: any */
};
enum script_answer_kind { SCRIPT_TEXT = 't', SCRIPT_JSON = 'j', SCRIPT_ERROR = 'e' /* what the call throws */ };
struct script_answer {
	struct str name, args, value;
	enum script_answer_kind kind;
	bool maybe; /* it may be the answer of another's call: then it is left */
};
struct script_call {
	struct str name, args;
};
struct script {
	struct str code;
	int64_t now; /* Unix time: what its clock says, and the seed */
	const struct script_tool *tools;
	const struct script_answer *answers; /* in the order of the calls */
	size_t n_tools, n_answers;
	const _Atomic bool *cancelled; /* may be NULL */
};

enum script_end {
	SCRIPT_CALLS, /* it waits for these */
	SCRIPT_DONE,
	SCRIPT_FAILED /* an error of its own, a bound, or calls that are not those which were answered: `why` */
};
struct script_result { /* in the arena */
	enum script_end end;
	struct str text, why; /* what it put out so far */
	struct script_call *calls;
	size_t n_calls;
};
/* false: ERR_CONFIG, no program can be run here, and what would mend it; ERR_REQUEST_TIMEOUT: it was cancelled. */
bool script_run(struct arena *a, const struct script *s, struct script_result *ret, struct err *e);
/* Is there an engine? The other half of script_refuse(), which does not block. */
bool script_there(struct err *e);
/* Can programs be run here at all? */
bool script_refuse(struct err *e);
/* What the box said, of which nothing is believed; false: it makes no sense. */
bool script_read(struct arena *a, struct str said, struct script_result *ret);

/* The program, made when this is built; none where QuickJS was not there. */
extern const unsigned char script_bytes[];
extern const size_t script_bytes_n;
