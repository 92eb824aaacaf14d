/* webhook_test.c - bodies of webhook endpoints, and the objects that go out. */
#include "model/webhook.h"

#include "base/test.h"

static struct arena a;

static bool reads(const char *text, enum webhook_form form, struct webhook_body *ret, struct err *e)
{
	yyjson_val *v;
	*e = (struct err){0};
	return json_parse(&a, str_of(text), &v, e) && webhook_read(&a, v, form, ret, e);
}

static const struct {
	enum webhook_form form;
	const char *body;
	const char *param; /* of the error; NULL: good */
	enum err_code code;
} bodies[] = {
    {WEBHOOK_CREATE, "{\"name\":\"n\",\"url\":\"https://h\",\"event_types\":[\"response.completed\"]}", NULL, 0},
    {WEBHOOK_CREATE, "{\"url\":\"https://h\",\"event_types\":[\"response.completed\"]}", "name", ERR_MISSING_PARAMETER},
    {WEBHOOK_CREATE, "{\"name\":\"n\",\"event_types\":[\"response.completed\"]}", "url", ERR_MISSING_PARAMETER},
    {WEBHOOK_CREATE, "{\"name\":\"n\",\"url\":\"https://h\"}", "event_types", ERR_MISSING_PARAMETER},
    {WEBHOOK_CREATE, "{\"name\":\"n\",\"url\":\"https://h\",\"event_types\":[]}", "event_types", ERR_EMPTY_ARRAY},
    {WEBHOOK_CREATE, "{\"name\":\"n\",\"url\":\"https://h\",\"event_types\":[\"video.completed\"]}", "event_types[0]", ERR_INVALID_VALUE},
    {WEBHOOK_CREATE, "{\"name\":\"n\",\"url\":\"https://h\",\"event_types\":\"response.completed\"}", "event_types", ERR_INVALID_TYPE},
    {WEBHOOK_CREATE, "{\"name\":1,\"url\":\"https://h\",\"event_types\":[\"response.failed\"]}", "name", ERR_INVALID_TYPE},
    {WEBHOOK_CREATE, "{\"name\":\"\",\"url\":\"https://h\",\"event_types\":[\"response.failed\"]}", "name", ERR_EMPTY_STRING},
    {WEBHOOK_CREATE, "{\"name\":\"n\",\"url\":\"https://h\",\"event_types\":[\"response.failed\"],\"secret\":\"x\"}", "secret", ERR_UNKNOWN_PARAMETER},
    {WEBHOOK_UPDATE, "{}", NULL, 0},
    {WEBHOOK_UPDATE, "{\"name\":\"m\"}", NULL, 0},
    {WEBHOOK_UPDATE, "{\"url\":null}", "url", ERR_INVALID_TYPE},
    {WEBHOOK_UPDATE, "{\"event_types\":[\"x\"]}", "event_types[0]", ERR_INVALID_VALUE},
    {WEBHOOK_ROTATE, "{}", NULL, 0},
    {WEBHOOK_ROTATE, "{\"keep_old_secret_active_for_24_hours\":true}", NULL, 0},
    {WEBHOOK_ROTATE, "{\"keep_old_secret_active_for_24_hours\":1}", "keep_old_secret_active_for_24_hours", ERR_INVALID_TYPE},
    {WEBHOOK_TEST, "{\"event_type\":\"response.failed\"}", NULL, 0},
    {WEBHOOK_TEST, "{}", "event_type", ERR_MISSING_PARAMETER},
    {WEBHOOK_TEST, "{\"event_type\":\"video.failed\"}", "event_type", ERR_INVALID_VALUE},
    {WEBHOOK_TEST, "[]", "", ERR_INVALID_TYPE},
};

static void bodies_are_checked(void)
{
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct webhook_body b;
		struct err e;
		bool ok = reads(bodies[i].body, bodies[i].form, &b, &e);
		if (ok == !bodies[i].param && e.code == bodies[i].code && (ok || str_eq(str_of(e.param), str_of(bodies[i].param))))
			continue;
		printf("# %s: %s '%s' %s\n", bodies[i].body, err_rows[e.code].name, e.param, e.msg);
		test_failed = 1;
	}
}

static void bodies_are_read(void)
{
	struct webhook_body b;
	struct err e;
	CHECK(reads("{\"name\":\"n\",\"url\":\"https://h\",\"event_types\":[\"response.failed\",\"response.completed\","
		    "\"response.failed\"]}", WEBHOOK_CREATE, &b, &e));
	CHECK_STR(b.types, S("[\"response.failed\",\"response.completed\"]"));
	CHECK_STR(b.name, S("n"));
	CHECK_STR(b.url, S("https://h"));
	CHECK(reads("{}", WEBHOOK_UPDATE, &b, &e) && !b.types.p && !b.name.p && !b.url.p);
	CHECK(reads("{\"keep_old_secret_active_for_24_hours\":true}", WEBHOOK_ROTATE, &b, &e) && b.keep_old_secret);
}

static void objects_are_written(void)
{
	struct buf b;
	buf_init(&b, 4096);
	struct jout o = {&b, false};
	struct webhook_object w = {S("whe_1"), S("n"), S("https://h"), S("[\"response.failed\"]"), S("whsec_...x"), {0}, 1, 2};
	webhook_write(&o, &w);
	CHECK_STR(buf_str(&b), S("{\"id\":\"whe_1\",\"object\":\"webhook_endpoint\",\"created_at\":1,\"updated_at\":2,\"name\":\"n\","
				 "\"url\":\"https://h\",\"event_types\":[\"response.failed\"],\"signing_secret_hint\":\"whsec_...x\"}"));
	buf_clear(&b);
	o.comma = false;
	webhook_event_write(&o, S("evt_1"), 3, S("response.failed"), S("resp_1"));
	CHECK_STR(buf_str(&b), S("{\"id\":\"evt_1\",\"object\":\"event\",\"created_at\":3,\"type\":\"response.failed\","
				 "\"data\":{\"id\":\"resp_1\"}}"));
	buf_release(&b);
	CHECK_STR(str_of(webhook_prefix(S("response.failed"))), S("resp"));
}

int main(void)
{
	static const struct test_case cases[] = {
	    {"bodies are checked", bodies_are_checked},
	    {"bodies are read", bodies_are_read},
	    {"objects are written", objects_are_written},
	};
	int bad = test_main(cases, sizeof cases / sizeof *cases);
	arena_free(&a);
	return bad;
}
