/* grammar.h - grammars of custom tools in the form that engines take: GBNF, llama.cpp's notation (vLLM reads it too).
 *
 * Converted are regular expressions (classes, groups, alternation, quantifiers, the flag i; ^ and $ only at the ends,
 * where they say nothing, since the whole input has to match) and a part of Lark: rules and terminals, strings,
 * string ranges, regular expressions, ( ) [ ] | ? * + ~n ~n..m, aliases, priorities, %ignore, %import common.X. Lark's
 * lexer is not imitated: a grammar is read as one over characters, and what is ignored may stand behind each token of
 * a rule and before the first. Not converted: look-around, back references, \b, %declare, templates, left recursion
 * (engines refuse it), what grows too large. Pure. */
#pragma once
#include "engine/engine.h"

enum grammar_dialect {
	GRAMMAR_NONE,
	GRAMMAR_GBNF,       /* llama.cpp: "grammar": text, not beside tools */
	GRAMMAR_STRUCTURED, /* vLLM: "structured_outputs": {"grammar": text} */
};

/* `syntax` "regex" or "lark". false: *why says what cannot be converted. */
bool grammar_convert(struct arena *a, struct str syntax, struct str definition, struct str *gbnf, struct err *why);
/* The custom tool that has to be called and nothing else, if its grammar can be converted: then the model writes the
 * tool's input alone, constrained, and grammar_reply reads it. NULL: not so. */
const struct function_tool *grammar_tool(struct arena *a, enum grammar_dialect d, const struct prompt *p, struct str *gbnf);
/* Appends what the system message says of it. */
void grammar_describe(struct buf *out, const struct function_tool *t);

/* The model's text becomes the arguments of one call, {"input": text}, as it comes. */
struct grammar_reply {
	const struct function_tool *tool; /* NULL: not so */
	void (*emit)(void *ctx, const struct model_event *);
	void *ctx;
	bool begun;
};
void grammar_reply_feed(struct grammar_reply *r, struct str text);
/* The text is over; `cut`: by a limit, so that the input stays open. */
void grammar_reply_end(struct grammar_reply *r, bool cut);
