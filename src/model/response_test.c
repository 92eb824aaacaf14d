/* response_test.c - the response object in each of its states. */
#include "base/test.h"
#include "model/response.h"

static struct create *plain(struct arena *a)
{
	struct create *c = new(a, struct create);
	struct err e = {0};
	yyjson_val *v = NULL;
	CHECK(json_parse(a, S("{\"model\":\"m\",\"input\":\"x\",\"temperature\":0.2,\"service_tier\":\"flex\"}"), &v, &e));
	CHECK(create_read(a, v, NULL, c, &e));
	return c;
}

static yyjson_val *written(struct arena *a, struct buf *b, const struct response *r, const char *output, size_t *at)
{
	struct jout o = {.b = b};
	struct err e = {0};
	yyjson_val *v = NULL;
	buf_clear(b);
	response_write(&o, r, str_of(output), false, at);
	CHECK(json_parse(a, buf_str(b), &v, &e));
	return v;
}

static struct str text(struct arena *a, yyjson_val *v, const char *key)
{
	yyjson_val *at = json_get(v, str_of(key));
	return at ? json_text(a, at) : S("absent");
}

static void states(void)
{
	static const struct {
		enum response_status status;
		const char *name, *completed_at, *error, *incomplete, *tier, *usage;
	} rows[] = {
		{RS_QUEUED, "\"queued\"", "null", "null", "null", "\"flex\"", "null"},
		{RS_IN_PROGRESS, "\"in_progress\"", "null", "null", "null", "\"flex\"", "null"},
		{RS_COMPLETED, "\"completed\"", "9", "null", "null", "\"default\"",
		 "{\"input_tokens\":5,\"input_tokens_details\":{\"cache_write_tokens\":0,\"cached_tokens\":2},\"output_tokens\":3,"
		 "\"output_tokens_details\":{\"reasoning_tokens\":1},\"total_tokens\":8}"},
		{RS_INCOMPLETE, "\"incomplete\"", "null", "null", "{\"reason\":\"max_output_tokens\"}", "\"default\"", "null"},
		{RS_FAILED, "\"failed\"", "null", "{\"code\":\"server_error\",\"message\":\"gone\"}", "null", "\"flex\"",
		 "null"},
		{RS_CANCELLED, "\"cancelled\"", "null", "null", "null", "\"flex\"", "null"},
	};
	struct arena a = {0};
	struct buf b;
	buf_init(&b, 1 << 20);
	struct response r = {.id = S("resp_1"), .req = plain(&a), .model = S("small"), .created_at = 7, .completed_at = 9};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		r.status = rows[i].status;
		r.has_usage = r.status == RS_COMPLETED;
		r.usage = (struct usage){.input = 5, .cached = 2, .output = 3, .reasoning = 1};
		r.error = &(struct err){.code = ERR_ENGINE, .msg = "gone"};
		r.incomplete_reason = "max_output_tokens";
		yyjson_val *v = written(&a, &b, &r, "", NULL);
		CHECK_STR(text(&a, v, "status"), str_of(rows[i].name));
		CHECK_STR(text(&a, v, "completed_at"), str_of(rows[i].completed_at));
		CHECK_STR(text(&a, v, "error"), str_of(rows[i].error));
		CHECK_STR(text(&a, v, "incomplete_details"), str_of(rows[i].incomplete));
		CHECK_STR(text(&a, v, "service_tier"), str_of(rows[i].tier));
		CHECK_STR(text(&a, v, "usage"), str_of(rows[i].usage));
		CHECK_STR(text(&a, v, "model"), S("\"small\""));
		CHECK_STR(text(&a, v, "temperature"), S("0.2"));
		CHECK_STR(text(&a, v, "top_p"), S("1.0"));
		CHECK_STR(text(&a, v, "billing"), S("absent"));
		CHECK_STR(text(&a, v, "conversation"), S("absent"));
	}
	buf_release(&b);
	arena_free(&a);
}

/* A store keeps the object without its items and puts them back where output_at says. */
static void splicing(void)
{
	struct arena a = {0};
	struct buf b;
	size_t at = 0, with = 0;
	buf_init(&b, 1 << 20);
	struct response r = {.id = S("resp_1"), .req = plain(&a), .model = S("m"), .status = RS_COMPLETED};
	written(&a, &b, &r, "", &at);
	struct str empty = str_copy(&a, buf_str(&b));
	written(&a, &b, &r, "{\"id\":1},{\"id\":2}", &with);
	CHECK(at == with);
	CHECK_STR(buf_str(&b), str_fmt(&a, "%.*s{\"id\":1},{\"id\":2}%.*s", (int)at, empty.p, (int)(empty.n - at),
				       empty.p + at));
	buf_release(&b);
	arena_free(&a);
}

static void errors(void)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	struct jout o = {.b = &b};
	error_write(&o, &(struct err){.code = ERR_UNKNOWN_PARAMETER, .param = "a\"b", .msg = "no"});
	CHECK_STR(buf_str(&b), S("{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\",\"param\":\"a\\\"b\","
				 "\"code\":\"unknown_parameter\"}}"));
	buf_clear(&b);
	o = (struct jout){.b = &b};
	error_write(&o, &(struct err){.code = ERR_BAD_REQUEST, .msg = "no"});
	CHECK_STR(buf_str(&b),
		  S("{\"error\":{\"message\":\"no\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}}"));
	buf_release(&b);
}

int main(void)
{
	static const struct test_case tests[] = {
		{"states", states},
		{"items are spliced", splicing},
		{"errors", errors},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
