/* chat_web.c - chat completions that search the web: the response that makes one, and its events. */
#include "chat/chat_web.h"

#include "chat/chat_reader.h"
#include "chat/chat_tools.h"
#include "chat/chat_web_ask.h"

enum { EVENT_SLACK = 1 << 20 }; /* bytes of an event beside the texts of the answer */

/* --- what the response says --------------------------------------------------------------------------------------- */

static void web_tell(struct chat_web *w, const struct model_event *me)
{
	if (!w->error.code)
		w->on_event(w, me);
}

static void web_on_text(struct chat_web *w, yyjson_val *ev)
{
	struct arena a = {0};
	yyjson_val *logprobs = json_get(ev, S("logprobs"));
	struct model_event me = {.kind = ME_TEXT, .text = json_str(json_get(ev, S("delta")))};
	if (yyjson_arr_size(logprobs))
		me.logprobs = json_text(&a, logprobs);
	web_tell(w, &me);
	arena_free(&a);
}

static void web_on_refusal(struct chat_web *w, yyjson_val *ev)
{
	web_tell(w, &(struct model_event){.kind = ME_REFUSAL, .text = json_str(json_get(ev, S("delta")))});
}

static void web_on_thoughts(struct chat_web *w, yyjson_val *ev)
{
	web_tell(w, &(struct model_event){.kind = ME_REASONING, .text = json_str(json_get(ev, S("delta")))});
}

/* A message behind another is a paragraph of the one that a completion has. */
static void web_on_part(struct chat_web *w, yyjson_val *ev)
{
	if (!str_eq(json_str(json_get(json_get(ev, S("part")), S("type"))), S("output_text")))
		return;
	if (w->choice->text.n)
		web_tell(w, &(struct model_event){.kind = ME_TEXT, .text = S("\n\n")});
	w->said = str_chars(buf_str(&w->choice->text));
}

static void web_on_note(struct chat_web *w, yyjson_val *ev)
{
	yyjson_val *note = json_get(ev, S("annotation"));
	struct jout o = {.b = &w->choice->notes, .comma = w->choice->notes.n};
	if (!str_eq(json_str(json_get(note, S("type"))), S("url_citation")))
		return;
	jo_obj(&o);
	jo_kstr(&o, "type", S("url_citation"));
	jo_key(&o, S("url_citation"));
	jo_obj(&o);
	jo_kint(&o, "end_index", (int64_t)w->said + yyjson_get_sint(json_get(note, S("end_index"))));
	jo_kint(&o, "start_index", (int64_t)w->said + yyjson_get_sint(json_get(note, S("start_index"))));
	jo_member_or_null(&o, note, S("title"));
	jo_member_or_null(&o, note, S("url"));
	jo_obj_end(&o);
	jo_obj_end(&o);
	if (w->choice->notes.over)
		fail(&w->error, ERR_ENGINE, NULL, "The answer's annotations are longer than %zu bytes.", w->choice->max);
}

static bool web_is_call(struct str type, enum call_kind *kind)
{
	*kind = str_eq(type, S("custom_tool_call")) ? CALL_CUSTOM : CALL_FUNCTION;
	return *kind == CALL_CUSTOM || str_eq(type, S("function_call"));
}

static void web_on_added(struct chat_web *w, yyjson_val *ev)
{
	yyjson_val *item = json_get(ev, S("item"));
	enum call_kind kind;
	if (!web_is_call(json_str(json_get(item, S("type"))), &kind))
		return;
	w->call_at = yyjson_get_sint(json_get(ev, S("output_index")));
	web_tell(w, &(struct model_event){.kind = ME_CALL_BEGIN,
					  .index = w->calls++,
					  .name = chat_call_name(w->prompt, kind, json_str(json_get(item, S("name")))),
					  .call_id = json_str(json_get(item, S("call_id")))});
}

static void web_on_arguments(struct chat_web *w, yyjson_val *ev)
{
	if (w->calls && yyjson_get_sint(json_get(ev, S("output_index"))) == w->call_at)
		web_tell(w, &(struct model_event){.kind = ME_CALL_ARGS, .index = w->calls - 1, .text = json_str(json_get(ev, S("delta")))});
}

/* The input of a custom tool, as an engine would have written it: a choice reads it from there. */
static void web_on_done(struct chat_web *w, yyjson_val *ev)
{
	struct arena a = {0};
	yyjson_val *item = json_get(ev, S("item"));
	if (str_eq(json_str(json_get(item, S("type"))), S("custom_tool_call")) && w->calls)
		web_tell(w, &(struct model_event){.kind = ME_CALL_ARGS, .index = w->calls - 1, .text = call_rows[CALL_CUSTOM].arguments(&a, item)});
	arena_free(&a);
}

/* --- its end ------------------------------------------------------------------------------------------------------ */

/* The kind of failure that was told by its code, and by its status, if it had one. */
static enum err_code web_error_code(int status, struct str code)
{
	for (enum err_code i = ERR_NONE + 1; code.n && i < ERR_COUNT; i++)
		if (err_rows[i].code && str_eq(str_of(err_rows[i].code), code) && (!status || status == err_rows[i].status) &&
		    !str_eq(code, S("server_error")))
			return i;
	return status == 429                   ? ERR_BUSY
	       : status == 503                 ? ERR_UNAVAILABLE
	       : status >= 400 && status < 500 ? ERR_BAD_REQUEST
					       : ERR_ENGINE;
}

/* What a member of the other request is called in this one. */
static const char *web_param(struct str param)
{
	static const struct {
		struct str theirs;
		const char *ours;
	} rows[] = {
	    {STR("input"), "messages"},
	    {STR("text.format"), "response_format"},
	    {STR("text.verbosity"), "verbosity"},
	    {STR("max_output_tokens"), "max_completion_tokens"},
	    {STR("reasoning.effort"), "reasoning_effort"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (str_starts(param, rows[i].theirs))
			return rows[i].ours;
	return param.n ? param.p : NULL;
}

static void web_fail(struct chat_web *w, int status, yyjson_val *error)
{
	struct str message = json_str(json_get(error, S("message")));
	struct err e = {0};
	fail(&e, web_error_code(status, json_str(json_get(error, S("code")))), web_param(json_str(json_get(error, S("param")))), "%.*s",
	     FMT(message.n ? message : S("The search was cut off.")));
	if (!w->error.code)
		w->error = e;
	w->ended = true;
}

static void web_on_failed(struct chat_web *w, yyjson_val *ev)
{
	web_fail(w, 0, json_get(json_get(ev, S("response")), S("error")));
}

static void web_on_error(struct chat_web *w, yyjson_val *ev)
{
	web_fail(w, 0, json_get(ev, S("error")));
}

static void web_on_end(struct chat_web *w, yyjson_val *ev)
{
	yyjson_val *response = json_get(ev, S("response")), *u = json_get(response, S("usage"));
	struct str why = json_str(json_get(json_get(response, S("incomplete_details")), S("reason")));
	w->usage.input = yyjson_get_sint(json_get(u, S("input_tokens")));
	w->usage.output = yyjson_get_sint(json_get(u, S("output_tokens")));
	w->usage.cached = yyjson_get_sint(json_get(json_get(u, S("input_tokens_details")), S("cached_tokens")));
	w->usage.reasoning = yyjson_get_sint(json_get(json_get(u, S("output_tokens_details")), S("reasoning_tokens")));
	w->model = str_copy(w->a, json_str(json_get(response, S("model"))));
	w->finish = str_eq(why, S("content_filter")) ? FINISH_FILTER
		    : why.n                          ? FINISH_LENGTH
		    : w->calls                       ? FINISH_CALLS
						     : FINISH_STOP;
	w->ended = true;
}

/* --- the stream --------------------------------------------------------------------------------------------------- */

static bool web_emit(void *ctx, struct str name, struct str data)
{
	static const struct {
		struct str name;
		void (*take)(struct chat_web *, yyjson_val *ev);
	} rows[] = {
	    {STR("response.output_text.delta"), web_on_text},
	    {STR("response.output_text.annotation.added"), web_on_note},
	    {STR("response.content_part.added"), web_on_part},
	    {STR("response.refusal.delta"), web_on_refusal},
	    {STR("response.reasoning_text.delta"), web_on_thoughts},
	    {STR("response.output_item.added"), web_on_added},
	    {STR("response.output_item.done"), web_on_done},
	    {STR("response.function_call_arguments.delta"), web_on_arguments},
	    {STR("response.completed"), web_on_end},
	    {STR("response.incomplete"), web_on_end},
	    {STR("response.failed"), web_on_failed},
	    {STR("error"), web_on_error},
	};
	struct chat_web *w = ctx;
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *ev;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!str_eq(name, rows[i].name) || !json_parse(&a, str_copy(&a, data), &ev, &e))
			continue;
		rows[i].take(w, ev);
		break;
	}
	arena_free(&a);
	return !w->ended;
}

static void web_on_piece(struct inner *in, struct str bytes)
{
	struct chat_web *w = OWNER(in, struct chat_web, inner);
	if (!w->ended && !sse_feed(&w->sse, bytes, web_emit, w, &w->error))
		w->ended = true;
}

static void web_on_answer(struct inner *in, const struct inner_answer *got)
{
	struct chat_web *w = OWNER(in, struct chat_web, inner);
	struct arena a = {0};
	struct err none = {0};
	yyjson_val *body = NULL;
	web_on_piece(in, got->status == 200 ? got->body : S(""));
	if (!w->ended) {
		json_parse(&a, str_copy(&a, got->status ? got->body : S("null")), &body, &none);
		web_fail(w, got->status, json_get(body, S("error")));
	}
	arena_free(&a);
	sse_release(&w->sse);
	w->on_end(w, &w->error);
}

void chat_web_start(struct chat_web *w, struct api_loop *al, struct arena *a, const struct chat_create *req, const char *const *pass,
		    const struct own_ask *ask)
{
	struct own_ask own = *ask;
	w->a = a;
	w->prompt = &req->prompt;
	w->inner.done = web_on_answer;
	w->inner.piece = web_on_piece;
	sse_init(&w->sse, own.most + EVENT_SLACK, NULL);
	w->sse.sender = "the server";
	own.path = S("/v1/responses");
	own.route = al->api->route(METHOD_POST, own.path);
	own.body = chat_web_ask(a, req, pass);
	own_start(&w->inner, al, &own);
}

void chat_web_hold(struct chat_web *w, bool hold)
{
	inner_hold(&w->inner, hold);
}

void chat_web_cancel(struct chat_web *w)
{
	if (w->inner.at)
		sse_release(&w->sse);
	inner_cancel(&w->inner);
}
