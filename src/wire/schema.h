/* schema.h - JSON Schema, the subset that OpenAI's structured outputs know.
 *
 * Used three ways: is a schema within the strict subset (400 before a token is spent), does a finished
 * text fit its schema, and is `strict` implied when omitted (as the live API does). Pure; bounded in depth and
 * steps, so a hostile schema or pattern costs bounded time. */
#pragma once
#include "wire/json.h"

/* Within the strict subset (root object, every property required, additionalProperties false, supported
 * keywords, nesting <= 10, properties <= 5000, ...)? *e has OpenAI's text; its code and param are the
 * caller's to set (BAD_SCHEMA or BAD_FUNCTION_SCHEMA). `name` is the schema's or function's name. */
bool schema_strict(yyjson_val *schema, enum err_code code, const char *param, struct str name, struct err *e);
/* A schema at all (types of keywords)? For strict:false. */
bool schema_sane(yyjson_val *schema, enum err_code code, const char *param, struct str name, struct err *e);
/* Does `value` fit? $ref, anyOf, enum, const, type lists, ranges, pattern, format are honoured.
 * *e->msg says where ("$.steps[0].x: expected a string"). */
bool schema_fits(yyjson_val *schema, yyjson_val *value, struct err *e);
/* A function's parameters as the live API understands them: {} and none are an object without members. */
yyjson_val *schema_parameters(struct arena *a, yyjson_val *given);
