/* tool_fields.c - the field tables of the tools. */
#include "model/tool_fields.h"
#include "model/container_fields.h"
#include "model/search_fields.h"

static const char *const callers[] = {"direct", "programmatic", NULL};
static const struct field caller = {.kind = F_ENUM, .values = callers};
static const struct field string = {.kind = F_STR};
static const struct field domain = {.kind = F_STR, .min = 1, .max = 253};

#define TYPE FIELD_CHECKED("type", F_STR)
#define CALLERS FIELD_CHECKED("allowed_callers", F_ARRAY, .nullable = true, .min = 1, .item = &caller)
#define DEFER FIELD_CHECKED("defer_loading", F_BOOL, .nullable = true)

static const struct field type_fields[] = {TYPE, LAST_FIELD};

/* --- functions ------------------------------------------------------------------------------------------- */

#define FUNCTION_NAME \
	FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = NAME_CHARS, .pattern = "^[a-zA-Z0-9_-]+$")

static const struct field function_fields[] = {
	TYPE,
	FUNCTION_NAME,
	FIELD_CHECKED("parameters", F_OBJECT, .nullable = true),
	FIELD_CHECKED("strict", F_BOOL, .nullable = true),
	FIELD_CHECKED("description", F_STR, .nullable = true),
	FIELD_CHECKED("output_schema", F_OBJECT, .nullable = true),
	FIELD_CHECKED("async", F_BOOL, .nullable = true),
	DEFER,
	CALLERS,
	LAST_FIELD,
};

/* --- searches -------------------------------------------------------------------------------------------- */

static const char *const context_sizes[] = {"low", "medium", "high", NULL};
static const char *const location_types[] = {"approximate", NULL};
static const char *const content_types[] = {"text", "image", NULL};
static const struct field content_type = {.kind = F_ENUM, .values = content_types};
static const struct field domain_filters[] = {
	FIELD_CHECKED("allowed_domains", F_ARRAY, .nullable = true, .max = 100, .item = &domain),
	FIELD_CHECKED("blocked_domains", F_ARRAY, .nullable = true, .max = 100, .item = &domain),
	LAST_FIELD,
};
static const struct field location_fields[] = {
	FIELD_CHECKED("type", F_ENUM, .values = location_types),
	FIELD_CHECKED("city", F_STR, .nullable = true),
	FIELD_CHECKED("country", F_STR, .nullable = true),
	FIELD_CHECKED("region", F_STR, .nullable = true),
	FIELD_CHECKED("timezone", F_STR, .nullable = true),
	LAST_FIELD,
};
static const struct field web_search_fields[] = {
	TYPE,
	FIELD_CHECKED("filters", F_OBJECT, .nullable = true, .sub = domain_filters),
	FIELD_CHECKED("search_context_size", F_ENUM, .nullable = true, .values = context_sizes),
	FIELD_CHECKED("user_location", F_OBJECT, .nullable = true, .sub = location_fields),
	FIELD_CHECKED("external_web_access", F_BOOL, .nullable = true),
	LAST_FIELD,
};
static const struct field web_search_preview_fields[] = {
	TYPE,
	FIELD_CHECKED("search_context_size", F_ENUM, .nullable = true, .values = context_sizes),
	FIELD_CHECKED("user_location", F_OBJECT, .nullable = true, .sub = location_fields),
	FIELD_CHECKED("search_content_types", F_ARRAY, .nullable = true, .item = &content_type),
	LAST_FIELD,
};

static const char *const comparisons[] = {"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", NULL};
static const char *const filter_types[] = {"eq", "ne", "gt", "gte", "lt", "lte", "in", "nin", "and", "or", NULL};
static const struct field filter = {.kind = F_OBJECT, .check = search_filter_check};
static const struct field comparison_fields[] = {
	FIELD_CHECKED("type", F_ENUM, .required = true, .values = comparisons),
	FIELD_CHECKED("key", F_STR, .required = true),
	FIELD_CHECKED("value", F_ANY, .required = true),
	LAST_FIELD,
};
static const struct field compound_fields[] = {
	FIELD_CHECKED("type", F_STR, .required = true),
	FIELD_CHECKED("filters", F_ARRAY, .required = true, .item = &filter),
	LAST_FIELD,
};

static bool filter_scalar(yyjson_val *v, const char *place, struct err *e)
{
	return yyjson_is_str(v) || yyjson_is_num(v) || yyjson_is_bool(v) ||
	       field_type(v, place, "a string, a number or a boolean", e);
}

/* What could never be an attribute's value would match nothing, in silence. */
static bool filter_value_check(yyjson_val *comparison, const char *path, struct err *e)
{
	yyjson_val *v = json_get(comparison, S("value")), *one;
	struct str type = json_str(json_get(comparison, S("type")));
	char list[128], place[128];
	size_t i, max;
	field_path(list, path, "value");
	if (yyjson_is_bool(v) && type.n && (*type.p == 'g' || *type.p == 'l')) /* gt, gte, lt, lte */
		return field_type(v, list, "a string or a number", e);
	if (!str_eq(type, S("in")) && !str_eq(type, S("nin")))
		return filter_scalar(v, list, e);
	if (!yyjson_is_arr(v))
		return field_type(v, list, "an array of strings, numbers or booleans", e);
	yyjson_arr_foreach(v, i, max, one)
	{
		field_index(place, list, i);
		if (!filter_scalar(one, place, e))
			return false;
	}
	return true;
}

/* Filters nest; a document's own depth limit bounds the recursion. */
bool search_filter_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field any_type = {.kind = F_ENUM, .values = filter_types};
	struct str type = json_str(json_get(v, S("type")));
	char place[128];
	field_path(place, path, "type");
	if (str_eq(type, S("and")) || str_eq(type, S("or")))
		return fields_read(compound_fields, v, path, NULL, NULL, ctx, e);
	if (type.p && !field_value(&any_type, json_get(v, S("type")), place, ctx, e))
		return false;
	return fields_read(comparison_fields, v, path, NULL, NULL, ctx, e) && filter_value_check(v, path, e);
}

static const char *const rankers[] = {"none", "auto", "default-2024-11-15", NULL};
static const struct field hybrid_fields[] = {
	FIELD_CHECKED("embedding_weight", F_NUM, .min = 0, .max = 1000000),
	FIELD_CHECKED("text_weight", F_NUM, .min = 0, .max = 1000000),
	LAST_FIELD,
};

/* Where both are nothing, nothing could be found. */
static bool hybrid_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	double sum = yyjson_get_num(json_get(v, S("embedding_weight"))) + yyjson_get_num(json_get(v, S("text_weight")));
	return fields_read(hybrid_fields, v, path, NULL, NULL, ctx, e) &&
	       (sum > 0 || fail(e, ERR_INVALID_VALUE, path, "Invalid '%s': one of its weights must be greater than 0.", path));
}

const struct field search_ranking_fields[] = {
	FIELD_CHECKED("ranker", F_ENUM, .nullable = true, .values = rankers),
	FIELD_CHECKED("score_threshold", F_NUM, .nullable = true, .min = 0, .max = 1),
	FIELD_CHECKED("hybrid_search", F_OBJECT, .nullable = true, .check = hybrid_check),
	LAST_FIELD,
};
static const struct field file_search_fields[] = {
	TYPE,
	FIELD_CHECKED("vector_store_ids", F_ARRAY, .required = true, .min = 1, .max = 64, .item = &string),
	FIELD_CHECKED("max_num_results", F_INT, .nullable = true, .min = 1, .max = 50),
	FIELD_CHECKED("filters", F_OBJECT, .nullable = true, .check = search_filter_check),
	FIELD_CHECKED("ranking_options", F_OBJECT, .nullable = true, .sub = search_ranking_fields),
	LAST_FIELD,
};

/* --- containers ------------------------------------------------------------------------------------------ */

const char *const container_memory_limits[] = {"1g", "4g", "16g", "64g", NULL};
static const struct field secret_fields[] = {
	FIELD_CHECKED("domain", F_STR, .required = true),
	FIELD_CHECKED("name", F_STR, .required = true),
	FIELD_CHECKED("value", F_STR, .required = true),
	LAST_FIELD,
};
static const struct field allowlist_fields[] = {
	TYPE,
	FIELD_CHECKED("allowed_domains", F_ARRAY, .required = true, .min = 1, .max = -1, .item = &domain),
	FIELD_CHECKED("domain_secrets", F_ARRAY, .nullable = true, .min = 1, .max = -1, .sub = secret_fields),
	LAST_FIELD,
};
static const struct variant policies[] = {
	{"disabled", type_fields, NULL},
	{"allowlist", allowlist_fields, NULL},
	{0},
};
bool container_policy_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(policies, v, path, ctx, e);
}
bool container_has_secrets(yyjson_val *tool)
{
	static const struct str members[] = {STR("container"), STR("environment")};
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (json_get(json_get(json_get(tool, members[i]), S("network_policy")), S("domain_secrets")))
			return true;
	return false;
}
#define POLICY FIELD_CHECKED("network_policy", F_OBJECT, .nullable = true, .check = container_policy_check)
#define FILE_IDS FIELD_CHECKED("file_ids", F_ARRAY, .nullable = true, .max = 50, .item = &string)
#define MEMORY FIELD_CHECKED("memory_limit", F_ENUM, .nullable = true, .values = container_memory_limits)

static const struct field auto_container_fields[] = {TYPE, FILE_IDS, MEMORY, POLICY, LAST_FIELD};
static const struct variant code_containers[] = {{"auto", auto_container_fields, NULL}, {0}};
static bool container_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return yyjson_is_str(v) ||
	       (yyjson_is_obj(v) ? variant_read(code_containers, v, path, ctx, e)
				 : field_type(v, path, "one of an object or string", e));
}
static const struct field code_interpreter_fields[] = {
	TYPE,
	FIELD_CHECKED("container", F_ANY, .required = true, .check = container_check),
	CALLERS,
	LAST_FIELD,
};

#define INLINE_SKILL_MAX 70254592 /* characters of base64 */
static const char *const source_types[] = {"base64", NULL};
static const char *const source_media[] = {"application/zip", NULL};
static const struct field source_fields[] = {
	FIELD_CHECKED("type", F_ENUM, .required = true, .values = source_types),
	FIELD_CHECKED("media_type", F_ENUM, .required = true, .values = source_media),
	FIELD_CHECKED("data", F_STR, .required = true, .min = 1, .max = INLINE_SKILL_MAX),
	LAST_FIELD,
};
static const struct field skill_reference_fields[] = {
	TYPE,
	FIELD_CHECKED("skill_id", F_STR, .required = true, .min = 1, .max = 64),
	FIELD_CHECKED("version", F_STR, .nullable = true, .pattern = "^(latest|[1-9][0-9]*)$"),
	LAST_FIELD,
};
static const struct field inline_skill_fields[] = {
	TYPE,
	FIELD_CHECKED("name", F_STR, .required = true, .max = 64, .pattern = "^[a-z0-9-]+$"),
	FIELD_CHECKED("description", F_STR, .required = true, .min = 1, .max = 1024),
	FIELD_CHECKED("source", F_OBJECT, .required = true, .sub = source_fields),
	LAST_FIELD,
};
static const struct variant skills[] = {
	{"skill_reference", skill_reference_fields, NULL},
	{"inline", inline_skill_fields, NULL},
	{0},
};
static bool skill_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(skills, v, path, ctx, e);
}
const struct field container_skill = {.kind = F_OBJECT, .check = skill_check};
static const struct field local_skill_fields[] = {
	FIELD_CHECKED("name", F_STR, .required = true),
	FIELD_CHECKED("description", F_STR, .required = true),
	FIELD_CHECKED("path", F_STR, .required = true),
	LAST_FIELD,
};
static const struct field shell_auto_fields[] = {
	TYPE, FILE_IDS, MEMORY, POLICY, FIELD_CHECKED("skills", F_ARRAY, .nullable = true, .max = 200, .item = &container_skill),
	LAST_FIELD,
};
static const struct field shell_local_fields[] = {
	TYPE,
	FIELD_CHECKED("skills", F_ARRAY, .nullable = true, .max = 200, .sub = local_skill_fields),
	LAST_FIELD,
};
static const struct field container_reference_fields[] = {
	TYPE,
	FIELD_CHECKED("container_id", F_STR, .required = true),
	LAST_FIELD,
};
static const struct variant environments[] = {
	{"container_auto", shell_auto_fields, NULL},
	{"local", shell_local_fields, NULL},
	{"container_reference", container_reference_fields, NULL},
	{0},
};
static bool environment_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(environments, v, path, ctx, e);
}
static const struct field shell_fields[] = {
	TYPE,
	FIELD_CHECKED("environment", F_OBJECT, .nullable = true, .check = environment_check),
	CALLERS,
	LAST_FIELD,
};
static const struct field apply_patch_fields[] = {TYPE, CALLERS, LAST_FIELD};

/* --- computer, pictures ---------------------------------------------------------------------------------- */

static const char *const screens[] = {"windows", "mac", "linux", "ubuntu", "browser", NULL};
static const struct field computer_use_fields[] = {
	TYPE,
	FIELD_CHECKED("display_width", F_INT, .required = true),
	FIELD_CHECKED("display_height", F_INT, .required = true),
	FIELD_CHECKED("environment", F_ENUM, .required = true, .values = screens),
	LAST_FIELD,
};

static const char *const actions[] = {"generate", "edit", "auto", NULL};
static const char *const backgrounds[] = {"transparent", "opaque", "auto", NULL};
static const char *const fidelities[] = {"high", "low", NULL};
static const char *const moderations[] = {"auto", "low", NULL};
static const char *const picture_formats[] = {"png", "webp", "jpeg", "gif", "svg", NULL};
static const char *const qualities[] = {"low", "medium", "high", "xhigh", "max", "auto", NULL};
static const struct field mask_fields[] = {
	FIELD_CHECKED("image_url", F_STR, .nullable = true, .max = IMAGE_MAX),
	FIELD_CHECKED("file_id", F_STR, .nullable = true),
	LAST_FIELD,
};
static const struct field image_generation_fields[] = {
	TYPE,
	FIELD_CHECKED("action", F_ENUM, .nullable = true, .values = actions),
	FIELD_CHECKED("model", F_STR, .nullable = true),
	FIELD_CHECKED("background", F_ENUM, .nullable = true, .values = backgrounds),
	FIELD_CHECKED("complexity", F_ENUM, .nullable = true, .values = context_sizes),
	FIELD_CHECKED("frame_count", F_INT, .nullable = true),
	FIELD_CHECKED("frame_duration_ms", F_INT, .nullable = true),
	FIELD_CHECKED("input_fidelity", F_ENUM, .nullable = true, .values = fidelities),
	FIELD_CHECKED("input_image_mask", F_OBJECT, .nullable = true, .sub = mask_fields),
	FIELD_CHECKED("moderation", F_ENUM, .nullable = true, .values = moderations),
	FIELD_CHECKED("output_compression", F_INT, .nullable = true, .min = 0, .max = 100),
	FIELD_CHECKED("output_format", F_ENUM, .nullable = true, .values = picture_formats),
	FIELD_CHECKED("partial_images", F_INT, .nullable = true, .min = 0, .max = 3),
	FIELD_CHECKED("quality", F_ENUM, .nullable = true, .values = qualities),
	FIELD_CHECKED("size", F_STR, .nullable = true),
	FIELD_CHECKED("svg", F_OBJECT, .nullable = true),
	LAST_FIELD,
};

/* --- mcp --------------------------------------------------------------------------------------------------- */

static const char *const approvals[] = {"always", "never", NULL};
static const struct field tool_filter_fields[] = {
	FIELD_CHECKED("tool_names", F_ARRAY, .nullable = true, .item = &string),
	FIELD_CHECKED("read_only", F_BOOL, .nullable = true),
	LAST_FIELD,
};
static const struct field approval_fields[] = {
	FIELD_CHECKED("always", F_OBJECT, .nullable = true, .sub = tool_filter_fields),
	FIELD_CHECKED("never", F_OBJECT, .nullable = true, .sub = tool_filter_fields),
	LAST_FIELD,
};
static bool mcp_tools_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field names = {.kind = F_ARRAY, .item = &string};
	if (yyjson_is_arr(v))
		return field_value(&names, v, path, ctx, e);
	if (yyjson_is_obj(v))
		return fields_read(tool_filter_fields, v, path, NULL, NULL, ctx, e);
	return field_type(v, path, "one of an array of strings or object", e);
}
static bool approval_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field word = {.kind = F_ENUM, .values = approvals};
	if (yyjson_is_str(v))
		return field_value(&word, v, path, ctx, e);
	if (yyjson_is_obj(v))
		return fields_read(approval_fields, v, path, NULL, NULL, ctx, e);
	return field_type(v, path, "one of an object or string", e);
}
static const struct field mcp_fields[] = {
	TYPE,
	FIELD_CHECKED("server_label", F_STR, .required = true),
	FIELD_CHECKED("server_url", F_STR, .nullable = true),
	FIELD_CHECKED("connector_id", F_STR, .nullable = true),
	FIELD_CHECKED("tunnel_id", F_STR, .nullable = true),
	FIELD_CHECKED("allowed_tools", F_ANY, .nullable = true, .check = mcp_tools_check),
	FIELD_CHECKED("require_approval", F_ANY, .nullable = true, .check = approval_check),
	FIELD_CHECKED("authorization", F_STR, .nullable = true),
	FIELD_CHECKED("headers", F_MAP, .nullable = true),
	FIELD_CHECKED("server_description", F_STR, .nullable = true),
	DEFER,
	CALLERS,
	LAST_FIELD,
};

/* --- custom, namespaces, tool search ------------------------------------------------------------------------ */

static const char *const syntaxes[] = {"lark", "regex", NULL};
static const struct field grammar_fields[] = {
	TYPE,
	FIELD_CHECKED("syntax", F_ENUM, .required = true, .values = syntaxes),
	FIELD_CHECKED("definition", F_STR, .required = true),
	LAST_FIELD,
};
static const struct variant custom_formats[] = {
	{"text", type_fields, NULL},
	{"grammar", grammar_fields, NULL},
	{0},
};
static bool custom_format_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(custom_formats, v, path, ctx, e);
}
static const struct field custom_fields[] = {
	TYPE,
	FUNCTION_NAME,
	FIELD_CHECKED("description", F_STR, .nullable = true),
	FIELD_CHECKED("format", F_OBJECT, .nullable = true, .check = custom_format_check),
	FIELD_CHECKED("async", F_BOOL, .nullable = true),
	DEFER,
	CALLERS,
	LAST_FIELD,
};
static const struct variant inner_tools[] = {
	{"function", function_fields, NULL},
	{"custom", custom_fields, NULL},
	{0},
};
static bool inner_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(inner_tools, v, path, ctx, e);
}
static const struct field inner_tool = {.kind = F_OBJECT, .check = inner_check};
static const struct field namespace_fields[] = {
	TYPE,
	FIELD_CHECKED("name", F_STR, .required = true, .min = 1, .max = 64),
	FIELD_CHECKED("description", F_STR, .required = true),
	FIELD_CHECKED("tools", F_ARRAY, .required = true, .min = 1, .max = -1, .item = &inner_tool),
	LAST_FIELD,
};
static const char *const executions[] = {"server", "client", NULL};
static const struct field tool_search_fields[] = {
	TYPE,
	FIELD_CHECKED("execution", F_ENUM, .nullable = true, .values = executions),
	FIELD_CHECKED("description", F_STR, .nullable = true),
	FIELD_CHECKED("parameters", F_OBJECT, .nullable = true),
	LAST_FIELD,
};

/* --- the list ---------------------------------------------------------------------------------------------- */

const struct tool_row tool_rows[TOOL_COUNT] = {
#define TOOL(NAME, wire, fields, flags) [TOOL_##NAME] = {wire, flags},
#include "model/tools.def"
#undef TOOL
};

static const char *const web_search_tolerated[] = {
#define TOLERATED(where, key) TOLERATED_##where(key)
#define TOLERATED_TOP(key)
#define TOLERATED_ITEM(key)
#define TOLERATED_WEB_SEARCH(key) key,
#define TOLERATED_CHAT_PART(key)
#define TOLERATED_CHAT_MESSAGE(key)
#define TOLERATED_CHAT_CALL(key)
#define TOLERATED_CHAT_CALLED(key)
#include "model/tolerated.def"
#undef TOLERATED
	NULL,
};

static const struct variant tool_variants[] = {
#define TOOL(NAME, wire, fields, flags) {wire, fields, (flags) & TOOL_TOLERANT ? web_search_tolerated : NULL},
#include "model/tools.def"
#undef TOOL
	{0},
};

static bool tool_fields_tool_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	return variant_read(tool_variants, v, path, ctx, e);
}
const struct field tool_field = {.kind = F_OBJECT, .check = tool_fields_tool_check};

enum tool_type tool_type_of(yyjson_val *tool)
{
	struct str wire = json_str(json_get(tool, S("type")));
	for (enum tool_type t = TOOL_NONE + 1; t < TOOL_COUNT; t++)
		if (str_eq(wire, str_of(tool_rows[t].wire)))
			return t;
	return TOOL_NONE;
}
