/* request.h - POST /v1/responses: the body, checked and normalised.
 *
 * Every parameter of OpenAI's OpenAPI file is in the table of request.c, checked in the live API's order with its
 * texts. What changes the answer's meaning and cannot be honoured is refused by name; advisory.def lists
 * what is only echoed. Strings are borrowed from the document or live in the arena. Pure. */
#pragma once
#include "model/call.h"
#include "model/request_rules.h"
#include "model/wishes.h"

enum tool_choice { CHOICE_AUTO, CHOICE_NONE, CHOICE_REQUIRED, CHOICE_NAMED };
enum format_kind { FORMAT_TEXT, FORMAT_JSON_OBJECT, FORMAT_JSON_SCHEMA };

struct format {
	enum format_kind kind;
	struct str name, description;
	yyjson_val *schema;
	bool strict;
};

struct create {
	struct str model, instructions, previous_response_id;
	struct str conversation; /* its id; {0}: none */
	struct item *items; /* a string input is one user message */
	size_t n_items;
	bool input_given;
	struct item *template; /* a prompt template's messages, before everything else */
	size_t n_template;
	struct function_tool *tools; /* as functions (call.h): those given, and those that items bring */
	size_t n_tools;
	struct call_index *index; /* of them, where they are many (call_index.h); NULL: none */
	yyjson_val *listed; /* `tools` as it came */
	enum tool_choice choice;
	struct str choice_name;  /* CHOICE_NAMED: the function's */
	struct str *allowed;     /* allowed_tools: functions' names; NULL: all */
	size_t n_allowed;
	bool parallel_tool_calls, store, stream, background, truncation_auto, obfuscate;
	struct background_wish wait;
	bool compact;              /* context_management asks for compaction */
	bool compact_now;          /* the input ends in a compaction_trigger: that is all the turn does */
	int64_t compact_threshold; /* tokens; 0: not given */
	bool include_logprobs, include_encrypted, include_image_url;
	unsigned show; /* of hosted calls: SHOW_... (item_show.h) */
	bool generate; /* false: only prepare (generate of a WebSocket, prompt_cache_options.prewarm) */
	bool reasoning_all; /* reasoning.context: all_turns */
	int64_t max_tool_calls; /* 0: none */
	struct format format;
	struct sampling sampling;
	struct str summary, prompt_cache_key; /* summary: reasoning.summary, {0} when none */
	const struct function_tool *grammar_tool; /* the custom tool with a Lark grammar that has to be called; NULL: none */
	const char *grammar_path; /* "tools[0].format": joins not_applied unless the engine is held to it */
	const char *not_applied; /* "reasoning.effort, service_tier": for the header antiphon-not-applied; NULL: none */
	/* The response object's echoes, rendered once as JSON values in the live form. */
	struct {
		struct str instructions, tools, tool_choice, text, reasoning, metadata, safety_identifier, user,
			prompt_cache_key, prompt_cache_retention, service_tier, truncation, conversation, prompt, moderation, comparison;
		struct str prompt_cache_options; /* {0}: the key is left out, as live */
	} echo;
};

/* `body` must outlive *ret. */
bool create_read(struct arena *a, yyjson_val *body, const struct request_rules *rules, struct create *ret, struct err *e);
