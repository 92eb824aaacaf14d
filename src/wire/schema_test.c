/* schema_test.c - which schemas are taken, which values fit. */
#include "wire/schema.h"

#include <string.h>

#include "base/test.h"
#include "wire/format.h"

static struct arena a;

static yyjson_val *parse(const char *text)
{
	struct err e = {0};
	yyjson_val *v = NULL;
	if (!json_parse(&a, str_of(text), &v, &e)) {
		test_failed = 1;
		printf("# %s: %s\n", text, e.msg);
	}
	return v;
}

static void taken(const char *schema)
{
	struct err e = {0};
	if (!schema_strict(parse(schema), ERR_BAD_SCHEMA, "text.format.schema", S("s"), &e) ||
	    !schema_sane(parse(schema), ERR_BAD_SCHEMA, "text.format.schema", S("s"), &e)) {
		test_failed = 1;
		printf("# %s: %s\n", schema, e.msg);
	}
}

static void refused(const char *schema, const char *says)
{
	struct err e = {0};
	char want[1024];
	snprintf(want, sizeof want, "Invalid schema for function 'f': %s", says);
	CHECK(!schema_strict(parse(schema), ERR_BAD_FUNCTION_SCHEMA, "tools[0].parameters", S("f"), &e));
	CHECK_STR(str_of(e.msg), str_of(want));
	CHECK(e.code == ERR_BAD_FUNCTION_SCHEMA && !strcmp(e.param, "tools[0].parameters"));
}

#define OBJECT(props, names)                                                                                           \
	"{\"type\":\"object\",\"properties\":{" props "},\"required\":[" names "],\"additionalProperties\":false}"
#define ONE(schema) OBJECT("\"x\":" schema, "\"x\"")
#define STRING_TYPE "{\"type\":\"string\"}"

static void subset(void)
{
	taken(OBJECT("", ""));
	taken("{\"type\":\"object\",\"additionalProperties\":false}");
	taken(
	    ONE("{\"type\":\"string\",\"description\":\"d\",\"title\":\"t\",\"pattern\":\"^a$\",\"format\":\"uuid\"}"));
	taken(ONE("{\"type\":[\"number\",\"null\"],\"minimum\":0,\"exclusiveMaximum\":9,\"multipleOf\":0.1}"));
	taken(ONE("{\"type\":\"array\",\"items\":" STRING_TYPE ",\"minItems\":1,\"maxItems\":3}"));
	taken(ONE("{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}"));
	taken(ONE("{\"type\":\"string\",\"const\":\"a\"}"));
	taken(ONE("{\"type\":\"string\",\"enum\":[\"a\",\"b\"],\"default\":\"a\"}"));
	taken(ONE("{\"anyOf\":[" STRING_TYPE "," ONE("{\"type\":\"null\"}") "]}"));
	taken(
	    "{\"$defs\":{\"n\":" OBJECT("\"next\":{\"anyOf\":[{\"$ref\":\"#/$defs/n\"},{\"type\":\"null\"}]}",
					"\"next\"") "},"
						    "\"type\":\"object\",\"properties\":{\"list\":{\"$ref\":\"#/$defs/"
						    "n\"},\"self\":{\"$ref\":\"#\"}},"
						    "\"required\":[\"list\",\"self\"],\"additionalProperties\":false}");
	arena_free(&a);
}

static void root(void)
{
	refused("{\"type\":\"array\",\"items\":" STRING_TYPE "}",
		"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'.");
	refused("{\"properties\":{}}", "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'.");
	refused("{\"type\":\"object\",\"anyOf\":[{\"type\":\"object\"}]}",
		"schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.");
	refused("[]", "[] is not of type 'object', 'boolean'.");
	refused("null", "None is not of type 'object', 'boolean'.");
	arena_free(&a);
}

static void objects(void)
{
	refused("{\"type\":\"object\",\"properties\":{}}",
		"In context=(), 'additionalProperties' is required to be supplied and to be false.");
	refused("{\"type\":\"object\",\"additionalProperties\":true}",
		"In context=(), 'additionalProperties' is required to be supplied and to be false.");
	refused(ONE("{\"type\":\"object\",\"properties\":{}}"),
		"In context=('properties', 'x'), 'additionalProperties' is required to be supplied and to be false.");
	refused(OBJECT("\"a\":" STRING_TYPE ",\"b\":" STRING_TYPE, "\"a\""),
		"In context=(), 'required' is required to be supplied and to be an array including every key in "
		"properties. "
		"Missing 'b'.");
	refused(OBJECT("\"a\":" STRING_TYPE, "\"a\",\"c\""), "In context=(), 'required' is required to be supplied and "
							     "to be an array including every key in properties. "
							     "Extra required key 'c' supplied.");
	refused(ONE("{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{}}}"),
		"In context=('properties', 'x', 'items'), 'additionalProperties' is required to be supplied and to be "
		"false.");
	refused(ONE("{\"anyOf\":[" STRING_TYPE ",{\"type\":\"object\"}]}"),
		"In context=('properties', 'x', 'anyOf', '1'), 'additionalProperties' is required to be supplied and "
		"to be false.");
	arena_free(&a);
}

static void keywords(void)
{
	refused(ONE("{}"), "In context=('properties', 'x'), schema must have a 'type' key.");
	refused("{\"type\":\"object\",\"additionalProperties\":false,\"items\":{}}",
		"In context=('items',), schema must have a 'type' key.");
	refused(ONE("true"), "In context=('properties', 'x'), schema must have a 'type' key.");
	refused(ONE("{\"const\":1}"), "In context=('properties', 'x'), schema must have a 'type' key.");
	refused(ONE("{\"type\":\"array\"}"), "In context=('properties', 'x'), array schema missing items.");
	refused(ONE("{\"type\":\"array\",\"items\":" STRING_TYPE ",\"uniqueItems\":true}"),
		"In context=('properties', 'x'), 'uniqueItems' is not permitted.");
	refused(ONE("{\"oneOf\":[" STRING_TYPE "]}"), "In context=('properties', 'x'), 'oneOf' is not permitted.");
	refused(ONE("{\"type\":\"string\",\"format\":\"uri\"}"),
		"In context=('properties', 'x'), 'uri' is not a valid format.");
	refused(
	    ONE("{\"$ref\":\"#/$defs/y\"}"),
	    "In context=('properties', 'x'), reference to component '#/$defs/y' which was not found in the schema.");
	refused(ONE("{\"$ref\":\"#/properties/x\"}"), "In context=('properties', 'x'), reference to component "
						      "'#/properties/x' which was not found in the schema.");
	refused(ONE("{\"$ref\":\"#\",\"description\":\"d\"}"),
		"In context=('properties', 'x'), $ref cannot have keywords {'description'}.");
	refused(ONE("{\"type\":\"text\"}"), "'text' is not valid under any of the given schemas.");
	refused(ONE("{\"type\":\"string\",\"enum\":[]}"), "[] should be non-empty.");
	refused(ONE("{\"anyOf\":[]}"), "[] should be non-empty.");
	refused("{\"type\":\"object\",\"required\":null}", "None is not of type 'array'.");
	refused("{\"type\":\"object\",\"required\":[7]}", "7 is not of type 'string'.");
	refused("{\"type\":\"object\",\"properties\":[],\"additionalProperties\":false}",
		"[] is not of type 'object'.");
	refused(ONE("{\"type\":\"string\",\"description\":true}"), "True is not of type 'string'.");
	refused("{\"type\":\"object\",\"$defs\":{\"d\":{\"type\":\"object\"}},\"additionalProperties\":false}",
		"In context=('$defs', 'd'), 'additionalProperties' is required to be supplied and to be false.");
	arena_free(&a);
}

static void limits(void)
{
	struct buf b;
	struct err e = {0};
	buf_init(&b, 1 << 20);
	for (int deep = 10; deep <= 11; deep++) {
		buf_clear(&b);
		for (int i = 0; i < deep - 1; i++)
			buf_add(&b, S("{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"x\"],"
				      "\"properties\":{\"x\":"));
		buf_add(&b, S("{\"type\":\"object\",\"additionalProperties\":false}"));
		for (int i = 0; i < deep - 1; i++)
			buf_add(&b, S("}}"));
		buf_byte(&b, 0);
		if (deep == 10)
			taken(b.p);
		else
			refused(b.p, "11 levels of nesting exceeds limit of 10.");
	}
	for (int n = 1000; n <= 1001; n++) {
		buf_clear(&b);
		buf_add(
		    &b,
		    S("{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"x\"],\"properties\":{\"x\":"
		      "{\"type\":\"integer\",\"enum\":["));
		for (int i = 0; i < n; i++)
			buf_fmt(&b, "%s%d", i ? "," : "", i);
		buf_add(&b, S("]}}}"));
		buf_byte(&b, 0);
		CHECK(schema_strict(parse(b.p), ERR_BAD_SCHEMA, "", S("s"), &e) == (n == 1000));
	}
	CHECK(!strncmp(e.msg, "Invalid schema for response_format 's': Expected at most 1000 enum values", 70));
	for (int n = 5000; n <= 5001; n++) {
		struct err mine = {0};
		buf_clear(&b);
		buf_add(&b, S("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
		for (int i = 0; i < n; i++)
			buf_fmt(&b, "%s\"p%d\":{\"type\":\"null\"}", i ? "," : "", i);
		buf_add(&b, S("},\"required\":["));
		for (int i = 0; i < n; i++)
			buf_fmt(&b, "%s\"p%d\"", i ? "," : "", n - 1 - i);
		buf_add(&b, S("]}"));
		buf_byte(&b, 0);
		CHECK(schema_strict(parse(b.p), ERR_BAD_SCHEMA, "", S("s"), &mine) == (n == 5000));
	}
	buf_release(&b);
	arena_free(&a);
}

static void sane(void)
{
	struct err e = {0};
	CHECK(schema_sane(parse("{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":true},\"x-y\":1,\"oneOf\":[{}]}"),
			  ERR_BAD_FUNCTION_SCHEMA, "", S("f"), &e));
	CHECK(schema_sane(parse("{}"), ERR_BAD_FUNCTION_SCHEMA, "", S("f"), &e));
	CHECK(!schema_sane(parse("{\"properties\":{\"a\":{\"oneOf\":[{\"type\":\"str\"}]}}}"), ERR_BAD_FUNCTION_SCHEMA,
			   "", S("f"), &e));
	CHECK_STR(str_of(e.msg),
		  S("Invalid schema for function 'f': 'str' is not valid under any of the given schemas."));
	arena_free(&a);
}

static void fits(const char *schema, const char *value)
{
	struct err e = {0};
	if (!schema_fits(parse(schema), parse(value), &e)) {
		test_failed = 1;
		printf("# %s: %s: %s\n", schema, value, e.msg);
	}
}

static void fails(const char *schema, const char *value, const char *says)
{
	struct err e = {0};
	CHECK(!schema_fits(parse(schema), parse(value), &e));
	CHECK_STR(str_of(e.msg), str_of(says));
}

static void values(void)
{
	fits("{\"type\":\"integer\"}", "3.0");
	fails("{\"type\":\"integer\"}", "3.5", "$: expected an integer, got a decimal number");
	fits("{\"type\":[\"string\",\"null\"]}", "null");
	fails("{\"type\":[\"string\",\"null\"]}", "1", "$: an integer is none of the types allowed");
	fails(ONE("{\"type\":\"array\",\"items\":" ONE(STRING_TYPE) "}"), "{\"x\":[{\"x\":\"a\"},{\"x\":7}]}",
	      "$.x[1].x: expected a string, got an integer");
	fails(ONE(STRING_TYPE), "{}", "$: 'x' is missing");
	fails(ONE(STRING_TYPE), "{\"x\":\"a\",\"y\":1}", "$.y: is not one of the properties");
	fails("{\"enum\":[\"a\",{\"b\":1}]}", "{\"b\":2}", "$: is none of the values allowed");
	fits("{\"enum\":[\"a\",{\"b\":1}]}", "{\"b\":1.0}");
	fails("{\"const\":5}", "6", "$: is not the one value allowed");
	fits("{\"minimum\":1,\"maximum\":1,\"multipleOf\":0.1}", "1");
	fits("{\"multipleOf\":0.1}", "0.3");
	fails("{\"multipleOf\":0.1}", "0.35", "$: is no multiple of multipleOf");
	fails("{\"exclusiveMinimum\":1}", "1", "$: is not above the exclusive minimum");
	fails("{\"maximum\":1}", "1.5", "$: is above the maximum");
	fits("{\"minLength\":2,\"maxLength\":2}", "\"\\u00e9\\ud83d\\ude00\"");
	fails("{\"maxLength\":1}", "\"ab\"", "$: is too long");
	fails("{\"pattern\":\"^\\\\d+$\"}", "\"12x\"", "$: does not match the pattern");
	fits("{\"pattern\":\"^(?=x)\"}", "\"12x\"");
	fails("{\"format\":\"date\"}", "\"2026-02-30\"", "$: does not have the format asked for");
	fails("{\"items\":{},\"minItems\":1}", "[]", "$: has too few");
	fails("{\"prefixItems\":[{\"type\":\"null\"}],\"items\":false}", "[null,1]", "$[1]: must not be there");
	arena_free(&a);
}

static void combinations(void)
{
	static const char list[] =
	    "{\"$defs\":{\"n\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"properties\":{\"next\":"
	    "{\"$ref\":\"#/$defs/n\"}},\"required\":[\"next\"],\"additionalProperties\":false}]}},"
	    "\"$ref\":\"#/$defs/n\"}";
	fits(list, "{\"next\":{\"next\":null}}");
	fails(list, "{\"next\":{\"next\":7}}", "$: fits none of the alternatives");
	fails("{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b~1c\"},\"b/c\":{\"type\":\"null\"}},\"$ref\":\"#/$defs/a\"}", "1",
	      "$: expected null, got an integer");
	fails("{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", "$: does not fit exactly one of the alternatives");
	fits("{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "1");
	fails("{\"allOf\":[{\"minimum\":1},{\"minimum\":5}]}", "3", "$: is below the minimum");
	fails("{\"not\":{\"type\":\"string\"}}", "\"x\"", "$: fits what it must not");
	fits("{\"not\":{\"type\":\"string\"}}", "1");
	fits("{\"patternProperties\":{\"^x\":{\"type\":\"integer\"}},\"additionalProperties\":false}", "{\"xa\":1}");
	fails("{\"patternProperties\":{\"^x\":{\"type\":\"integer\"}},\"additionalProperties\":false}", "{\"xa\":\"\"}",
	      "$.xa: expected an integer, got a string");
	arena_free(&a);
}

/* Schemas made to cost: circles, and alternatives that double at every level. */
static void bounded(void)
{
	fits("{\"$ref\":\"#\"}", "1");
	fits("{\"anyOf\":[{\"$ref\":\"#\"}]}", "1");
	fits("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "1");
	fits("{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}},\"$ref\":\"#/$defs/a\"}", "1");
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_add(&b, S("{\"$defs\":{"));
	for (int i = 0; i < 60; i++)
		buf_fmt(&b, "\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]},", i, i + 1,
			i + 1);
	buf_add(&b, S("\"d60\":{\"type\":\"string\"}},\"$ref\":\"#/$defs/d0\"}"));
	buf_byte(&b, 0);
	fits(b.p, "1"); /* no time to prove the contrary */
	buf_release(&b);
	arena_free(&a);
}

static void formats(void)
{
	static const char *const good[][2] = {
	    {"date-time", "2026-11-21T09:30:00Z"},
	    {"date-time", "2024-02-29T23:59:60.123+05:30"},
	    {"date", "2000-02-29"},
	    {"time", "09:30:00-01:00"},
	    {"duration", "P1Y2M3DT4H5M6S"},
	    {"duration", "P3W"},
	    {"duration", "PT5M"},
	    {"email", "a.b+c@example.org"},
	    {"hostname", "x-1.example.org"},
	    {"ipv4", "127.0.0.1"},
	    {"ipv6", "::1"},
	    {"uuid", "123e4567-e89b-12d3-a456-426614174000"},
	    {"uri", "anything"},
	};
	static const char *const bad[][2] = {
	    {"date-time", "2026-11-21T09:30:00"},
	    {"date-time", "2026-11-21"},
	    {"date", "1900-02-29"},
	    {"date", "2026-13-01"},
	    {"time", "24:00:00Z"},
	    {"time", "09:30Z"},
	    {"duration", "P"},
	    {"duration", "P1DT"},
	    {"duration", "P1D2Y"},
	    {"email", "a@b@c"},
	    {"email", "@x"},
	    {"email", "a b@x"},
	    {"hostname", "-x"},
	    {"hostname", "a..b"},
	    {"ipv4", "1.2.3"},
	    {"ipv4", "256.1.1.1"},
	    {"ipv6", "1::2::3"},
	    {"uuid", "123e4567"},
	    {"email", ""},
	    {"hostname", ""},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!string_fits_format(str_of(good[i][0]), str_of(good[i][1]))) {
			test_failed = 1;
			printf("# %s is a %s\n", good[i][1], good[i][0]);
		}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (string_fits_format(str_of(bad[i][0]), str_of(bad[i][1]))) {
			test_failed = 1;
			printf("# %s is no %s\n", bad[i][1], bad[i][0]);
		}
}

int main(void)
{
	static const struct test_case tests[] = {
	    {"the strict subset is taken", subset},
	    {"the root is an object", root},
	    {"objects are closed and complete", objects},
	    {"keywords", keywords},
	    {"limits", limits},
	    {"schemas that are not strict", sane},
	    {"values fit or say where not", values},
	    {"combinations", combinations},
	    {"hostile schemas cost little", bounded},
	    {"formats", formats},
	};
	return test_main(tests, sizeof tests / sizeof *tests);
}
