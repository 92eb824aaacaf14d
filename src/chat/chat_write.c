/* chat_write.c - chat.completion objects and chat.completion.chunk pieces. */
#include "chat/chat_write.h"

#include <sodium.h>
#include <stdio.h>

#include "engine/marks.h"

/* --- common pieces ------------------------------------------------------------------------------------- */

/* Names the model and the program that served it; changes with either, as the live one with the backend. */
static struct str fingerprint(char out[16], struct str model)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (const char *p = ANTIPHON_VERSION; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	for (size_t i = 0; i < model.n; i++)
		h = (h ^ (unsigned char)model.p[i]) * 16777619u;
	snprintf(out, 16, "fp_%010x", h);
	return str_of(out);
}

static void put_usage(struct jout *o, const struct usage *u)
{
	jo_key(o, S("usage"));
	jo_obj(o);
	jo_kint(o, "prompt_tokens", u->input);
	jo_kint(o, "completion_tokens", u->output);
	jo_kint(o, "total_tokens", u->input + u->output);
	jo_key(o, S("prompt_tokens_details"));
	jo_obj(o);
	jo_kint(o, "cached_tokens", u->cached);
	jo_kint(o, "audio_tokens", 0);
	jo_obj_end(o);
	jo_key(o, S("completion_tokens_details"));
	jo_obj(o);
	jo_kint(o, "reasoning_tokens", u->reasoning);
	jo_kint(o, "audio_tokens", 0);
	jo_kint(o, "accepted_prediction_tokens", 0);
	jo_kint(o, "rejected_prediction_tokens", 0);
	jo_obj_end(o);
	jo_obj_end(o);
}

static void put_stored_usage(struct jout *o, const struct usage *u)
{
	jo_key(o, S("usage"));
	jo_obj(o);
	jo_kint(o, "total_tokens", u->input + u->output);
	jo_kint(o, "completion_tokens", u->output);
	jo_kint(o, "prompt_tokens", u->input);
	jo_obj_end(o);
}

/* `content` is an array, {0}: none were asked for. */
static void put_logprobs(struct jout *o, struct str content)
{
	jo_key(o, S("logprobs"));
	if (!content.p) {
		jo_null(o);
		return;
	}
	jo_obj(o);
	jo_kraw(o, "content", content);
	jo_knull(o, "refusal");
	jo_obj_end(o);
}

/* --- the whole object ------------------------------------------------------------------------------------ */

static struct str call_type(const struct chat_call *call)
{
	return call->tool ? S("custom") : S("function");
}

static struct str call_text(const struct chat_call *call)
{
	return call->tool ? S("input") : S("arguments");
}

static void chat_write_put_calls(struct jout *o, const struct chat_choice *c)
{
	jo_key(o, S("tool_calls"));
	jo_arr(o);
	for (size_t i = 0; i < c->n_calls; i++) {
		jo_obj(o);
		jo_kstr(o, "id", str_of(c->calls[i].id));
		jo_kstr(o, "type", call_type(&c->calls[i]));
		jo_key(o, call_type(&c->calls[i]));
		jo_obj(o);
		jo_kstr(o, "name", c->calls[i].name);
		jo_key(o, call_text(&c->calls[i]));
		jo_str(o, buf_str(&c->calls[i].arguments));
		marks_put(o, buf_str(&c->calls[i].marks), MARK_FUNCTION);
		jo_obj_end(o);
		marks_put(o, buf_str(&c->calls[i].marks), MARK_CALL);
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

/* The one call, as it was named before there were tools. */
static void put_function_call(struct jout *o, const struct chat_choice *c)
{
	jo_key(o, S("function_call"));
	jo_obj(o);
	jo_kstr(o, "name", c->calls[0].name);
	jo_kstr(o, "arguments", buf_str(&c->calls[0].arguments));
	jo_obj_end(o);
}

static void chat_write_put_notes(struct jout *o, const struct chat_choice *c)
{
	jo_key(o, S("annotations"));
	jo_arr(o);
	if (c->notes.n)
		jo_raw(o, buf_str(&c->notes));
	jo_arr_end(o);
}

static void chat_write_put_message(struct jout *o, const struct chat_choice *c, bool functions)
{
	bool none = !c->text.n && (c->n_calls || c->refusal.n);
	jo_key(o, S("message"));
	jo_obj(o);
	jo_kstr(o, "role", S("assistant"));
	jo_kstr(o, "content", none ? (struct str){0} : buf_str(&c->text));
	if (c->reasoning.n)
		jo_kstr(o, "reasoning_content", buf_str(&c->reasoning));
	marks_put(o, buf_str(&c->marks), MARK_MESSAGE);
	if (c->n_calls && functions)
		put_function_call(o, c);
	else if (c->n_calls)
		chat_write_put_calls(o, c);
	jo_kstr(o, "refusal", c->refusal.n ? buf_str(&c->refusal) : (struct str){0});
	chat_write_put_notes(o, c);
	jo_obj_end(o);
}

/* Read back a message has these members always; what else it has follows. */
static void put_stored_message(struct jout *o, const struct chat_choice *c, bool functions)
{
	bool none = !c->text.n && (c->n_calls || c->refusal.n);
	jo_key(o, S("message"));
	jo_obj(o);
	jo_kstr(o, "content", none ? (struct str){0} : buf_str(&c->text));
	jo_kstr(o, "role", S("assistant"));
	if (c->n_calls && !functions)
		chat_write_put_calls(o, c);
	else
		jo_knull(o, "tool_calls");
	if (c->n_calls && functions)
		put_function_call(o, c);
	else
		jo_knull(o, "function_call");
	if (c->reasoning.n)
		jo_kstr(o, "reasoning_content", buf_str(&c->reasoning));
	if (c->refusal.n)
		jo_kstr(o, "refusal", buf_str(&c->refusal));
	if (c->notes.n)
		chat_write_put_notes(o, c);
	jo_obj_end(o);
}

static void put_choice(struct jout *o, const struct chat_head *h, const struct chat_choice *c, bool stored)
{
	jo_obj(o);
	jo_kint(o, "index", c->index);
	if (stored)
		put_stored_message(o, c, h->req->functions);
	else
		chat_write_put_message(o, c, h->req->functions);
	jo_key(o, S("logprobs"));
	if (h->req->prompt.logprobs) {
		jo_obj(o);
		jo_key(o, S("content"));
		jo_arr(o);
		if (c->logprobs.n)
			jo_raw(o, buf_str(&c->logprobs));
		jo_arr_end(o);
		jo_knull(o, "refusal");
		jo_obj_end(o);
	} else {
		jo_null(o);
	}
	jo_kstr(o, "finish_reason", chat_finish_name(c, h->req));
	jo_obj_end(o);
}

static void put_completion(struct jout *o, const struct chat_head *h, const struct chat_choice *c, size_t n,
			   const struct usage *usage, bool stored)
{
	char fp[16];
	jo_kstr(o, "id", h->id);
	jo_kstr(o, "object", S("chat.completion"));
	jo_kint(o, "created", h->created);
	jo_kstr(o, "model", h->model);
	jo_key(o, S("choices"));
	jo_arr(o);
	for (size_t i = 0; i < n; i++)
		put_choice(o, h, &c[i], stored);
	jo_arr_end(o);
	if (stored)
		put_stored_usage(o, usage);
	else
		put_usage(o, usage);
	jo_kstr(o, "service_tier", S("default"));
	jo_kstr(o, "system_fingerprint", fingerprint(fp, h->model));
	if (h->moderation.n)
		jo_kraw(o, "moderation", h->moderation);
}

void chat_completion_write(struct jout *o, const struct chat_head *h, const struct chat_choice *c, size_t n,
			   const struct usage *usage)
{
	jo_obj(o);
	put_completion(o, h, c, n, usage, false);
	jo_obj_end(o);
}

/* The one that was asked for, else one at random: it is always told. */
static int64_t seed_of(const struct chat_head *h)
{
	yyjson_val *v = json_get(h->req->body, S("seed"));
	int64_t seed;
	if (yyjson_is_int(v))
		return yyjson_get_sint(v);
	randombytes_buf(&seed, sizeof seed);
	return seed;
}

static void put_given(struct jout *o, const struct chat_head *h, struct str key, struct str wire)
{
	yyjson_val *v = json_get(h->req->body, wire);
	jo_key(o, key);
	if (v)
		jo_val(o, v);
	else
		jo_null(o);
}

void chat_stored_write(struct jout *o, const struct chat_head *h, const struct chat_choice *c, size_t n,
		       const struct usage *usage, struct str request_id)
{
	const struct sampling *s = &h->req->prompt.sampling;
	jo_obj(o);
	put_completion(o, h, c, n, usage, true);
	jo_kstr(o, "request_id", request_id);
	put_given(o, h, S("tool_choice"), S("tool_choice"));
	jo_kint(o, "seed", seed_of(h));
	jo_knum(o, "top_p", s->has_top_p ? s->top_p : 1.0);
	jo_knum(o, "temperature", s->has_temperature ? s->temperature : 1.0);
	jo_knum(o, "presence_penalty", s->has_presence_penalty ? s->presence_penalty : 0.0);
	jo_knum(o, "frequency_penalty", s->has_frequency_penalty ? s->frequency_penalty : 0.0);
	put_given(o, h, S("input_user"), S("user"));
	put_given(o, h, S("tools"), S("tools"));
	put_given(o, h, S("response_format"), S("response_format"));
}

/* --- chunks -------------------------------------------------------------------------------------------- */

static void open_chunk(struct jout *o, const struct chat_head *h)
{
	char fp[16];
	jo_obj(o);
	jo_kstr(o, "id", h->id);
	jo_kstr(o, "object", S("chat.completion.chunk"));
	jo_kint(o, "created", h->created);
	jo_kstr(o, "model", h->model);
	jo_kstr(o, "service_tier", S("default"));
	jo_kstr(o, "system_fingerprint", fingerprint(fp, h->model));
	jo_key(o, S("choices"));
	jo_arr(o);
}

static void close_chunk(struct jout *o, const struct chat_head *h)
{
	jo_arr_end(o);
	if (h->req->include_usage)
		jo_knull(o, "usage");
	jo_obj_end(o);
}

static void open_delta(struct jout *o, const struct chat_choice *c)
{
	jo_obj(o);
	jo_kint(o, "index", c->index);
	jo_key(o, S("delta"));
	jo_obj(o);
}

static void close_delta(struct jout *o, struct str logprobs, struct str finish)
{
	jo_obj_end(o);
	put_logprobs(o, logprobs);
	jo_kstr(o, "finish_reason", finish);
	jo_obj_end(o);
}

void chat_chunk_begin(struct jout *o, const struct chat_head *h, const struct chat_choice *c, bool call)
{
	open_chunk(o, h);
	open_delta(o, c);
	jo_kstr(o, "role", S("assistant"));
	jo_kstr(o, "content", call ? (struct str){0} : S(""));
	jo_knull(o, "refusal");
	close_delta(o, h->req->prompt.logprobs ? S("[]") : (struct str){0}, (struct str){0});
	close_chunk(o, h);
}

/* One entry of delta.tool_calls: with id, type and name when it begins. */
static void put_call_piece(struct jout *o, const struct chat_choice *c, const struct model_event *ev, bool functions)
{
	bool begin = ev->kind == ME_CALL_BEGIN;
	const struct chat_call *call = &c->calls[ev->index];
	struct str marks = begin ? ev->marks : ev->kind == ME_MARKS ? ev->text : (struct str){0};
	if (functions) {
		if (ev->index > 0 || ev->kind == ME_MARKS) /* there can be only one; engines may not know */
			return;
		jo_key(o, S("function_call"));
		jo_obj(o);
		if (begin)
			jo_kstr(o, "name", call->name);
		jo_kstr(o, "arguments", begin ? S("") : ev->text);
		jo_obj_end(o);
		return;
	}
	jo_key(o, S("tool_calls"));
	jo_arr(o);
	jo_obj(o);
	jo_kint(o, "index", ev->index);
	if (begin) {
		jo_kstr(o, "id", str_of(call->id));
		jo_kstr(o, "type", call_type(call));
	}
	jo_key(o, call_type(call));
	jo_obj(o);
	if (begin)
		jo_kstr(o, "name", call->name);
	if (ev->kind != ME_MARKS) {
		jo_key(o, call_text(call));
		jo_str(o, begin ? S("") : c->told);
	}
	marks_put(o, marks, MARK_FUNCTION);
	jo_obj_end(o);
	marks_put(o, marks, MARK_CALL);
	jo_obj_end(o);
	jo_arr_end(o);
}

void chat_chunk_event(struct jout *o, const struct chat_head *h, const struct chat_choice *c,
		      const struct model_event *ev, int64_t *delta)
{
	struct str logprobs = {0};
	bool call = ev->kind == ME_CALL_BEGIN || ev->kind == ME_CALL_ARGS || (ev->kind == ME_MARKS && ev->index >= 0);
	*delta = ev->kind == ME_CALL_BEGIN || ev->kind == ME_MARKS ? 0 : (int64_t)c->told.n;
	open_chunk(o, h);
	open_delta(o, c);
	switch (ev->kind) {
	case ME_TEXT:
		jo_kstr(o, "content", ev->text);
		if (h->req->prompt.logprobs)
			logprobs = ev->logprobs.p ? ev->logprobs : S("[]");
		break;
	case ME_REFUSAL:
		jo_kstr(o, "refusal", ev->text);
		break;
	case ME_REASONING:
		jo_kstr(o, "reasoning_content", ev->text);
		break;
	case ME_MARKS:
		marks_put(o, call ? S("") : ev->text, MARK_MESSAGE);
		break;
	case ME_CALL_BEGIN:
	case ME_CALL_ARGS:
		break;
	}
	if (call)
		put_call_piece(o, c, ev, h->req->functions);
	close_delta(o, logprobs, (struct str){0});
	close_chunk(o, h);
}

void chat_chunk_finish(struct jout *o, const struct chat_head *h, const struct chat_choice *c)
{
	open_chunk(o, h);
	open_delta(o, c);
	if (c->notes.n)
		chat_write_put_notes(o, c);
	close_delta(o, (struct str){0}, chat_finish_name(c, h->req));
	close_chunk(o, h);
}

void chat_chunk_moderation(struct jout *o, const struct chat_head *h)
{
	open_chunk(o, h);
	jo_arr_end(o);
	jo_kraw(o, "moderation", h->moderation);
	if (h->req->include_usage)
		jo_knull(o, "usage");
	jo_obj_end(o);
}

void chat_chunk_usage(struct jout *o, const struct chat_head *h, const struct usage *usage)
{
	open_chunk(o, h);
	jo_arr_end(o);
	put_usage(o, usage);
	jo_obj_end(o);
}
