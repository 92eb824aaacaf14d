/* chat_error_test.c - engines' errors in our words, and what is refused before a call. */
#include "engine/chat_error.h"
#include "engine/chat_test.h"

static void errors(void)
{
	static const struct {
		int status;
		const char *body;
		enum err_code code;
		const char *param, *msg;
	} rows[] = {
	    {400,
	     "{\"error\":{\"code\":400,\"message\":\"request (6028 tokens) exceeds the available context size (4096 "
	     "tokens), try "
	     "increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":6028,\"n_ctx\":4096}}",
	     ERR_CONTEXT_LENGTH, "input",
	     "Your input (6028 tokens) exceeds the context window of 4096 tokens of the model 'm', which answers for "
	     "the model that you "
	     "named. Please shorten the input, set 'truncation' to 'auto', or configure an engine with a larger "
	     "context for this name."},
	    {400,
	     "{\"object\":\"error\",\"message\":\"This model's maximum context length is 2048 tokens.\",\"code\":400}",
	     ERR_CONTEXT_LENGTH, "input",
	     "Your input exceeds the context window of 8192 tokens of the model 'm', which answers for the model that "
	     "you named. Please "
	     "shorten the input, set 'truncation' to 'auto', or configure an engine with a larger context for this "
	     "name."},
	    {500,
	     "{\"error\":{\"message\":\"image input is not supported - hint: you may need to provide the mmproj\"}}",
	     ERR_INVALID_VALUE, "input", "The model 'm' does not take images or audio."},
	    {400,
	     "{\"error\":{\"message\":\"Unable to generate parser for this template. Automatic parser generation "
	     "failed: JSON schema error "
	     "at #: Unrecognized schema: {}\"}}",
	     ERR_BAD_SCHEMA, "",
	     "The engine of the model 'm' cannot follow this JSON schema (in 'text.format' or in a tool's "
	     "'parameters'): it uses a keyword, "
	     "pattern or reference that the engine does not know."},
	    {400, "{\"error\":{\"message\":\"logprobs is not supported with tools + stream\"}}",
	     ERR_UNSUPPORTED_PARAMETER, "include",
	     "Unsupported parameter: log probabilities are not supported together with tools by the engine of the "
	     "model 'm'."},
	    {401, "{\"error\":{\"message\":\"Incorrect API key provided: sk-abcdef\"}}", ERR_ENGINE, "",
	     "The engine of the model 'm' refused this server's credentials (HTTP 401): the operator must check the "
	     "engine's key in the "
	     "configuration."},
	    {404, "<html>", ERR_ENGINE, "",
	     "The engine does not know the model 'm', or is no Chat Completions server (HTTP 404)."},
	    {429, "", ERR_ENGINE_BUSY, "", "The engine of the model 'm' is at its limit. Please try again later."},
	    {503, "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\",\"code\":503}}",
	     ERR_UNAVAILABLE, "", "The engine of the model 'm' is still loading its model. Please try again later."},
	    {503, "{}", ERR_UNAVAILABLE, "",
	     "The engine of the model 'm' is overloaded or down. Please try again later."},
	    {504, "", ERR_ENGINE_TIMEOUT, "", "The engine of the model 'm' took too long."},
	    {413, "", ERR_TOO_LARGE, "", "The request is too large for the engine of the model 'm'."},
	    {500, "{\"error\":\"CUDA out of memory at /src/x.cu\"}", ERR_ENGINE, "",
	     "The engine of the model 'm' failed (HTTP 500)."},
	    {400, "{\"error\":{\"message\":\"'seed' must be positive\"}}", ERR_BAD_REQUEST, "",
	     "The engine of the model 'm' refused the request: 'seed' must be positive"},
	    {422, "{\"detail\":\"top_k out of range\"}", ERR_BAD_REQUEST, "",
	     "The engine of the model 'm' refused the request: top_k out of range"},
	    {400, "{\"error\":{\"message\":\"[json.exception.type_error.302] type must be string\"}}", ERR_BAD_REQUEST,
	     "", "The engine of the model 'm' refused the request (HTTP 400)."},
	    {400, "{\"error\":{\"message\":\"cannot open /home/ops/models/x.gguf\"}}", ERR_BAD_REQUEST, "",
	     "The engine of the model 'm' refused the request (HTTP 400)."},
	    {302, "", ERR_ENGINE, "", "The engine of the model 'm' failed (HTTP 302)."},
	};
	const struct engine_model m = {.name = S("m"), .context = 8192, .aliased = true};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = {0};
		chat_error(rows[i].status, str_of(rows[i].body), &m, &e);
		CHECK(e.code == rows[i].code);
		CHECK_STR(str_of(e.param), str_of(rows[i].param));
		CHECK_STR(str_of(e.msg), str_of(rows[i].msg));
	}
}

static void recorded_overflow(void)
{
	struct arena a = {0};
	struct err e = {0};
	const struct engine_model m = {.name = S("smollm2-135m"), .context = 4096};
	chat_error(400, test_file(&a, TEST_DATA "/engine/context.json"), &m, &e);
	CHECK(e.code == ERR_CONTEXT_LENGTH);
	CHECK_STR(
	    str_of(e.msg),
	    S("Your input (6028 tokens) exceeds the context window of 4096 tokens of the model 'smollm2-135m'. Please "
	      "shorten the input or set 'truncation' to 'auto'."));
	arena_free(&a);
}

/* A long text is cut between characters. */
static void long_text(void)
{
	struct arena a = {0};
	struct err e = {0};
	struct buf b;
	const struct engine_model m = {.name = S("m")};
	buf_init(&b, 4096);
	buf_add(&b, S("{\"message\":\"a"));
	for (int i = 0; i < 400; i++)
		buf_add(&b, S("\u00e9"));
	buf_add(&b, S("\"}"));
	chat_error(400, buf_str(&b), &m, &e);
	struct str msg = str_of(e.msg);
	CHECK(msg.n < 400);
	CHECK_STR(((struct str){msg.p + msg.n - 2, 2}), S("\u00e9"));
	buf_release(&b);
	arena_free(&a);
}

#define IMAGE(url) "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"" url "\"}]}]"
#define PNG "data:image/png;base64,eA=="
#define FORMAT ",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"s\",\"schema\":{\"type\":\"object\"}}}"
#define TOOL ",\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":false,\"parameters\":null}]"

static void accepted(void)
{
	static const struct {
		const char *caps, *members;
		enum err_code code;
		const char *param;
	} rows[] = {
	    {"v", IMAGE(PNG), ERR_NONE, ""},
	    {"", IMAGE(PNG), ERR_INVALID_VALUE, "input[0].content[0]"},
	    {"v", IMAGE("https://example.com/a.png"), ERR_NONE, ""}, /* fetched by then */
	    {"", IMAGE("https://example.com/a.png"), ERR_INVALID_VALUE, "input[0].content[0]"},
	    {"vu", IMAGE("https://example.com/a.png"), ERR_NONE, ""},
	    {"s", "\"input\":\"x\"" FORMAT, ERR_NONE, ""},
	    {"q", "\"input\":\"x\"" FORMAT, ERR_NONE, ""},
	    {"", "\"input\":\"x\"" FORMAT, ERR_UNSUPPORTED_PARAMETER, "text.format"},
	    {"t", "\"input\":\"x\"" TOOL, ERR_NONE, ""},
	    {"s", "\"input\":\"x\"" TOOL, ERR_NONE, ""},
	    {"", "\"input\":\"x\"" TOOL, ERR_UNSUPPORTED_PARAMETER, "tools"},
	    {"", "\"input\":\"x\"" TOOL ",\"tool_choice\":\"none\"", ERR_NONE, ""},
	    {"t", "\"input\":\"x\",\"include\":[\"message.output_text.logprobs\"]" TOOL, ERR_NONE, ""},
	    {"s", "\"input\":\"x\",\"include\":[\"message.output_text.logprobs\"]" TOOL, ERR_UNSUPPORTED_PARAMETER,
	     "include"},
	};
	const struct engine_model m = {.name = S("m")};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena a = {0};
		struct engine_caps caps = test_caps(rows[i].caps);
		struct prompt p;
		struct err e;
		CHECK(test_prompt(&a, rows[i].members, &p, &e));
		CHECK_STR(str_of(e.msg), S(""));
		CHECK(chat_accepts(&caps, &m, &p, &e) == (rows[i].code == ERR_NONE));
		CHECK(e.code == rows[i].code);
		CHECK_STR(str_of(e.param), str_of(rows[i].param));
		arena_free(&a);
	}
}

/* Whatever the request's table lets through: nothing is read from a disk or a network for a client. */
static void foreign_urls(void)
{
	static const char *const urls[] = {"file:///etc/passwd", "/etc/passwd", "gopher://x", "eA==", "HTTPS://x"};
	struct engine_caps caps = test_caps("vu");
	const struct engine_model m = {.name = S("m")};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		struct prompt_part part = {.kind = PART_IMAGE, .text = str_of(urls[i])};
		struct prompt_message message = {.role = ROLE_USER, .parts = &part, .n_parts = 1};
		struct prompt p = {.messages = &message, .n = 1};
		struct err e = {0};
		CHECK(!chat_accepts(&caps, &m, &p, &e));
		CHECK(e.code == ERR_INVALID_IMAGE_URL);
	}
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"errors of engines", errors},
	    {"the recorded overflow", recorded_overflow},
	    {"long texts are cut between characters", long_text},
	    {"what is refused before a call", accepted},
	    {"images from nowhere but the request", foreign_urls},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
