/* item_fields.c - the field tables of the items. */
#include "model/item.h"
#include "model/item_fields.h"
#include "model/parts.h"
#include "model/tool_fields.h"

#define TYPE FIELD_CHECKED("type", F_STR)
#define ID FIELD_CHECKED("id", F_STR, .nullable = true, .max = ID_CHARS)
#define CALL_ID FIELD_CHECKED("call_id", F_STR, .required = true, .min = 1, .max = ID_CHARS)
#define STATUS FIELD_CHECKED("status", F_ENUM, .nullable = true, .values = status_values)
#define CREATED_BY FIELD_CHECKED("created_by", F_STR, .nullable = true)
#define NAMESPACE FIELD_CHECKED("namespace", F_STR, .nullable = true, .max = 64)
#define REQUIRED(wire, kind) FIELD_CHECKED(wire, kind, .required = true)
#define NULLABLE(wire, kind) FIELD_CHECKED(wire, kind, .nullable = true)

static const struct field string = {.kind = F_STR};
static const struct field object = {.kind = F_OBJECT};

/* --- who calls -------------------------------------------------------------------------------------------- */

static const struct field direct_fields[] = {TYPE, LAST_FIELD};
static const struct field program_caller_fields[] = {
	TYPE,
	FIELD_CHECKED("caller_id", F_STR, .required = true, .min = 1, .max = ID_CHARS),
	LAST_FIELD,
};
static const struct variant callers[] = {
	{"direct", direct_fields, NULL},
	{"program", program_caller_fields, NULL},
	{0},
};
static bool caller_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(callers, v, path, ctx, e);
}
#define CALLER FIELD_CHECKED("caller", F_OBJECT, .nullable = true, .check = caller_check)

/* --- messages, reasoning, functions ------------------------------------------------------------------------- */

static const char *const phases[] = {"commentary", "final_answer", NULL};
static const char expected_parts[] = "one of an array of objects or string";

static bool input_content(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return text_or_parts(v, path, &input_part, expected_parts, ctx, e);
}

static bool output_content(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return text_or_parts(v, path, &output_part, expected_parts, ctx, e);
}

static bool tool_output(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return text_or_parts(v, path, &tool_part, "one of a string or array of objects", ctx, e);
}

/* Clients that write every member of a message write null here; a phase itself is the assistant's. */
static bool no_phase(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return yyjson_is_null(v) || fail(e, ERR_UNKNOWN_PARAMETER, path, "Unknown parameter: '%s'.", path);
}

static const struct field message_fields[] = {
	TYPE,
	REQUIRED("role", F_STR),
	FIELD_CHECKED("content", F_ANY, .required = true, .check = input_content),
	ID,
	STATUS,
	FIELD_CHECKED("phase", F_ANY, .nullable = true, .check = no_phase),
	CREATED_BY,
	LAST_FIELD,
};
const struct field assistant_fields[] = {
	TYPE,
	REQUIRED("role", F_STR),
	FIELD_CHECKED("content", F_ANY, .required = true, .check = output_content),
	ID,
	STATUS,
	FIELD_CHECKED("phase", F_ENUM, .nullable = true, .values = phases),
	CREATED_BY,
	LAST_FIELD,
};
static const struct field item_reference_fields[] = {
	TYPE,
	FIELD_CHECKED("id", F_STR, .required = true, .min = 1, .max = ID_CHARS),
	LAST_FIELD,
};
static const struct field reasoning_fields[] = {
	TYPE,
	ID,
	FIELD_CHECKED("summary", F_ARRAY, .required = true, .item = &summary_part),
	FIELD_CHECKED("content", F_ARRAY, .nullable = true, .item = &reasoning_part),
	FIELD_CHECKED("encrypted_content", F_STR, .nullable = true, .max = IMAGE_MAX),
	STATUS,
	CREATED_BY,
	LAST_FIELD,
};
static const struct field function_call_fields[] = {
	TYPE,
	ID,
	CALL_ID,
	FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = NAME_CHARS, .pattern = "^[a-zA-Z0-9_-]+$"),
	FIELD_CHECKED("arguments", F_STR, .required = true, .max = TEXT_MAX),
	STATUS,
	NAMESPACE,
	NULLABLE("async", F_BOOL),
	CALLER,
	CREATED_BY,
	LAST_FIELD,
};
/* call_id is optional since 2026-08 for outputs of asynchronous calls; those come later. */
static const struct field function_call_output_fields[] = {
	TYPE,
	ID,
	CALL_ID,
	FIELD_CHECKED("output", F_ANY, .required = true, .check = tool_output),
	STATUS,
	NULLABLE("name", F_STR),
	NAMESPACE,
	CALLER,
	CREATED_BY,
	LAST_FIELD,
};

/* --- custom tools ------------------------------------------------------------------------------------------- */

static const struct field custom_tool_call_fields[] = {
	TYPE,      ID,     CALL_ID, REQUIRED("name", F_STR), REQUIRED("input", F_STR), STATUS,
	NAMESPACE, CALLER, NULLABLE("async", F_BOOL), CREATED_BY, LAST_FIELD,
};
static const struct field custom_tool_call_output_fields[] = {
	TYPE, ID, CALL_ID, FIELD_CHECKED("output", F_ANY, .required = true, .check = tool_output),
	STATUS, NULLABLE("name", F_STR), NAMESPACE, CALLER, CREATED_BY, LAST_FIELD,
};

/* --- searches ------------------------------------------------------------------------------------------------ */

static const char *const search_status[] = {"in_progress", "searching", "completed", "failed", "incomplete", NULL};
#define SEARCH_STATUS FIELD_CHECKED("status", F_ENUM, .nullable = true, .values = search_status)

static const struct field url_source_fields[] = {TYPE, REQUIRED("url", F_STR), LAST_FIELD};
static const struct field api_source_fields[] = {TYPE, REQUIRED("name", F_STR), LAST_FIELD};
static const struct variant web_sources[] = {{"url", url_source_fields, NULL}, {"api", api_source_fields, NULL}, {0}};
static bool web_source_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(web_sources, v, path, ctx, e);
}
static const struct field web_source = {.kind = F_OBJECT, .check = web_source_check};
static const struct field search_action_fields[] = {
	TYPE,
	FIELD_CHECKED("queries", F_ARRAY, .nullable = true, .item = &string),
	NULLABLE("query", F_STR),
	FIELD_CHECKED("sources", F_ARRAY, .nullable = true, .item = &web_source),
	LAST_FIELD,
};
static const struct field open_action_fields[] = {TYPE, NULLABLE("url", F_STR), LAST_FIELD};
static const struct field find_action_fields[] = {TYPE, REQUIRED("pattern", F_STR), REQUIRED("url", F_STR), LAST_FIELD};
static const struct variant web_actions[] = {
	{"search", search_action_fields, NULL},
	{"open_page", open_action_fields, NULL},
	{"find_in_page", find_action_fields, NULL},
	{0},
};
static bool web_action_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(web_actions, v, path, ctx, e);
}
static const struct field web_search_call_fields[] = {
	TYPE, ID, SEARCH_STATUS, FIELD_CHECKED("action", F_OBJECT, .nullable = true, .check = web_action_check),
	FIELD_CHECKED("results", F_ARRAY, .nullable = true, .item = &object), CREATED_BY, LAST_FIELD,
};
static const struct field found_fields[] = {
	NULLABLE("file_id", F_STR), NULLABLE("filename", F_STR),      NULLABLE("score", F_NUM),
	NULLABLE("text", F_STR),    NULLABLE("attributes", F_OBJECT), NULLABLE("vector_store_id", F_STR),
	LAST_FIELD,
};
static const struct field file_search_call_fields[] = {
	TYPE, ID, SEARCH_STATUS, FIELD_CHECKED("queries", F_ARRAY, .required = true, .item = &string),
	FIELD_CHECKED("results", F_ARRAY, .nullable = true, .sub = found_fields), CREATED_BY, LAST_FIELD,
};

/* --- code, pictures, computer --------------------------------------------------------------------------------- */

static const char *const code_status[] = {"in_progress", "interpreting", "completed", "incomplete", "failed", NULL};
static const char *const image_status[] = {"in_progress", "generating", "completed", "failed", NULL};
static const char *const run_status[] = {"in_progress", "completed", "incomplete", "failed", NULL};

static const struct field logs_fields[] = {TYPE, REQUIRED("logs", F_STR), LAST_FIELD};
static const struct field image_output_fields[] = {TYPE, REQUIRED("url", F_STR), LAST_FIELD};
static const struct variant code_outputs[] = {
	{"logs", logs_fields, NULL},
	{"image", image_output_fields, NULL},
	{0},
};
static bool code_output_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(code_outputs, v, path, ctx, e);
}
static const struct field code_output = {.kind = F_OBJECT, .check = code_output_check};
static const struct field code_interpreter_call_fields[] = {
	TYPE, ID, FIELD_CHECKED("status", F_ENUM, .nullable = true, .values = code_status),
	REQUIRED("container_id", F_STR), FIELD_CHECKED("code", F_STR, .required = true, .nullable = true),
	FIELD_CHECKED("outputs", F_ARRAY, .nullable = true, .item = &code_output), CREATED_BY, LAST_FIELD,
};
/* Clients send a picture back by its id alone; so all but the id may be missing. */
static const struct field image_generation_call_fields[] = {
	TYPE,
	ID,
	FIELD_CHECKED("status", F_ENUM, .nullable = true, .values = image_status),
	NULLABLE("result", F_STR),
	NULLABLE("action", F_STR),
	NULLABLE("background", F_STR),
	NULLABLE("output_format", F_STR),
	NULLABLE("quality", F_STR),
	NULLABLE("size", F_STR),
	NULLABLE("revised_prompt", F_STR),
	NULLABLE("error", F_OBJECT),
	NULLABLE("svg_usage", F_OBJECT),
	CREATED_BY,
	LAST_FIELD,
};
static const struct field safety_fields[] = {
	REQUIRED("id", F_STR),
	NULLABLE("code", F_STR),
	NULLABLE("message", F_STR),
	LAST_FIELD,
};
static const struct field computer_call_fields[] = {
	TYPE, ID, CALL_ID, FIELD_CHECKED("pending_safety_checks", F_ARRAY, .sub = safety_fields), STATUS,
	NULLABLE("action", F_OBJECT), FIELD_CHECKED("actions", F_ARRAY, .nullable = true, .item = &object), CREATED_BY,
	LAST_FIELD,
};
static const char *const screenshot_types[] = {"computer_screenshot", NULL};
static const struct field screenshot_fields[] = {
	FIELD_CHECKED("type", F_ENUM, .required = true, .values = screenshot_types),
	FIELD_CHECKED("image_url", F_STR, .nullable = true, .max = IMAGE_MAX),
	NULLABLE("file_id", F_STR),
	LAST_FIELD,
};
static const struct field computer_call_output_fields[] = {
	TYPE,
	ID,
	CALL_ID,
	FIELD_CHECKED("output", F_OBJECT, .required = true, .sub = screenshot_fields),
	FIELD_CHECKED("acknowledged_safety_checks", F_ARRAY, .nullable = true, .sub = safety_fields),
	FIELD_CHECKED("status", F_ENUM, .nullable = true, .values = run_status),
	CREATED_BY,
	LAST_FIELD,
};

/* --- shells and patches ---------------------------------------------------------------------------------------- */

static const char *const exec_types[] = {"exec", NULL};
static const struct field exec_fields[] = {
	FIELD_CHECKED("type", F_ENUM, .required = true, .values = exec_types),
	FIELD_CHECKED("command", F_ARRAY, .required = true, .item = &string),
	FIELD_CHECKED("env", F_MAP, .required = true),
	NULLABLE("timeout_ms", F_INT),
	NULLABLE("user", F_STR),
	NULLABLE("working_directory", F_STR),
	LAST_FIELD,
};
static const struct field local_shell_call_fields[] = {
	TYPE, ID, CALL_ID, STATUS, FIELD_CHECKED("action", F_OBJECT, .required = true, .sub = exec_fields), CREATED_BY,
	LAST_FIELD,
};
/* Its id is the call's; some clients send that as call_id. */
static const struct field local_shell_call_output_fields[] = {
	TYPE,
	ID,
	FIELD_CHECKED("call_id", F_STR, .nullable = true, .max = ID_CHARS),
	FIELD_CHECKED("output", F_STR, .required = true, .max = TEXT_MAX),
	STATUS,
	CREATED_BY,
	LAST_FIELD,
};
static const struct field shell_action_fields[] = {
	FIELD_CHECKED("commands", F_ARRAY, .required = true, .item = &string),
	NULLABLE("timeout_ms", F_INT),
	NULLABLE("max_output_length", F_INT),
	LAST_FIELD,
};
static const struct field container_fields[] = {TYPE, REQUIRED("container_id", F_STR), LAST_FIELD};
static const struct field local_fields[] = {
	TYPE,
	FIELD_CHECKED("skills", F_ARRAY, .nullable = true, .item = &object),
	LAST_FIELD,
};
static const struct variant shell_environments[] = {
	{"local", local_fields, NULL},
	{"container_reference", container_fields, NULL},
	{0},
};
static bool shell_environment_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(shell_environments, v, path, ctx, e);
}
static const struct field shell_call_fields[] = {
	TYPE,
	ID,
	CALL_ID,
	STATUS,
	FIELD_CHECKED("action", F_OBJECT, .required = true, .sub = shell_action_fields),
	FIELD_CHECKED("environment", F_OBJECT, .nullable = true, .check = shell_environment_check),
	CALLER,
	CREATED_BY,
	LAST_FIELD,
};
static const struct field exit_fields[] = {TYPE, REQUIRED("exit_code", F_INT), LAST_FIELD};
static const struct field timeout_fields[] = {TYPE, LAST_FIELD};
static const struct variant outcomes[] = {{"exit", exit_fields, NULL}, {"timeout", timeout_fields, NULL}, {0}};
static bool outcome_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(outcomes, v, path, ctx, e);
}
static const struct field shell_output_fields[] = {
	FIELD_CHECKED("stdout", F_STR, .required = true, .max = TEXT_MAX),
	FIELD_CHECKED("stderr", F_STR, .required = true, .max = TEXT_MAX),
	FIELD_CHECKED("outcome", F_OBJECT, .required = true, .check = outcome_check),
	CREATED_BY,
	LAST_FIELD,
};
static const struct field shell_call_output_fields[] = {
	TYPE, ID, CALL_ID, FIELD_CHECKED("output", F_ARRAY, .required = true, .sub = shell_output_fields),
	NULLABLE("max_output_length", F_INT), STATUS, CALLER, CREATED_BY, LAST_FIELD,
};
static const struct field diff_fields[] = {TYPE, REQUIRED("path", F_STR), REQUIRED("diff", F_STR), LAST_FIELD};
static const struct field delete_fields[] = {TYPE, REQUIRED("path", F_STR), LAST_FIELD};
static const struct variant operations[] = {
	{"create_file", diff_fields, NULL},
	{"update_file", diff_fields, NULL},
	{"delete_file", delete_fields, NULL},
	{0},
};
static bool operation_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(operations, v, path, ctx, e);
}
static const char *const patch_status[] = {"in_progress", "completed", NULL};
static const char *const patched_status[] = {"completed", "failed", NULL};
static const struct field apply_patch_call_fields[] = {
	TYPE,
	ID,
	CALL_ID,
	FIELD_CHECKED("status", F_ENUM, .values = patch_status),
	FIELD_CHECKED("operation", F_OBJECT, .required = true, .check = operation_check),
	CALLER,
	CREATED_BY,
	LAST_FIELD,
};
static const struct field apply_patch_call_output_fields[] = {
	TYPE, ID, CALL_ID, FIELD_CHECKED("status", F_ENUM, .required = true, .values = patched_status),
	FIELD_CHECKED("output", F_STR, .nullable = true, .max = TEXT_MAX), CALLER, CREATED_BY, LAST_FIELD,
};

/* --- mcp --------------------------------------------------------------------------------------------------------- */

static const char *const mcp_status[] = {"in_progress", "completed", "incomplete", "calling", "failed", NULL};
static const struct field listed_tool_fields[] = {
	REQUIRED("name", F_STR),
	FIELD_CHECKED("input_schema", F_ANY, .required = true),
	NULLABLE("description", F_STR),
	NULLABLE("annotations", F_ANY),
	LAST_FIELD,
};
static bool mcp_error_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return yyjson_is_str(v) || yyjson_is_obj(v) || field_type(v, path, "one of an object or string", e);
}
#define MCP_ERROR FIELD_CHECKED("error", F_ANY, .nullable = true, .check = mcp_error_check)
static const struct field mcp_list_tools_fields[] = {
	TYPE, ID, REQUIRED("server_label", F_STR),
	FIELD_CHECKED("tools", F_ARRAY, .required = true, .sub = listed_tool_fields), MCP_ERROR, LAST_FIELD,
};
static const struct field mcp_call_fields[] = {
	TYPE,
	ID,
	REQUIRED("server_label", F_STR),
	REQUIRED("name", F_STR),
	REQUIRED("arguments", F_STR),
	NULLABLE("output", F_STR),
	MCP_ERROR,
	FIELD_CHECKED("status", F_ENUM, .nullable = true, .values = mcp_status),
	NULLABLE("approval_request_id", F_STR),
	LAST_FIELD,
};
static const struct field mcp_approval_request_fields[] = {
	TYPE, ID, REQUIRED("server_label", F_STR), REQUIRED("name", F_STR), REQUIRED("arguments", F_STR), LAST_FIELD,
};
static const struct field mcp_approval_response_fields[] = {
	TYPE, ID, REQUIRED("approval_request_id", F_STR), REQUIRED("approve", F_BOOL), NULLABLE("reason", F_STR),
	LAST_FIELD,
};

/* --- tools within the input, compaction, programs ----------------------------------------------------------------- */

static const char *const executions[] = {"server", "client", NULL};
static const char *const developer[] = {"developer", NULL};
#define NULL_CALL_ID FIELD_CHECKED("call_id", F_STR, .nullable = true, .max = ID_CHARS)
#define EXECUTION FIELD_CHECKED("execution", F_ENUM, .nullable = true, .values = executions)
#define TOOLS FIELD_CHECKED("tools", F_ARRAY, .required = true, .item = &tool_field)

static const struct field tool_search_call_fields[] = {
	TYPE, ID, NULL_CALL_ID, FIELD_CHECKED("arguments", F_ANY, .required = true), EXECUTION, STATUS, CREATED_BY,
	LAST_FIELD,
};
static const struct field tool_search_output_fields[] = {
	TYPE, ID, NULL_CALL_ID, EXECUTION, STATUS, TOOLS, CREATED_BY, LAST_FIELD,
};
static const struct field additional_tools_fields[] = {
	TYPE, ID, FIELD_CHECKED("role", F_ENUM, .required = true, .values = developer), TOOLS, LAST_FIELD,
};
const char *const reasoning_efforts[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max", NULL};
static const struct field effort_fields[] = {
	FIELD_CHECKED("effort", F_ENUM, .nullable = true, .values = reasoning_efforts), LAST_FIELD,
};
static const struct field update_text_fields[] = {FIELD_CHECKED("format", F_OBJECT, .required = true), LAST_FIELD};
static const struct field configuration_update_fields[] = {
	TYPE,
	ID,
	FIELD_CHECKED("reasoning", F_OBJECT, .nullable = true, .sub = effort_fields),
	FIELD_CHECKED("text", F_OBJECT, .nullable = true, .sub = update_text_fields),
	LAST_FIELD,
};
static const struct field compaction_fields[] = {
	TYPE, ID, FIELD_CHECKED("encrypted_content", F_STR, .required = true, .max = IMAGE_MAX), CREATED_BY, LAST_FIELD,
};
static const struct field compaction_trigger_fields[] = {TYPE, ID, LAST_FIELD};
static const struct field program_fields[] = {
	TYPE, ID, CALL_ID, FIELD_CHECKED("code", F_STR, .required = true, .max = TEXT_MAX),
	FIELD_CHECKED("fingerprint", F_STR, .required = true, .max = TEXT_MAX), LAST_FIELD,
};
static const struct field program_output_fields[] = {
	TYPE, ID, CALL_ID, FIELD_CHECKED("result", F_STR, .required = true, .max = TEXT_MAX), STATUS, LAST_FIELD,
};

const struct item_row item_rows[ITEM_COUNT] = {
#define ITEM(NAME, wire, prefix, fields, flags) [ITEM_##NAME] = {wire, prefix, fields, flags},
#include "model/items.def"
#undef ITEM
};
