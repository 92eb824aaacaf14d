/* batch.c - batches as they look outside. */
#include "model/batch.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/id.h"
#include "wire/fields.h"

enum { LIFE_LEAST = 3600, LIFE_MOST = 2592000, QUOTED = 100 };

const char *const batch_status_names[BATCH_STATES] = {
    [BATCH_VALIDATING] = "validating", [BATCH_FAILED] = "failed",       [BATCH_IN_PROGRESS] = "in_progress",
    [BATCH_FINALIZING] = "finalizing", [BATCH_COMPLETED] = "completed", [BATCH_EXPIRED] = "expired",
    [BATCH_CANCELLING] = "cancelling", [BATCH_CANCELLED] = "cancelled",
};

/* --- the body ---------------------------------------------------------------------------------------------------- */

static const char *const endpoints[] = {
#define ENDPOINT(path) path,
#include "model/batch.def"
#undef ENDPOINT
    NULL,
};
static const char *const windows[] = {"24h", NULL};
static const char *const anchors[] = {"created_at", NULL};

struct life {
	int64_t seconds;
};
static const struct field life_fields[] = {
    FIELD_CHECKED("anchor", F_ENUM, .required = true, .values = anchors),
    FIELD(struct life, seconds, F_INT, .required = true, .min = LIFE_LEAST, .max = LIFE_MOST),
    FIELD_END,
};
struct create_members {
	struct str input_file_id, endpoint;
	yyjson_val *metadata, *output_expires_after;
};
static const struct field create_fields[] = {
    FIELD(struct create_members, input_file_id, F_STR, .required = true, .min = 1),
    FIELD(struct create_members, endpoint, F_ENUM, .required = true, .values = endpoints),
    FIELD_CHECKED("completion_window", F_ENUM, .required = true, .values = windows),
    FIELD(struct create_members, metadata, F_MAP, .nullable = true, .max = 16, .max_key = 64, .max_val = 512),
    FIELD(struct create_members, output_expires_after, F_OBJECT, .nullable = true, .sub = life_fields),
    FIELD_END,
};

bool batch_body_read(struct arena *a, yyjson_val *body, struct batch_body *ret, struct err *e)
{
	struct create_members c = {0};
	struct life life = {0};
	if (!fields_read(create_fields, body, "", NULL, &c, NULL, e))
		return false;
	if (yyjson_is_obj(c.output_expires_after) &&
	    !fields_read(life_fields, c.output_expires_after, "output_expires_after", NULL, &life, NULL, e))
		return false;
	*ret = (struct batch_body){
	    .input_file_id = c.input_file_id, .endpoint = c.endpoint, .output_seconds = life.seconds};
	if (yyjson_is_obj(c.metadata))
		ret->metadata = json_text(a, c.metadata);
	return true;
}

/* --- the object -------------------------------------------------------------------------------------------------- */

static void when_write(struct jout *o, const char *name, int64_t at)
{
	jo_key(o, str_of(name));
	if (at)
		jo_int(o, at);
	else
		jo_null(o);
}

static void counts_write(struct jout *o, const struct batch_counts *c)
{
	jo_key(o, S("request_counts"));
	jo_obj(o);
	jo_kint(o, "total", c->total);
	jo_kint(o, "completed", c->completed);
	jo_kint(o, "failed", c->failed);
	jo_obj_end(o);
	jo_key(o, S("usage"));
	jo_obj(o);
	jo_kint(o, "input_tokens", c->input);
	jo_kint(o, "output_tokens", c->output);
	jo_kint(o, "total_tokens", c->input + c->output);
	jo_key(o, S("input_tokens_details"));
	jo_obj(o);
	jo_kint(o, "cached_tokens", c->cached);
	jo_obj_end(o);
	jo_key(o, S("output_tokens_details"));
	jo_obj(o);
	jo_kint(o, "reasoning_tokens", c->reasoning);
	jo_obj_end(o);
	jo_obj_end(o);
}

void batch_write(struct jout *o, const struct batch_object *b)
{
	static const enum batch_status shown[] = {BATCH_FINALIZING, BATCH_COMPLETED,  BATCH_FAILED,
						  BATCH_EXPIRED,    BATCH_CANCELLING, BATCH_CANCELLED};
	jo_obj(o);
	jo_kstr(o, "id", b->id);
	jo_kstr(o, "object", S("batch"));
	jo_kstr(o, "endpoint", b->endpoint);
	jo_kstr(o, "model", b->model);
	jo_key(o, S("errors"));
	if (b->errors.p) {
		jo_obj(o);
		jo_kstr(o, "object", S("list"));
		jo_kraw(o, "data", b->errors);
		jo_obj_end(o);
	} else {
		jo_null(o);
	}
	jo_kstr(o, "input_file_id", b->input_file);
	jo_kstr(o, "completion_window", S("24h"));
	jo_kstr(o, "status", str_of(batch_status_names[b->status]));
	jo_kstr(o, "output_file_id", b->output_file);
	jo_kstr(o, "error_file_id", b->error_file);
	jo_kint(o, "created_at", b->at[BATCH_VALIDATING]);
	when_write(o, "in_progress_at", b->at[BATCH_IN_PROGRESS]);
	when_write(o, "expires_at", b->expires_at);
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		char name[32];
		snprintf(name, sizeof name, "%s_at", batch_status_names[shown[i]]);
		when_write(o, name, b->at[shown[i]]);
	}
	counts_write(o, &b->counts);
	jo_kraw(o, "metadata", b->metadata);
	jo_obj_end(o);
}

/* --- a line of the input ----------------------------------------------------------------------------------------- */

bool batch_fault(struct batch_fault *f, const char *code, const char *param, const char *message, ...)
{
	va_list args;
	f->code = code;
	f->param = param;
	va_start(args, message);
	vsnprintf(f->message, sizeof f->message, message, args);
	va_end(args);
	return false;
}

void batch_fault_write(struct jout *o, const struct batch_fault *f)
{
	jo_obj(o);
	jo_kstr(o, "code", str_of(f->code));
	when_write(o, "line", f->line);
	jo_kstr(o, "message", str_of(f->message));
	jo_key(o, S("param"));
	jo_str(o, f->param ? str_of(f->param) : (struct str){0});
	jo_obj_end(o);
}

static bool member_missing(struct batch_fault *f, const char *name)
{
	return batch_fault(f, "missing_required_parameter", name, "Missing required parameter: '%s'.", name);
}

/* What a batch cannot wait for: its answers are lines of a file. */
static bool body_fits(yyjson_val *body, struct batch_fault *f)
{
	if (yyjson_is_true(json_get(body, S("stream"))))
		return batch_fault(f, "invalid_request", "body.stream",
				   "Streaming is not supported in a batch: leave 'stream' out.");
	if (yyjson_is_true(json_get(body, S("background"))))
		return batch_fault(f, "invalid_request", "body.background",
				   "A line of a batch runs in the background anyway: leave 'background' out.");
	return true;
}

static bool custom_id_fits(yyjson_val *v, struct batch_fault *f)
{
	struct str id = json_str(yyjson_obj_get(v, "custom_id"));
	if (!yyjson_obj_get(v, "custom_id"))
		return member_missing(f, "custom_id");
	if (!id.n || id.n > BATCH_CUSTOM_ID)
		return batch_fault(f, "invalid_custom_id", "custom_id",
				   "The custom_id must be a string of 1 to %d bytes.", BATCH_CUSTOM_ID);
	return true;
}

static bool place_fits(yyjson_val *v, struct str endpoint, struct batch_fault *f)
{
	struct str method = json_str(json_get(v, S("method"))), url = json_str(json_get(v, S("url")));
	if (!json_get(v, S("method")))
		return member_missing(f, "method");
	if (!str_eq(method, S("POST")))
		return batch_fault(f, "invalid_method", "method", "The method must be 'POST'.");
	if (!json_get(v, S("url")))
		return member_missing(f, "url");
	if (!str_eq(url, endpoint))
		return batch_fault(
		    f, "invalid_url", "url",
		    "The URL provided for this request ('%.*s') is not the endpoint of the batch ('%.*s').",
		    (int)(url.n < QUOTED ? url.n : QUOTED), url.p ? url.p : "", FMT(endpoint));
	return true;
}

bool batch_line_read(struct arena *a, struct str text, struct str endpoint, struct batch_line *ret,
		     struct batch_fault *f)
{
	struct err e = {0};
	yyjson_val *v;
	if (!json_parse(a, text, &v, &e))
		return batch_fault(f, "invalid_json_line", NULL, "This line is not parseable as valid JSON.");
	if (!yyjson_is_obj(v))
		return batch_fault(f, "invalid_json_line", NULL, "This line is no JSON object.");
	if (!custom_id_fits(v, f) || !place_fits(v, endpoint, f))
		return false;
	yyjson_val *body = json_get(v, S("body"));
	if (!body)
		return member_missing(f, "body");
	if (!yyjson_is_obj(body))
		return batch_fault(f, "invalid_type", "body", "The body must be an object, but is %s.",
				   json_kind_name(body));
	if (!body_fits(body, f))
		return false;
	*ret = (struct batch_line){.custom_id = json_str(json_get(v, S("custom_id"))),
				   .model = json_str(json_get(body, S("model"))),
				   .body = json_text(a, body)};
	return true;
}

/* --- a line of the output ---------------------------------------------------------------------------------------- */

void batch_answer_write(struct buf *b, const struct batch_answer_text *t)
{
	struct jout o = {b, false};
	char id[ID_MAX];
	jo_obj(&o);
	jo_kstr(&o, "id", id_random(id, "batch_req"));
	jo_kstr(&o, "custom_id", t->custom_id);
	jo_key(&o, S("response"));
	if (t->status) {
		jo_obj(&o);
		jo_kint(&o, "status_code", t->status);
		jo_kstr(&o, "request_id", t->request_id);
		jo_kraw(&o, "body", t->body);
		jo_obj_end(&o);
		jo_knull(&o, "error");
	} else {
		jo_null(&o);
		jo_key(&o, S("error"));
		jo_obj(&o);
		jo_kstr(&o, "code", t->code);
		jo_kstr(&o, "message", t->message);
		jo_obj_end(&o);
	}
	jo_obj_end(&o);
	buf_byte(b, '\n');
}

static int64_t number_of(yyjson_val *v, const char *name)
{
	yyjson_val *n = yyjson_obj_get(v, name);
	return yyjson_is_int(n) && yyjson_get_sint(n) > 0 ? yyjson_get_sint(n) : 0;
}

/* Responses count input and output, the older endpoints prompt and completion. */
void batch_use_read(yyjson_val *body, struct batch_use *ret)
{
	yyjson_val *u = yyjson_obj_get(body, "usage");
	*ret = (struct batch_use){.model = json_str(yyjson_obj_get(body, "model"))};
	ret->input = number_of(u, "input_tokens") + number_of(u, "prompt_tokens");
	ret->output = number_of(u, "output_tokens") + number_of(u, "completion_tokens");
	ret->cached = number_of(yyjson_obj_get(u, "input_tokens_details"), "cached_tokens") +
		      number_of(yyjson_obj_get(u, "prompt_tokens_details"), "cached_tokens");
	ret->reasoning = number_of(yyjson_obj_get(u, "output_tokens_details"), "reasoning_tokens") +
			 number_of(yyjson_obj_get(u, "completion_tokens_details"), "reasoning_tokens");
	ret->cancelled = str_eq(json_str(yyjson_obj_get(body, "object")), S("response")) &&
			 str_eq(json_str(yyjson_obj_get(body, "status")), S("cancelled"));
}
