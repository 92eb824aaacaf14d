/* chat_error.c - an engine's error answer as ours, and what is refused before a call.
 *
 * Engines say too much (parser internals, paths) and say the same thing in many ways. Rows below recognise
 * what a client can act on; anything else becomes a plain sentence. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/chat_error.h"
#include "engine/forced.h"
#include "wire/json.h"

enum { PASSED_ON = 300 }; /* bytes of an engine's text that a client sees at most */

struct report {
	int status;
	struct str type, code, text;
	int64_t prompt_tokens, context;
};

static bool chat_error_has(struct str s, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; i + n <= s.n; i++)
		if (!strncasecmp(s.p + i, word, n))
			return true;
	return false;
}

static bool has_any(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (chat_error_has(s, *words))
			return true;
	return false;
}

/* {"error":{...}}, {"error":"..."}, {"message":"..."}, {"detail":"..."}: all of them are in use. */
static struct report read_report(struct arena *a, int status, struct str body)
{
	struct report r = {.status = status};
	struct err ignored = {0};
	yyjson_val *root = NULL, *v;
	if (!json_parse(a, body, &root, &ignored))
		return r;
	if (yyjson_is_arr(root)) /* Google's */
		root = yyjson_arr_get_first(root);
	v = json_get(root, S("error"));
	if (yyjson_is_str(v))
		r.text = json_str(v);
	if (!yyjson_is_obj(v))
		v = root;
	if (!r.text.n)
		r.text = json_str(json_get(v, S("message")));
	if (!r.text.n)
		r.text = json_str(json_get(v, S("detail")));
	r.type = json_str(json_get(v, S("type")));
	r.code = json_str(json_get(v, S("code")));
	r.prompt_tokens = yyjson_get_sint(json_get(v, S("n_prompt_tokens")));
	r.context = yyjson_get_sint(json_get(v, S("n_ctx")));
	return r;
}

/* Names the model that really answers (the client may know it by an alias only), its context and the way out. */
static void fail_context(const struct report *r, const struct engine_model *m, struct err *e)
{
	char size[64] = "", sent[64] = "";
	int64_t context = r->context > 0 ? r->context : m->context;
	if (context > 0)
		snprintf(size, sizeof size, " of %lld tokens", (long long)context);
	if (r->prompt_tokens > 0)
		snprintf(sent, sizeof sent, " (%lld tokens)", (long long)r->prompt_tokens);
	fail(e, ERR_CONTEXT_LENGTH, "input",
	     "Your input%s exceeds the context window%s of the model '%.*s'%s. Please shorten the input%s", sent, size,
	     FMT(m->name), m->aliased ? ", which answers for the model that you named" : "",
	     m->aliased ? ", set 'truncation' to 'auto', or configure an engine with a larger context for this name."
			: " or set 'truncation' to 'auto'.");
}

static void fail_schema(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_BAD_SCHEMA, NULL,
	     "The engine of the model '%.*s' cannot follow this JSON schema (in 'text.format' or in a tool's "
	     "'parameters'): it uses a keyword, pattern or reference that the engine does not know.",
	     FMT(m->name));
}

static void fail_media(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_INVALID_VALUE, "input", "The model '%.*s' does not take images or audio.", FMT(m->name));
}

static void fail_logprobs(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_UNSUPPORTED_PARAMETER, "include",
	     "Unsupported parameter: log probabilities are not supported together with tools by the engine of the "
	     "model '%.*s'.",
	     FMT(m->name));
}

static void fail_key(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_ENGINE, NULL,
	     "The engine of the model '%.*s' refused this server's credentials (HTTP %d): the operator must check the "
	     "engine's key in the configuration.",
	     FMT(m->name), r->status);
}

static void fail_model(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_ENGINE, NULL,
	     "The engine does not know the model '%.*s', or is no Chat Completions server (HTTP 404).", FMT(m->name));
}

static void fail_busy(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_ENGINE_BUSY, NULL, "The engine of the model '%.*s' is at its limit. Please try again later.",
	     FMT(m->name));
}

static void fail_unavailable(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_UNAVAILABLE, NULL, "The engine of the model '%.*s' is %s. Please try again later.", FMT(m->name),
	     chat_error_has(r->text, "loading") ? "still loading its model" : "overloaded or down");
}

static void fail_timeout(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_ENGINE_TIMEOUT, NULL, "The engine of the model '%.*s' took too long.", FMT(m->name));
}

static void fail_size(const struct report *r, const struct engine_model *m, struct err *e)
{
	fail(e, ERR_TOO_LARGE, NULL, "The request is too large for the engine of the model '%.*s'.", FMT(m->name));
}

/* Of a 400 the client may be the cause (keys that pass through), so the engine's reason helps; but only in
 * plain words. */
static void fail_request(const struct report *r, const struct engine_model *m, struct err *e)
{
	static const char *const internals[] = {
	    "json.exception", "nlohmann", "traceback", ".cpp", ".py", ".cu",  "0x",    "://",       "/home",
	    "/root",          "/usr",     "/tmp",      "/var", "sk-", "ggml", "std::", "object at", NULL};
	struct str text = str_trim(r->text);
	if (text.n > PASSED_ON)
		text.n = PASSED_ON;
	while (text.n && ((unsigned char)text.p[text.n - 1] & 0xc0) == 0x80 && r->text.n > PASSED_ON)
		text.n--; /* not in the midst of a character */
	if (text.n && r->text.n > PASSED_ON && (unsigned char)text.p[text.n - 1] >= 0xc0)
		text.n--;
	if (!text.n || has_any(r->text, internals))
		fail(e, ERR_BAD_REQUEST, NULL, "The engine of the model '%.*s' refused the request (HTTP %d).",
		     FMT(m->name), r->status);
	else
		fail(e, ERR_BAD_REQUEST, NULL, "The engine of the model '%.*s' refused the request: %.*s", FMT(m->name),
		     FMT(text));
}

/* Tried in order. What a text says beats a status: engines answer 400 and 500 for all sorts of things. A row
 * without words matches its statuses alone. */
static const struct error_row {
	int least, largest;
	const char *words[6];
	void (*fail)(const struct report *, const struct engine_model *, struct err *);
} error_rows[] = {
    {400, 599, {"exceed_context_size", "context_length_exceeded"}, fail_context},
    {400,
     599,
     {"maximum context length", "context window", "context size", "prompt is too long", "context length"},
     fail_context},
    {400,
     599,
     {"image input is not supported", "audio input is not supported", "mmproj", "not a multimodal"},
     fail_media},
    {400,
     500,
     {"json schema error", "failed to parse grammar", "invalid grammar", "guided_json", "structured output"},
     fail_schema},
    {400, 400, {"logprobs"}, fail_logprobs},
    {401, 401, {NULL}, fail_key},
    {403, 403, {NULL}, fail_key},
    {404, 405, {NULL}, fail_model},
    {408, 408, {NULL}, fail_timeout},
    {413, 413, {NULL}, fail_size},
    {429, 429, {NULL}, fail_busy},
    {503, 503, {NULL}, fail_unavailable},
    {504, 504, {NULL}, fail_timeout},
    {400, 499, {NULL}, fail_request},
};

void chat_error(int status, struct str body, const struct engine_model *m, struct err *e)
{
	struct arena a = {0};
	struct report r = read_report(&a, status, body);
	for (size_t i = 0; i < sizeof error_rows / sizeof *error_rows; i++) {
		const struct error_row *row = &error_rows[i];
		if (status < row->least || status > row->largest)
			continue;
		if (row->words[0] && !has_any(r.type, row->words) && !has_any(r.code, row->words) &&
		    !has_any(r.text, row->words))
			continue;
		row->fail(&r, m, e);
		arena_free(&a);
		return;
	}
	fail(e, ERR_ENGINE, NULL, "The engine of the model '%.*s' failed (HTTP %d).", FMT(m->name), status);
	arena_free(&a);
}

/* --- before a call -------------------------------------------------------------------------------------- */

static bool chat_error_data_url(struct str url)
{
	return url.n >= 5 && str_eq_nocase((struct str){url.p, 5}, S("data:"));
}

static bool accepts_part(const struct engine_caps *caps, const struct engine_model *m, const struct prompt_part *part,
			 struct err *e)
{
	switch (part->kind) {
	case PART_TEXT:
		return true;
	case PART_IMAGE:
		if (!caps->vision)
			return fail(e, ERR_INVALID_VALUE, part->where,
				    "Invalid value: 'input_image'. The model '%.*s' does not take images.",
				    FMT(m->name));
		/* What is only named is fetched before the call. Else nothing but data URLs, or an engine would read
		 * its disk for a client. */
		if (part->from != FROM_DATA || chat_error_data_url(part->text))
			return true;
		return fail(e, ERR_INVALID_IMAGE_URL, part->where,
			    "Invalid image URL: send an http or https URL, or the image itself as a data URL "
			    "('data:image/png;base64,...').");
	case PART_AUDIO:
		if (caps->audio)
			return true;
		return fail(e, ERR_INVALID_VALUE, part->where,
			    "Invalid value: 'input_audio'. The model '%.*s' does not take audio.", FMT(m->name));
	case PART_FILE:
		if (part->from != FROM_DATA || caps->fetches_urls) /* to be read yet; or a cloud API, which reads files */
			return true;
		return fail(e, ERR_INVALID_VALUE, part->where,
			    "Invalid value: 'input_file'. The model '%.*s' does not take files.", FMT(m->name));
	}
	return true;
}

static bool accepts_format(const struct engine_caps *caps, const struct engine_model *m, const struct prompt *p,
			   struct err *e)
{
	if (p->format.kind != FORMAT_TEXT && !caps->schema && !caps->schema_prompt)
		return fail(
		    e, ERR_UNSUPPORTED_PARAMETER, "text.format",
		    "Unsupported parameter: 'text.format' of type '%s' is not supported with the model '%.*s', whose "
		    "engine cannot be held to a JSON schema. With 'schema: prompt' in the engine's settings the model "
		    "is asked for JSON in words.",
		    p->format.kind == FORMAT_JSON_OBJECT ? "json_object" : "json_schema", FMT(m->name));
	if (!forced_needed(caps, p))
		return true;
	if (!caps->schema && !caps->schema_prompt)
		return fail(
		    e, ERR_UNSUPPORTED_PARAMETER, "tools",
		    "Unsupported parameter: 'tools' is not supported with the model '%.*s', whose chat template knows "
		    "no tools and whose engine cannot be held to a JSON schema.",
		    FMT(m->name));
	if (p->logprobs)
		return fail(
		    e, ERR_UNSUPPORTED_PARAMETER, "include",
		    "Unsupported parameter: log probabilities are not supported together with tools with the model "
		    "'%.*s', whose chat template knows no tools.",
		    FMT(m->name));
	return true;
}

bool chat_accepts(const struct engine_caps *caps, const struct engine_model *m, const struct prompt *p, struct err *e)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->messages[i].n_parts; j++)
			if (!accepts_part(caps, m, &p->messages[i].parts[j], e))
				return false;
	return accepts_format(caps, m, p, e);
}

/* Some engines do not name the type, or answer with JSON although a stream was asked for. A page of HTML is of somebody else. */
bool chat_may_answer(struct str type)
{
	static const struct str types[] = {STR(""), STR("text/event-stream"), STR("application/json"), STR("text/plain"),
	                                   STR("application/octet-stream"), STR("text/json"), STR("application/x-ndjson"),
	                                   STR("application/problem+json")};
	struct str bare = str_trim(str_cut(&type, ';'));
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (str_eq_nocase(bare, types[i]))
			return true;
	return false;
}

/* Seconds only: engines that give a date are rare and their clocks are not ours. */
int64_t chat_retry_ms(struct str retry_after_ms, struct str retry_after)
{
	int64_t n;
	if (str_int(retry_after_ms, &n) && n >= 0)
		return n;
	if (str_int(retry_after, &n) && n >= 0 && n < 1000000)
		return n * 1000;
	return -1;
}
