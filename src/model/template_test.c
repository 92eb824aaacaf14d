/* template_test.c - prompt templates: what they may say, and what a request becomes with one. */
#include <string.h>

#include "base/test.h"
#include "model/template.h"

static yyjson_val *json(struct arena *a, const char *text)
{
	yyjson_val *v = NULL;
	struct err e = {0};
	CHECK(json_parse(a, str_of(text), &v, &e));
	return v;
}

static bool fill(struct arena *a, const char *members, const char *body, size_t most, struct str *ret, struct err *e)
{
	struct template_view t = {.id = S("pmpt_1"), .members = json(a, members), .version = 3};
	memset(e, 0, sizeof *e);
	return template_fill(a, json(a, body), &t, most, ret, e);
}

static void bodies(void)
{
	static const struct {
		enum template_form form;
		const char *body, *param, *msg;
	} rows[] = {
		{TEMPLATE_CREATE, "{\"instructions\":\"x\"}", "name", "Missing required parameter: 'name'."},
		{TEMPLATE_CREATE, "{\"name\":\"\",\"instructions\":\"x\"}", "name", NULL},
		{TEMPLATE_CREATE, "{\"name\":\"n\"}", "", "One of 'instructions' or 'input' must be provided."},
		{TEMPLATE_CREATE, "{\"name\":\"n\",\"input\":\"x\",\"stream\":true}", "stream", "Unknown parameter: 'stream'."},
		{TEMPLATE_CREATE, "{\"name\":\"n\",\"input\":\"x\",\"temperature\":3}", "temperature", NULL},
		{TEMPLATE_CREATE, "{\"name\":\"n\",\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]}]}", "input[0]",
		 "Unsupported value: 'reasoning'. A prompt holds messages only."},
		{TEMPLATE_VERSION, "{\"input\":\"x\",\"name\":\"n\"}", "name", "Unknown parameter: 'name'."},
		{TEMPLATE_VERSION, "{\"input\":\"x\",\"metadata\":{}}", "metadata", "Unknown parameter: 'metadata'."},
		{TEMPLATE_UPDATE, "{\"input\":\"x\"}", "input", "Unknown parameter: 'input'."},
		{TEMPLATE_UPDATE, "{\"default_version\":\"0\"}", "default_version", NULL},
		{TEMPLATE_UPDATE, "[]", "", NULL},
	};
	struct arena a = {0};
	struct template_body b;
	struct err e = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		memset(&e, 0, sizeof e);
		CHECK(!template_read(&a, json(&a, rows[i].body), rows[i].form, &b, &e));
		CHECK_STR(str_of(e.param), str_of(rows[i].param));
		if (rows[i].msg)
			CHECK_STR(str_of(e.msg), str_of(rows[i].msg));
	}
	CHECK(template_read(&a, json(&a, "{\"name\":\"n\",\"metadata\":{\"a\":\"b\"},\"model\":\"m\",\"input\":\"hi\",\"top_p\":null}"),
			    TEMPLATE_CREATE, &b, &e));
	CHECK_STR(b.members, S("{\"model\":\"m\",\"input\":\"hi\"}"));
	CHECK_STR(b.name, S("n"));
	CHECK_STR(b.metadata, S("{\"a\":\"b\"}"));
	CHECK(template_read(&a, json(&a, "{\"instructions\":\"hi\",\"is_default\":false}"), TEMPLATE_VERSION, &b, &e));
	CHECK(!b.is_default);
	CHECK_STR(b.members, S("{\"instructions\":\"hi\"}"));
	CHECK(template_read(&a, json(&a, "{\"default_version\":\"12\"}"), TEMPLATE_UPDATE, &b, &e));
	CHECK(b.default_version == 12 && !b.name.p && !b.metadata.p);
	arena_free(&a);
}

static void variables(void)
{
	struct arena a = {0};
	struct buf b;
	struct jout o = {.b = &b};
	struct template_view t = {
		.id = S("pmpt_1"), .name = S("n"), .metadata = S("{}"), .version = 2, .default_version = 1, .latest = 3,
		.created_at = 4, .version_created_at = 5,
		.members = json(&a, "{\"instructions\":\"{{a}} {{ b_1 }} {{}} {{c d}} {{a}} {e} {{{f}}} {{g\","
				    "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"{{h}}\"}]}]}"),
	};
	buf_init(&b, 65536);
	template_write(&o, &t);
	CHECK_STR(buf_str(&b), S("{\"id\":\"pmpt_1\",\"object\":\"prompt\",\"created_at\":4,\"name\":\"n\",\"version\":\"2\","
				 "\"version_created_at\":5,\"is_default\":false,\"default_version\":\"1\",\"latest_version\":\"3\","
				 "\"variables\":[\"a\",\"b_1\",\"f\",\"h\"],\"instructions\":\"{{a}} {{ b_1 }} {{}} {{c d}} {{a}} {e} {{{f}}} {{g\","
				 "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"{{h}}\"}]}],\"metadata\":{}}"));
	buf_release(&b);
	/* 64 are allowed, one more is not. */
	char text[2048] = "{\"name\":\"n\",\"input\":\"";
	size_t n = strlen(text);
	struct template_body body;
	struct err e = {0};
	for (int i = 0; i < TEMPLATE_VARIABLES; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "{{v%d}}", i);
	snprintf(text + n, sizeof text - n, "\"}");
	CHECK(template_read(&a, json(&a, text), TEMPLATE_CREATE, &body, &e));
	snprintf(text + n, sizeof text - n, "{{more}}\"}");
	CHECK(!template_read(&a, json(&a, text), TEMPLATE_CREATE, &body, &e));
	arena_free(&a);
}

static void filling(void)
{
	struct arena a = {0};
	struct str got;
	struct err e;
	CHECK(fill(&a, "{\"model\":\"m\",\"instructions\":\"Be {{how}}.\",\"temperature\":1,\"input\":\"Say {{what}} {{what}}\"}",
		   "{\"stream\":true,\"model\":null,\"temperature\":0,\"prompt\":{\"id\":\"pmpt_1\",\"variables\":{\"what\":\"\\\"x\\\"\","
		   "\"how\":{\"type\":\"input_text\",\"text\":\"kind\"}}}}",
		   4096, &got, &e));
	CHECK_STR(got, S("{\"stream\":true,\"temperature\":0,\"model\":\"m\",\"instructions\":\"Be kind.\",\"prompt\":{\"id\":\"pmpt_1\","
			 "\"variables\":{\"what\":\"\\\"x\\\"\",\"how\":{\"type\":\"input_text\",\"text\":\"kind\"}},\"version\":\"3\",\"items\":["
			 "{\"type\":\"message\",\"role\":\"user\",\"content\":\"Say \\\"x\\\" \\\"x\\\"\"}]}}"));
	/* An image stands between texts; what a variable brings is not looked through again. */
	CHECK(fill(&a, "{\"input\":[{\"role\":\"user\",\"content\":\"See {{i}} and {{t}}\"},"
		       "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"{{i}}\"}],\"id\":\"msg_1\"}]}",
		   "{\"prompt\":{\"id\":\"pmpt_1\",\"variables\":{\"i\":{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,aGk=\"},\"t\":\"{{i}}\"}}}",
		   4096, &got, &e));
	CHECK(strstr(got.p, "\"items\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"See \"},"
			    "{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,aGk=\",\"detail\":\"auto\"},{\"type\":\"input_text\",\"text\":\" and {{i}}\"}]},"
			    "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,aGk=\",\"detail\":\"auto\"}]}]"));
	/* The request's own instructions win; the template's variables are still asked for. */
	CHECK(fill(&a, "{\"instructions\":\"a\",\"tools\":[1]}", "{\"instructions\":\"b\",\"tools\":[],\"prompt\":{\"id\":\"pmpt_1\"}}", 4096,
		   &got, &e));
	CHECK_STR(got, S("{\"instructions\":\"b\",\"tools\":[],\"prompt\":{\"id\":\"pmpt_1\",\"variables\":null,\"version\":\"3\",\"items\":[]}}"));
	arena_free(&a);
}

static void refusals(void)
{
	static const struct {
		const char *variables, *param, *msg;
		enum err_code code;
	} rows[] = {
		{"{}", "prompt.variables.a", "Missing required parameter: 'prompt.variables.a'.", ERR_MISSING_PARAMETER},
		{"null", "prompt.variables.a", "Missing required parameter: 'prompt.variables.a'.", ERR_MISSING_PARAMETER},
		{"{\"a\":null}", "prompt.variables.a", "Missing required parameter: 'prompt.variables.a'.", ERR_MISSING_PARAMETER},
		{"{\"a\":\"x\",\"b\":\"y\"}", "prompt.variables.b",
		 "Unknown parameter: 'prompt.variables.b'. The prompt has no such variable.", ERR_UNKNOWN_PARAMETER},
		{"{\"a\":7}", "prompt.variables.a",
		 "Invalid type for 'prompt.variables.a': expected one of a string or object, but got an integer instead.",
		 ERR_INVALID_TYPE},
		{"{\"a\":{\"type\":\"bogus\"}}", "prompt.variables.a", NULL, ERR_INVALID_VALUE},
		{"{\"a\":{\"type\":\"input_text\"}}", "prompt.variables.a.text", NULL, ERR_MISSING_PARAMETER},
		{"{\"a\":{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,aGk=\"}}", "prompt.variables.a",
		 "Invalid type for 'prompt.variables.a': expected a string, since it stands in instructions or in an assistant's "
		 "message.",
		 ERR_INVALID_TYPE},
	};
	struct arena a = {0};
	struct str got;
	struct err e;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str body = str_fmt(&a, "{\"prompt\":{\"id\":\"pmpt_1\",\"variables\":%s}}", rows[i].variables);
		CHECK(!fill(&a, "{\"instructions\":\"{{a}}\"}", body.p, 4096, &got, &e));
		CHECK(e.code == rows[i].code);
		CHECK_STR(str_of(e.param), str_of(rows[i].param));
		if (rows[i].msg)
			CHECK_STR(str_of(e.msg), str_of(rows[i].msg));
	}
	/* A large value many times over. */
	char input[2000] = "{\"input\":\"";
	size_t n = strlen(input);
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(input + n, sizeof input - n, "{{a}}");
	snprintf(input + n, sizeof input - n, "\"}");
	CHECK(!fill(&a, input, "{\"prompt\":{\"id\":\"pmpt_1\",\"variables\":{\"a\":\"0123456789012345678901234567890123456789\"}}}", 4000, &got, &e));
	CHECK(e.code == ERR_TOO_LARGE);
	arena_free(&a);
}

int main(void)
{
	static const struct test_case t[] = {
		{"bodies", bodies},
		{"variables and the object", variables},
		{"filling", filling},
		{"what is refused", refusals},
	};
	return test_main(t, sizeof t / sizeof *t);
}
