/* template.h - prompt templates: what /v1/prompts takes and gives, and how a request is filled from one.
 *
 * A template's version is a part of a request (instructions, messages, model, tools, parameters) as JSON. Its
 * variables are the {{names}} in the instructions and in its messages' texts: letters, digits and '_', up to 40
 * characters, white space inside the braces does not count. Anything else in braces is text. Pure. */
#pragma once
#include "model/request.h"

enum { TEMPLATE_VARIABLES = 64, TEMPLATE_NAME = 256 };

struct template_body {
	struct str name;     /* {0}: not given (a version, an update) */
	struct str metadata; /* JSON; {0}: not given (likewise) */
	struct str members;  /* JSON: what the version says */
	bool is_default;
	int64_t default_version; /* of an update; 0: not given */
};
enum template_form {
	TEMPLATE_CREATE,  /* POST /v1/prompts: name, metadata, the first version's members */
	TEMPLATE_VERSION, /* POST /v1/prompts/{id}/versions: members, is_default (true when not given) */
	TEMPLATE_UPDATE,  /* POST /v1/prompts/{id}: name, metadata, default_version */
};
bool template_read(struct arena *a, yyjson_val *body, enum template_form form, struct template_body *ret, struct err *e);

struct template_view { /* a version, to be written or applied */
	struct str id, name, metadata;
	yyjson_val *members;
	int64_t created_at, version_created_at;
	int64_t version, default_version, latest;
};
/* The object: {"id", "object": "prompt", ..., the members, "metadata"}. */
void template_write(struct jout *o, const struct template_view *t);

/* Is there a `prompt` in this request that must be looked up first? Its id and version ({0}: the default). */
bool template_wanted(yyjson_val *body, struct str *id, struct str *version);
/* The request with the template in it: members that the request has not are the template's, its messages stand
 * filled in prompt.items. create_read() takes that with rules.prompt RULES_PROMPT_FILLED alone. A variable that is
 * missing, unknown or of the wrong kind is a 400 at prompt.variables.NAME; more than `most` bytes are a 413. */
bool template_fill(struct arena *a, yyjson_val *body, const struct template_view *t, size_t most, struct str *ret,
		   struct err *e);
