/* response.c - the response object, every key the live API sends, in its order. */
#include "model/response.h"

const char *const response_status_names[] = {"queued", "in_progress", "completed", "incomplete", "failed", "cancelled"};

void usage_add(struct usage *sum, const struct usage *more)
{
	sum->input += more->input;
	sum->cached += more->cached;
	sum->output += more->output;
	sum->reasoning += more->reasoning;
}

void usage_write(struct jout *o, const struct usage *u)
{
	jo_obj(o);
	jo_kint(o, "input_tokens", u->input);
	jo_key(o, S("input_tokens_details"));
	jo_obj(o);
	jo_kint(o, "cache_write_tokens", 0);
	jo_kint(o, "cached_tokens", u->cached);
	jo_obj_end(o);
	jo_kint(o, "output_tokens", u->output);
	jo_key(o, S("output_tokens_details"));
	jo_obj(o);
	jo_kint(o, "reasoning_tokens", u->reasoning);
	jo_obj_end(o);
	jo_kint(o, "total_tokens", u->input + u->output);
	jo_obj_end(o);
}

void error_write(struct jout *o, const struct err *e)
{
	const struct err_row *row = &err_rows[e->code];
	jo_obj(o);
	jo_key(o, S("error"));
	jo_obj(o);
	jo_kstr(o, "message", str_of(e->msg));
	jo_kstr(o, "type", str_of(row->type));
	jo_kstr(o, "param", e->param[0] ? str_of(e->param) : (struct str){0});
	jo_kstr(o, "code", str_of(row->code));
	jo_obj_end(o);
	jo_obj_end(o);
}

/* The error of a failed response has a code always; where ours is null, the API's closed list has these two. */
static void failure(struct jout *o, const struct response *r)
{
	if (r->status != RS_FAILED || !r->error || r->error->code == ERR_NONE) {
		jo_null(o);
		return;
	}
	const struct err_row *row = &err_rows[r->error->code];
	jo_obj(o);
	jo_kstr(o, "code", row->code ? str_of(row->code) : row->status < 500 ? S("invalid_prompt") : S("server_error"));
	jo_kstr(o, "message", str_of(r->error->msg));
	jo_obj_end(o);
}

static void incomplete(struct jout *o, const struct response *r)
{
	if (r->status != RS_INCOMPLETE) {
		jo_null(o);
		return;
	}
	jo_obj(o);
	jo_kstr(o, "reason", str_of(r->incomplete_reason));
	jo_obj_end(o);
}

/* As requested while it runs; the tier that served it, which is the only one there is, at its end. */
static struct str tier(const struct response *r)
{
	if (r->status == RS_COMPLETED || r->status == RS_INCOMPLETE)
		return S("\"default\"");
	return r->req->echo.service_tier.p ? r->req->echo.service_tier : S("\"auto\"");
}

static void optional_int(struct jout *o, bool has, int64_t v)
{
	if (has)
		jo_int(o, v);
	else
		jo_null(o);
}

/* Keys that the live API writes only when there is something to say. */
static void optional_raw(struct jout *o, struct str key, struct str json)
{
	if (json.p) {
		jo_key(o, key);
		jo_raw(o, json);
	}
}

static void response_details(struct jout *o, struct str name, int64_t image, int64_t text)
{
	jo_key(o, name);
	jo_obj(o);
	jo_kint(o, "image_tokens", image);
	jo_kint(o, "text_tokens", text);
	jo_obj_end(o);
}

void picture_usage_write(struct jout *o, const struct picture_usage *u)
{
	jo_obj(o);
	jo_kint(o, "input_tokens", u->input);
	response_details(o, S("input_tokens_details"), u->input_image, u->input_text);
	jo_kint(o, "output_tokens", u->output);
	response_details(o, S("output_tokens_details"), u->output_image, u->output_text);
	jo_kint(o, "total_tokens", u->input + u->output);
	jo_obj_end(o);
}

void picture_usage_add(struct picture_usage *sum, const struct picture_usage *more)
{
	sum->input += more->input;
	sum->input_text += more->input_text;
	sum->input_image += more->input_image;
	sum->output += more->output;
	sum->output_text += more->output_text;
	sum->output_image += more->output_image;
}

static void tool_usage(struct jout *o, const struct response *r)
{
	jo_key(o, S("image_gen"));
	picture_usage_write(o, &r->pictures);
	jo_key(o, S("web_search"));
	jo_obj(o);
	jo_kint(o, "num_requests", r->web_searches);
	jo_obj_end(o);
}

static void response_head(struct jout *o, const struct response *r, bool billing)
{
	const struct create *q = r->req;
	const struct sampling *s = &q->sampling;
	jo_kstr(o, "id", r->id);
	jo_kstr(o, "object", S("response"));
	jo_kint(o, "created_at", r->created_at);
	jo_kstr(o, "status", str_of(response_status_names[r->status]));
	jo_kbool(o, "background", q->background);
	if (billing)
		jo_kraw(o, "billing", S("{\"payer\":\"developer\"}"));
	jo_key(o, S("completed_at"));
	optional_int(o, r->status == RS_COMPLETED && r->completed_at, r->completed_at);
	optional_raw(o, S("conversation"), q->echo.conversation);
	jo_key(o, S("error"));
	failure(o, r);
	jo_knum(o, "frequency_penalty", s->has_frequency_penalty ? s->frequency_penalty : 0.0);
	jo_key(o, S("incomplete_details"));
	incomplete(o, r);
	optional_raw(o, S("input_transformations"), r->withheld);
	jo_kraw(o, "instructions", q->echo.instructions);
	jo_key(o, S("max_output_tokens"));
	optional_int(o, s->has_max_output_tokens, s->max_output_tokens);
	jo_key(o, S("max_tool_calls"));
	optional_int(o, q->max_tool_calls > 0, q->max_tool_calls);
	jo_kstr(o, "model", r->model);
	jo_kraw(o, "moderation", r->moderation);
}

/* Engines tell how much of a prompt they had, never why the rest was not there. */
static void cache_diagnostics(struct jout *o, const struct response *r)
{
	if (!r->req->echo.comparison.n || !r->has_usage)
		return;
	jo_key(o, S("prompt_cache_diagnostics"));
	jo_raw(o, r->usage.cached > 0 ? S("{\"type\":\"cache_hit\"}") : S("{\"type\":\"unavailable\"}"));
}

static void tail(struct jout *o, const struct response *r)
{
	const struct create *q = r->req;
	const struct sampling *s = &q->sampling;
	jo_kbool(o, "parallel_tool_calls", q->parallel_tool_calls);
	jo_knum(o, "presence_penalty", s->has_presence_penalty ? s->presence_penalty : 0.0);
	jo_kstr(o, "previous_response_id", q->previous_response_id);
	optional_raw(o, S("prompt"), q->echo.prompt);
	jo_kraw(o, "prompt_cache_key", q->echo.prompt_cache_key);
	cache_diagnostics(o, r);
	optional_raw(o, S("prompt_cache_options"), q->echo.prompt_cache_options);
	jo_kraw(o, "prompt_cache_retention", q->echo.prompt_cache_retention);
	jo_kraw(o, "reasoning", q->echo.reasoning);
	jo_kraw(o, "safety_identifier", q->echo.safety_identifier);
	jo_kraw(o, "service_tier", tier(r));
	jo_kbool(o, "store", q->store);
	jo_knum(o, "temperature", s->has_temperature ? s->temperature : 1.0);
	jo_kraw(o, "text", q->echo.text);
	jo_kraw(o, "tool_choice", q->echo.tool_choice);
	jo_key(o, S("tool_usage"));
	jo_obj(o);
	tool_usage(o, r);
	jo_obj_end(o);
	jo_kraw(o, "tools", q->echo.tools);
	jo_kint(o, "top_logprobs", s->has_top_logprobs ? s->top_logprobs : 0);
	jo_knum(o, "top_p", s->has_top_p ? s->top_p : 1.0);
	jo_kraw(o, "truncation", q->echo.truncation);
	jo_key(o, S("usage"));
	if (r->has_usage)
		usage_write(o, &r->usage);
	else
		jo_null(o);
	jo_kraw(o, "user", q->echo.user);
	jo_kraw(o, "metadata", q->echo.metadata);
}

void response_write(struct jout *o, const struct response *r, struct str output, bool billing, size_t *output_at)
{
	jo_obj(o);
	response_head(o, r, billing);
	jo_key(o, S("output"));
	jo_arr(o);
	if (output_at)
		*output_at = o->b->n;
	if (output.n)
		jo_raw(o, output);
	jo_arr_end(o);
	tail(o, r);
	jo_obj_end(o);
}
