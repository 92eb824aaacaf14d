/* fields_test.c - the API's own texts for wrong input, to the letter. */
#include "wire/fields.h"

#include <stdio.h>
#include <string.h>

#include "base/test.h"

static struct arena a;

struct thing {
	bool stream, store, has_temperature;
	int64_t max_output_tokens;
	double temperature;
	struct str user, truncation, name;
	yyjson_val *tools, *metadata, *input, *text;
};

static bool never_seven(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	++*(int *)ctx;
	if (yyjson_is_int(v) && yyjson_get_sint(v) == 7)
		return fail(e, ERR_INVALID_VALUE, path, "no seven at %s", path);
	return true;
}

static const char *const truncations[] = {"auto", "disabled", NULL};
static const char *const sizes[] = {"low", "medium", "high", NULL};
static const struct field size_item = {.kind = F_ENUM, .values = sizes};

static const struct field tool_fields[] = {
    FIELD_CHECKED("type", F_STR, .required = true),
    FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = 4, .pattern = "^[a-zA-Z0-9_-]+$"),
    FIELD_END,
};
static const struct field text_fields[] = {
    FIELD_CHECKED("verbosity", F_ENUM, .values = sizes, .nullable = true),
    FIELD_END,
};
static const struct field rows[] = {
    FIELD(struct thing, stream, F_BOOL, .nullable = true),
    FIELD(struct thing, store, F_BOOL),
    FIELD(struct thing, max_output_tokens, F_INT, .min = 16),
    FIELD_HAS(struct thing, temperature, F_NUM, .min = 0, .max = 2, .nullable = true),
    FIELD(struct thing, user, F_STR, .max = 5),
    FIELD(struct thing, truncation, F_ENUM, .values = truncations, .nullable = true),
    FIELD(struct thing, name, F_STR, .pattern = "^(a|bc)*$"),
    FIELD(struct thing, tools, F_ARRAY, .max = 2, .sub = tool_fields),
    FIELD(struct thing, metadata, F_MAP, .max = 2, .max_key = 4, .max_val = 3, .nullable = true),
    FIELD(struct thing, input, F_ANY, .check = never_seven),
    FIELD(struct thing, text, F_OBJECT, .sub = text_fields),
    FIELD_CHECKED("sizes", F_ARRAY, .min = 1, .max = -1, .item = &size_item),
    FIELD_CHECKED("stop", F_STR),
    FIELD_END,
};

static bool read_thing(const char *json, struct thing *t, struct err *e)
{
	static const char *const tolerated[] = {"extra_body", NULL};
	yyjson_val *v = NULL;
	int seen = 0;
	CHECK(json_parse(&a, str_of(json), &v, e));
	return fields_read(rows, v, "", tolerated, t, &seen, e);
}

static void good(const char *json)
{
	struct thing t = {0};
	struct err e = {0};
	if (!read_thing(json, &t, &e)) {
		test_failed = 1;
		printf("# %s: %s\n", json, e.msg);
	}
}

static void bad(const char *json, const char *code, const char *param, const char *msg)
{
	struct thing t = {0};
	struct err e = {0};
	CHECK(!read_thing(json, &t, &e));
	CHECK_STR(str_of(e.msg), str_of(msg));
	CHECK_STR(str_of(e.param), str_of(param));
	CHECK_STR(str_of(err_rows[e.code].code), str_of(code));
}

static void fills(void)
{
	struct thing t = {0};
	struct err e = {0};
	CHECK(read_thing(
	    "{\"stream\":true,\"max_output_tokens\":16.0,\"temperature\":1,\"user\":"
	    "\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\","
	    "\"truncation\":\"auto\",\"name\":\"abc\",\"tools\":[],\"metadata\":{\"a\":\"b\"},\"input\":null,"
	    "\"extra_body\":1}",
	    &t, &e));
	CHECK(t.stream && !t.store && t.has_temperature && t.temperature > 0.99 && t.max_output_tokens == 16);
	CHECK_STR(t.truncation, S("auto"));
	CHECK_STR(t.name, S("abc"));
	CHECK(yyjson_is_arr(t.tools) && yyjson_is_obj(t.metadata) && yyjson_is_null(t.input));
	struct thing none = {0};
	CHECK(read_thing("{\"stream\":null,\"temperature\":null,\"metadata\":null,\"truncation\":null}", &none, &e));
	CHECK(!none.stream && !none.has_temperature && !none.metadata && !none.truncation.p);
	good("{\"max_output_tokens\":9000000000000000000}");
	arena_free(&a);
}

static void names(void)
{
	bad("{\"bogus\":1}", "unknown_parameter", "bogus", "Unknown parameter: 'bogus'.");
	bad("{\"stor\":1}", "unknown_parameter", "stor", "Unknown parameter: 'stor'. Did you mean 'store' or 'stop'?");
	bad("{\"temperatur\":1}", "unknown_parameter", "temperatur",
	    "Unknown parameter: 'temperatur'. Did you mean 'temperature'?");
	bad("{\"tempratur\":1}", "unknown_parameter", "tempratur",
	    "Unknown parameter: 'tempratur'. Did you mean 'temperature'?");
	bad("{\"tmpratur\":1}", "unknown_parameter", "tmpratur", "Unknown parameter: 'tmpratur'.");
	bad("{\"temperature\":1,\"temperatur\":1}", "unknown_parameter", "temperatur",
	    "Unknown parameter: 'temperatur'.");
	bad("{\"stream\":1,\"bogus\":1}", "unknown_parameter", "bogus", "Unknown parameter: 'bogus'.");
	bad("{\"tools\":[{\"type\":\"x\",\"name\":\"f\"},{\"bogus\":1}]}", "unknown_parameter", "tools[1].bogus",
	    "Unknown parameter: 'tools[1].bogus'.");
	bad("{\"tools\":[{\"type\":\"function\"}]}", "missing_required_parameter", "tools[0].name",
	    "Missing required parameter: 'tools[0].name'.");
	arena_free(&a);
}

static void types(void)
{
	bad("{\"stream\":\"yes\"}", "invalid_type", "stream",
	    "Invalid type for 'stream': expected a boolean, but got a string instead.");
	bad("{\"store\":null}", "invalid_type", "store",
	    "Invalid type for 'store': expected a boolean, but got null instead.");
	bad("{\"max_output_tokens\":20.5}", "invalid_type", "max_output_tokens",
	    "Invalid type for 'max_output_tokens': expected an integer, but got a decimal number instead.");
	bad("{\"temperature\":\"hot\"}", "invalid_type", "temperature",
	    "Invalid type for 'temperature': expected a decimal, but got a string instead.");
	bad("{\"user\":{}}", "invalid_type", "user",
	    "Invalid type for 'user': expected a string, but got an object instead.");
	bad("{\"truncation\":7}", "invalid_type", "truncation",
	    "Invalid type for 'truncation': expected one of 'auto' or 'disabled', but got an integer instead.");
	bad("{\"tools\":\"none\"}", "invalid_type", "tools",
	    "Invalid type for 'tools': expected an array of objects, but got a string instead.");
	bad("{\"tools\":[7]}", "invalid_type", "tools[0]",
	    "Invalid type for 'tools[0]': expected an object, but got an integer instead.");
	bad("{\"sizes\":true}", "invalid_type", "sizes",
	    "Invalid type for 'sizes': expected an array of strings, but got a boolean instead.");
	bad("{\"metadata\":[]}", "invalid_type", "metadata",
	    "Invalid type for 'metadata': expected a metadata object, but got an array instead.");
	bad("{\"metadata\":{\"k\":7}}", "invalid_type", "metadata.k",
	    "Invalid type for 'metadata.k': expected a string, but got an integer instead.");
	bad("[]", "invalid_type", "", "Invalid body: expected an object, but got an array instead.");
	arena_free(&a);
}

static void values(void)
{
	bad("{\"truncation\":\"bogus\"}", "invalid_value", "truncation",
	    "Invalid value: 'bogus'. Supported values are: 'auto' and 'disabled'.");
	bad("{\"text\":{\"verbosity\":\"bogus\"}}", "invalid_value", "text.verbosity",
	    "Invalid value: 'bogus'. Supported values are: 'low', 'medium', and 'high'.");
	bad("{\"sizes\":[\"low\",\"x\"]}", "invalid_value", "sizes[1]",
	    "Invalid value: 'x'. Supported values are: 'low', 'medium', and 'high'.");
	bad("{\"tools\":[{\"type\":\"\",\"name\":\"a b\"}]}", "invalid_value", "tools[0].name",
	    "Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern "
	    "'^[a-zA-Z0-9_-]+$'.");
	bad("{\"name\":\"abcb\"}", "invalid_value", "name",
	    "Invalid 'name': string does not match pattern. Expected a string that matches the pattern '^(a|bc)*$'.");
	bad("{\"input\":7}", "invalid_value", "input", "no seven at input");
	arena_free(&a);
}

static void ranges(void)
{
	bad("{\"max_output_tokens\":0}", "integer_below_min_value", "max_output_tokens",
	    "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 0 instead.");
	bad("{\"max_output_tokens\":1e30}", "integer_above_max_value", "max_output_tokens",
	    "Invalid 'max_output_tokens': integer above maximum value. Expected a value <= 9223372036854774784, but "
	    "got 1e30 "
	    "instead.");
	bad("{\"temperature\":-1}", "decimal_below_min_value", "temperature",
	    "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead.");
	bad("{\"temperature\":2.5}", "decimal_above_max_value", "temperature",
	    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.");
	arena_free(&a);
}

static void lengths(void)
{
	bad("{\"user\":\"123456\"}", "string_above_max_length", "user",
	    "Invalid 'user': string too long. Expected a string with maximum length 5, but got a string with length 6 "
	    "instead.");
	bad("{\"tools\":[{\"type\":\"x\",\"name\":\"\"}]}", "empty_string", "tools[0].name",
	    "Invalid 'tools[0].name': empty string. Expected a string with minimum length 1, but got an empty string "
	    "instead.");
	bad("{\"tools\":[{},{},{}]}", "array_above_max_length", "tools",
	    "Invalid 'tools': array too long. Expected an array with maximum length 2, but got an array with length 3 "
	    "instead.");
	bad("{\"sizes\":[]}", "empty_array", "sizes",
	    "Invalid 'sizes': empty array. Expected an array with minimum length 1, but got an empty array instead.");
	bad("{\"metadata\":{\"a\":\"\",\"b\":\"\",\"c\":\"\"}}", "object_above_max_properties", "metadata",
	    "Invalid 'metadata': too many properties. Expected an object with at most 2 properties, but got an object "
	    "with 3 "
	    "properties instead.");
	bad("{\"metadata\":{\"a\":\"1234\"}}", "string_above_max_length", "metadata.a",
	    "Invalid 'metadata.a': string too long. Expected a string with maximum length 3, but got a string with "
	    "length 4 "
	    "instead.");
	bad("{\"metadata\":{\"kkkkk\":\"1\"}}", "property_name_above_max_length", "metadata.kkkkk",
	    "Invalid property name in 'metadata': 'kkk...kkk' is too long. Expected a string with maximum length 4, "
	    "but got a "
	    "string with length 5 instead.");
	arena_free(&a);
}

/* Names and values as long as a body allows stay inside the error's room. */
static void hostile_lengths(void)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, S("{\""));
	for (int i = 0; i < 20000; i++)
		buf_add(&b, S("\u20ac"));
	buf_add(&b, S("\":1}"));
	struct thing t = {0};
	struct err e = {0};
	buf_byte(&b, 0);
	CHECK(!read_thing(b.p, &t, &e));
	CHECK(e.code == ERR_UNKNOWN_PARAMETER && strlen(e.msg) < 300);
	buf_clear(&b);
	buf_add(&b, S("{\"truncation\":\""));
	for (int i = 0; i < 20000; i++)
		buf_add(&b, S("x"));
	buf_add(&b, S("\"}"));
	buf_byte(&b, 0);
	struct err e2 = {0};
	CHECK(!read_thing(b.p, &t, &e2));
	CHECK(strstr(e2.msg, "Supported values are: 'auto' and 'disabled'.") != NULL);
	buf_release(&b);
	arena_free(&a);
}

/* What a key holds decides nothing about where its ends are: NULs, characters of several bytes, short ones. */
static void hostile_keys(void)
{
	static const struct {
		const char *key, *first, *last;
	} keys[] = {
	    {"\\u0000\\u0000\\u0000\\u0000\\u0000", "", ""},
	    {"\\u0000abcde", "", "cde"},
	    {"ab\\u0000cdefgh", "ab", "fgh"},
	    {"abcdefg\\u0000h", "abc", "g"},
	    {"\u20ac\u20ac\u20ac\u20ac\u20ac", "\u20ac\u20ac\u20ac", "\u20ac\u20ac\u20ac"},
	    {"a\u00e9\U0001F600bc\u20acd", "a\u00e9\U0001F600", "c\u20acd"},
	};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char json[200], want[200];
		struct thing t = {0};
		struct err e = {0};
		snprintf(json, sizeof json, "{\"metadata\":{\"%s\":\"1\"}}", keys[i].key);
		snprintf(want, sizeof want, "'%s...%s' is too long", keys[i].first, keys[i].last);
		CHECK(!read_thing(json, &t, &e));
		CHECK(e.code == ERR_NAME_TOO_LONG);
		CHECK(strstr(e.msg, want) != NULL);
	}
	arena_free(&a);
}

static void distance(void)
{
	CHECK(near_distance(S("store"), S("store")) == 0);
	CHECK(near_distance(S("stor"), S("store")) == 1);
	CHECK(near_distance(S("kitten"), S("sitting")) == 3);
	CHECK(near_distance(S(""), S("abc")) == 3);
}

/* All of `want` where it fits; else its beginning, its end, and three dots. */
static void check_path(const char *out, const char *want, const char *end)
{
	size_t n = strlen(out), tail = strlen(end);
	if (strlen(want) < 128) {
		CHECK_STR(str_of(out), str_of(want));
		return;
	}
	CHECK(n < 128 && n > tail && strcmp(out + n - tail, end) == 0 && strncmp(out, want, 20) == 0);
	CHECK(strstr(out, "...") != NULL);
}

/* A path that is too long has no middle: where it begins and where it ends are told. */
static void paths(void)
{
	char long_path[300], out[128], want[600];
	field_path(out, "", "a");
	CHECK_STR(str_of(out), S("a"));
	field_path(out, "input[0]", "content");
	CHECK_STR(str_of(out), S("input[0].content"));
	field_index(out, "input", 0);
	CHECK_STR(str_of(out), S("input[0]"));
	field_index(out, "", 10203040506070809);
	CHECK_STR(str_of(out), S("[10203040506070809]"));
	for (size_t n = 100; n < sizeof long_path; n++) {
		memset(long_path, 'x', n);
		long_path[n] = '\0';
		snprintf(want, sizeof want, "%s.content", long_path);
		field_path(out, long_path, "content");
		check_path(out, want, ".content");
		snprintf(want, sizeof want, "%s[65535]", long_path);
		field_index(out, long_path, 65535);
		check_path(out, want, "[65535]");
	}
}

/* As filters nest: each level's path is made of the one above. */
static void deep_path(void)
{
	char path[128] = "tools[0].filters", list[128], want[1024] = "tools[0].filters";
	for (int i = 0; i < 60; i++) {
		field_path(list, path, "filters");
		field_index(path, list, 12);
		snprintf(want + strlen(want), sizeof want - strlen(want), ".filters[12]");
		check_path(path, want, i < 8 ? ".filters[12]" : "filters[12].filters[12]");
	}
	CHECK_STR(str_of(path), S("tools[0].filters.filters[12].filters[12]...filters[12].filters[12].filters[12]."
				  "filters[12].filters[12].filters[12].filters[12]"));
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"members are filled", fills},
	    {"names", names},
	    {"paths", paths},
	    {"a deep path", deep_path},
	    {"types", types},
	    {"values", values},
	    {"ranges", ranges},
	    {"lengths", lengths},
	    {"hostile lengths", hostile_lengths},
	    {"hostile keys", hostile_keys},
	    {"near names", distance},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
