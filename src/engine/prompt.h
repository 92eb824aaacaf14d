/* prompt.h - what is asked of an engine, in neutral form.
 *
 * Both doors (Responses items, Chat Completions messages) make this; dialects render it. Strings are
 * borrowed from the request or live in its arena. Pure. */
#pragma once
#include "model/origin.h"
#include "model/request.h"

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };
enum part_kind { PART_TEXT, PART_IMAGE, PART_AUDIO, PART_FILE };
enum part_from { FROM_DATA, FROM_URL, FROM_FILE }; /* what `text` of an image or file is: a data URL, a URL, a file's id */

struct prompt_part {
	enum part_kind kind;
	enum part_from from;
	struct str text;   /* text; of images and files: see `from`; audio data (base64) */
	struct str detail, quality; /* detail: of an image; an audio's format; a file's name; quality: a file's detail */
	const char *where; /* "input[0].content[1]", for errors that name the part; NULL: history */
};
struct prompt_call {
	struct str call_id, name, arguments;
	const struct origin *origin; /* NULL: of no engine */
	bool async; /* nobody waits for its result */
};
struct prompt_message {
	enum role role;
	struct prompt_part *parts;
	size_t n_parts, cap_parts; /* cap_*: prompt.c's own; 0 for arrays that the caller made */
	struct prompt_call *calls; /* assistant */
	size_t n_calls, cap_calls;
	struct str call_id; /* tool */
	struct str picture; /* tool: what it made (base64), for tools that change pictures; no engine is told of it */
	bool called_more;   /* tool: further calls of the same answer follow behind this result */
	struct str reasoning; /* assistant; prompt_tidy() drops what stands before the last user message */
	size_t cap_reasoning; /* 0: borrowed */
	const struct origin **origins; /* assistant: of the items that it is made of */
	size_t n_origins;
};
struct prompt {
	struct prompt_message *messages;
	size_t n, cap;
	size_t settled; /* messages at the front that a compaction has left: another leaves them, too */
	const struct function_tool *tools;
	size_t n_tools;
	const struct call_index *index; /* of `tools`, where they are many; NULL: none */
	enum tool_choice choice;
	struct str choice_name;
	bool parallel;
	bool only_offered; /* allowed_tools: there are other tools, which may not be called */
	struct format format;
	struct sampling sampling;
	bool logprobs;
	bool files, sees; /* texts of files stand in it; the model takes pictures: those of our tools go to it */
	bool truncate;      /* truncation: auto */
	bool reasoning_all; /* reasoning.context: all_turns; reasoning of earlier turns goes back too */
	struct str cache_key;
	struct str verbosity; /* {0}: none */
};

/* Tells a URL from data. */
enum part_from prompt_from(struct str text);
/* The new message, zeroed but for its role; valid until the next prompt_add(). */
struct prompt_message *prompt_add(struct arena *a, struct prompt *p, enum role role);
/* Makes room for so many more: who knows what will come saves copying it again and again. */
void prompt_room(struct arena *a, struct prompt_message *m, size_t parts, size_t calls);
/* Says who made a part of the message. The array is a new one each time. */
void prompt_add_origin(struct arena *a, struct prompt_message *m, const struct origin *origin);
/* `part` and `call` are copied in, what they point to is not. */
struct prompt_part *prompt_add_part(struct arena *a, struct prompt_message *m, struct prompt_part part);
void prompt_add_call(struct arena *a, struct prompt_message *m, struct prompt_call call);
/* Joins the message's reasoning, behind a blank line. */
void prompt_add_thought(struct arena *a, struct prompt_message *m, struct str text);
void prompt_add_text(struct arena *a, struct prompt_message *m, struct str text);
/* Appends items (history or input) as messages: system and developer become system, calls join the assistant
 * message before them, reasoning stands with what follows it. `path` is "input" for the request's own items,
 * "" for history. Refused: item types that no message can carry, references that nobody resolved, other parts than
 * text outside user messages and tool results. What programs have called is left out (model/program.h). */
bool prompt_add_items(struct arena *a, struct prompt *p, const struct item *items, size_t n, const char *path,
		      struct err *e);
