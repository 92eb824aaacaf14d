/* check_engine.c - tries an engine: what can it do, and for whom is that enough? */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engine/dialect.h"
#include "main/check_engine.h"
#include "main/query.h"
#include "net/target.h"
#include "wire/json.h"
#include "wire/sse.h"

enum { CODEX_CONTEXT = 32768, CODEX_SPEED = 10, CALL_MS = 180000, TRIAL_TOKENS = 200, CALLS_MAX = 8 };

struct trial {
	struct check *c;
	const struct trial_target *target;
	struct arena *a;
	struct str base, socket; /* without /v1; socket {0}: by URL */
	struct http_target http; /* where /v1 and the query are */
	struct traits traits;
	struct str model;
	int64_t context; /* tokens; 0: not told */
	double speed;    /* tokens a second */
	bool tools, chat;
};

/* --- calls --- */

/* GET or POST `path`; the answer parsed, or NULL with *e set. */
static yyjson_val *call(struct trial *t, const char *path, struct str body, struct err *e)
{
	struct str url = str_fmt(t->a, "%.*s%.*s", FMT(t->base), FMT(http_target_path(t->a, &t->http, str_of(path))));
	struct query f = {
	    .url = url.p, .socket = t->socket.p, .key = t->target->key, .body = body, .total_ms = CALL_MS};
	yyjson_val *v = NULL;
	bool ok = query_run(&f, e);
	if (ok && f.status != 200)
		ok = fail(e, ERR_ENGINE, NULL, "%.*s", FMT(query_error(t->a, &f)));
	if (ok && !json_parse(t->a, str_copy(t->a, buf_str(&f.out)), &v, e))
		v = NULL;
	query_release(&f);
	return v;
}

/* {"model": ..., "max_tokens": ..., REST}: REST is JSON members. */
static struct str body_of(struct trial *t, const char *rest)
{
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, 1 << 20);
	jo_str(&o, t->model);
	struct str body = str_fmt(t->a,
				  "{\"model\":%.*s,\"%s\":%d,\"temperature\":0,\"stream\":true,"
				  "\"stream_options\":{\"include_usage\":true},%s}",
				  FMT(buf_str(&b)), t->traits.of[TRAIT_LIMIT] == LIMIT_OLD ? "max_tokens" : "max_completion_tokens",
				  TRIAL_TOKENS, rest);
	buf_release(&b);
	return body;
}

/* One streamed answer, put together: streaming is what Antiphon asks of an engine, always. */
struct heard {
	struct trial *t;
	struct sse sse;
	struct err err;
	struct str text;
	struct str names[CALLS_MAX], arguments[CALLS_MAX]; /* of tool calls */
	size_t calls;
	int64_t first_us, last_us, pieces, tokens; /* tokens: as told in usage; 0: not told */
};

static void hear_calls(struct heard *h, yyjson_val *calls)
{
	size_t i, n;
	yyjson_val *one;
	yyjson_arr_foreach(calls, i, n, one)
	{
		yyjson_val *index = json_get(one, S("index")), *f = json_get(one, S("function"));
		uint64_t at = yyjson_is_int(index) ? yyjson_get_uint(index) : i;
		if (at >= CALLS_MAX)
			continue;
		struct str name = json_str(json_get(f, S("name"))), piece = json_str(json_get(f, S("arguments")));
		if (name.n)
			h->names[at] = str_copy(h->t->a, name);
		h->arguments[at] = str_fmt(h->t->a, "%.*s%.*s", FMT(h->arguments[at]), FMT(piece));
		h->calls = at + 1 > h->calls ? at + 1 : h->calls;
	}
}

static bool on_chunk(void *ctx, struct str event, struct str data)
{
	struct heard *h = ctx;
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *v;
	if (json_parse(&a, data, &v, &e)) {
		yyjson_val *delta = json_get(yyjson_arr_get_first(json_get(v, S("choices"))), S("delta"));
		yyjson_val *told = json_get(json_get(v, S("usage")), S("completion_tokens"));
		struct str text = json_str(json_get(delta, S("content")));
		if (text.n || json_str(json_get(delta, S("reasoning_content"))).n) {
			h->last_us = clock_mono_us();
			if (!h->pieces++)
				h->first_us = h->last_us;
		}
		h->text = str_fmt(h->t->a, "%.*s%.*s", FMT(h->text), FMT(text));
		hear_calls(h, json_get(delta, S("tool_calls")));
		if (yyjson_is_int(told))
			h->tokens = yyjson_get_sint(told);
	}
	arena_free(&a);
	return true;
}

static bool check_engine_on_piece(void *ctx, struct str piece)
{
	struct heard *h = ctx;
	return sse_feed(&h->sse, piece, on_chunk, h, &h->err);
}

/* Asks; `rest` is JSON members of the body. */
static bool chat(struct trial *t, const char *rest, struct heard *h, struct err *e)
{
	struct str path = http_target_path(t->a, &t->http, S("/v1/chat/completions"));
	struct str url = str_fmt(t->a, "%.*s%.*s", FMT(t->base), FMT(path));
	struct query f = {.url = url.p,
			  .socket = t->socket.p,
			  .key = t->target->key,
			  .body = body_of(t, rest),
			  .total_ms = CALL_MS,
			  .on_body = check_engine_on_piece,
			  .ctx = h};
	*h = (struct heard){.t = t};
	sse_init(&h->sse, 1 << 20, NULL);
	bool ok = query_run(&f, e);
	if (ok && f.status != 200)
		ok = fail(e, ERR_ENGINE, NULL, "%.*s", FMT(query_error(t->a, &f)));
	if (ok && h->err.code)
		ok = fail(e, ERR_ENGINE, NULL, "%s", h->err.msg);
	if (ok && !h->pieces && !h->calls)
		ok = fail(e, ERR_ENGINE, NULL, "the stream had neither text nor calls");
	sse_release(&h->sse);
	query_release(&f);
	return ok;
}

/* --- the trials --- */

#define WEATHER                                                                                                        \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"The weather in "   \
	"one city "                                                                                                    \
	"now\",\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":["     \
	"\"city\"],"                                                                                                   \
	"\"additionalProperties\":false}}}]"
#define ASK(text) "\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
/* 32 x 32 pixels of red. */
#define RED                                                                                                            \
	"iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAJ0lEQVR42u3NsQkAAAjAsP7/tF7hIASyp6lTCQQCgUAgEAgEgi/BAjLD/"    \
	"C5w/"                                                                                                         \
	"SM9AAAAAElFTkSuQmCC"

/* Calls of get_weather with arguments that are JSON and name a city. */
static size_t good_calls(const struct heard *h)
{
	size_t good = 0;
	for (size_t i = 0; i < h->calls; i++) {
		yyjson_val *v;
		struct err e = {0};
		good += str_eq(h->names[i], S("get_weather")) && json_parse(h->t->a, h->arguments[i], &v, &e) &&
			json_str(json_get(v, S("city"))).n > 0;
	}
	return good;
}

static void try_tools(struct trial *t)
{
	struct err e = {0}, e2 = {0};
	struct heard h;
	bool answered = chat(t, ASK("What is the weather in Paris? Use the tool.") "," WEATHER, &h, &e);
	t->tools = answered && good_calls(&h) > 0;
	if (!answered)
		check_say(t->c, NOTE, "tools", "Antiphon describes the tools itself and constrains the answer",
			  "refused: %s", e.msg);
	else if (!t->tools)
		check_say(t->c, NOTE, "tools", "Antiphon describes the tools itself and constrains the answer",
			  "given, but the model did not call (its template may know no tools)");
	else
		check_say(t->c, FINE, "tools", NULL, "called, with arguments that fit");
	if (!t->tools)
		return;
	bool two = chat(t, ASK("What is the weather in Paris and in Rome? Call the tool for both at once.") "," WEATHER,
			&h, &e2);
	size_t n = two ? good_calls(&h) : 0;
	check_say(t->c, n > 1 ? FINE : NOTE, "parallel calls", "agents then take one more round a call",
		  "%zu of 2 at once", n);
}

static void try_schema(struct trial *t)
{
	struct err e = {0}, bad = {0};
	struct heard h;
	yyjson_val *v;
	bool answered =
	    chat(t,
		 ASK("How many legs has a spider?") ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
						    "\"name\":\"legs\",\"strict\":true,\"schema\":{\"type\":\"object\","
						    "\"properties\":{\"legs\":{\"type\":"
						    "\"integer\"}},\"required\":[\"legs\"],\"additionalProperties\":"
						    "false}}}",
		 &h, &e);
	bool fits = answered && json_parse(t->a, h.text, &v, &bad) && yyjson_is_obj(v) && yyjson_obj_size(v) == 1 &&
		    yyjson_is_int(json_get(v, S("legs")));
	check_say(t->c, fits ? FINE : NOTE, "JSON schema",
		  "give this engine `schema: prompt`: asked for in the prompt and checked", "%s",
		  fits       ? "kept"
		  : answered ? "not kept"
			     : e.msg);
}

static bool says_red(struct str s)
{
	for (size_t i = 0; i + 3 <= s.n; i++)
		if (str_eq_nocase((struct str){s.p + i, 3}, S("red")))
			return true;
	return false;
}

static void try_vision(struct trial *t)
{
	struct err e = {0};
	struct heard h;
	bool answered =
	    chat(t,
		 "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What colour is this "
		 "picture? One word.\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64," RED
		 "\"}}]}]",
		 &h, &e);
	bool sees = answered && says_red(h.text);
	check_say(t->c, sees ? FINE : NOTE, "vision", "requests with images are refused by name for this model", "%s",
		  sees       ? "sees"
		  : answered ? "takes images, but did not see that one is red"
			     : "none");
}

static void try_speed(struct trial *t)
{
	struct heard h;
	struct err e = {0};
	int64_t began = clock_mono_us();
	t->chat = chat(t, ASK("Write a short story about a lighthouse."), &h, &e);
	if (!t->chat) {
		check_say(t->c, BAD, "chat", "is it a server for Chat Completions, and the model loaded?", "%s", e.msg);
		return;
	}
	int64_t n = h.tokens ? h.tokens : h.pieces;
	if (n > 1 && h.last_us > h.first_us)
		t->speed = (double)(n - 1) * 1e6 / (double)(h.last_us - h.first_us);
	check_say(t->c, FINE, "chat", NULL, "streams; first word after %.2f s, then %.0f tokens a second%s",
		  (double)(h.first_us - began) / 1e6, t->speed, h.tokens ? "" : " (usage not told: Antiphon counts)");
}

/* As engine.c will find it; what the settings say is not known here. */
static void find_dialect(struct trial *t, yyjson_val *models)
{
	enum dialect d = dialect_of_host(t->http.host);
	if (d == DIALECT_GENERIC)
		d = dialect_of_owner(json_str(json_get(yyjson_arr_get_first(models), S("owned_by"))));
	t->traits = dialect_traits(d);
	check_say(t->c, FINE, "dialect", NULL, "%.*s: %.*s", FMT(dialect_name(d)), FMT(traits_text(t->a, &t->traits)));
}

static bool find_model(struct trial *t)
{
	struct err e = {0};
	yyjson_val *v = call(t, "/v1/models", (struct str){0}, &e), *data = v ? json_get(v, S("data")) : NULL, *m;
	size_t i, n;
	if (!v) {
		check_say(t->c, BAD, "models", "start it, or correct the URL (and engine.key, if it wants one)", "%s",
			  e.msg);
		return false;
	}
	t->model =
	    t->target->model ? str_of(t->target->model) : json_str(json_get(yyjson_arr_get_first(data), S("id")));
	if (!t->model.n) {
		check_say(t->c, BAD, "models", "load one in the engine", "none");
		return false;
	}
	check_say(t->c, FINE, "models", NULL, "%zu; trying %.*s", yyjson_arr_size(data), FMT(t->model));
	find_dialect(t, data);
	yyjson_arr_foreach(data, i, n, m) if (str_eq(json_str(json_get(m, S("id"))), t->model))
	{
		t->context = yyjson_get_sint(json_get(m, S("max_model_len"))); /* vLLM, SGLang */
		if (!t->context)
			t->context = yyjson_get_sint(json_get(m, S("context_length"))); /* several clouds */
	}
	return true;
}

static void find_context(struct trial *t)
{
	struct err e = {0};
	yyjson_val *v = t->context ? NULL : call(t, "/props", (struct str){0}, &e); /* llama.cpp */
	if (v)
		t->context = yyjson_get_sint(json_get(json_get(v, S("default_generation_settings")), S("n_ctx")));
	if (t->context)
		check_say(t->c, FINE, "context", NULL, "%lld tokens", (long long)t->context);
	else
		check_say(t->c, NOTE, "context", "a prompt that is too long is noticed by the engine only", "not told");
}

static void verdict(struct trial *t)
{
	if (!t->chat) {
		printf("Verdict: not usable.\n");
		return;
	}
	if (!t->target->codex) {
		printf("Verdict: usable: antiphon serve --engine %.*s\n", FMT(t->target->url));
		return;
	}
	if (t->context && t->context < CODEX_CONTEXT)
		check_say(t->c, BAD, "for Codex", "start the engine with a larger context (llama-server -c 65536)",
			  "its instructions and tools alone take 15,000 tokens: %d are wanted, %lld are there",
			  CODEX_CONTEXT, (long long)t->context);
	if (!t->tools)
		check_say(t->c, BAD, "for Codex", "take a model that is trained to call tools",
			  "every step of Codex is a tool call");
	if (t->speed > 0 && t->speed < CODEX_SPEED)
		check_say(t->c, NOTE, "for Codex", "a smaller model or a GPU",
			  "%.0f tokens a second: expect minutes a step", t->speed);
	printf("Verdict: %s for Codex.\n", t->c->bad ? "not enough" : "enough");
}

void check_engine(struct check *c, const struct trial_target *target)
{
	struct arena a = {0};
	struct trial t = {.c = c, .target = target, .a = &a, .base = target->url};
	if (str_starts(t.base, S("unix:"))) {
		t.socket = str_copy(&a, (struct str){t.base.p + 5, t.base.n - 5});
		t.base = S("http://localhost");
	}
	struct err bad = {0};
	if (!http_target_parse(&a, target->url, &t.http, &bad)) {
		check_say(c, BAD, "URL", "correct it", "%s", bad.msg);
		arena_free(&a);
		return;
	}
	t.base = str_cut(&t.base, '?');
	while (t.base.n && t.base.p[t.base.n - 1] == '/')
		t.base.n--;
	if (t.base.n > 3 && !memcmp(t.base.p + t.base.n - 3, "/v1", 3))
		t.base.n -= 3;
	printf("%.*s\n", FMT(target->url));
	if (find_model(&t)) {
		find_context(&t);
		try_speed(&t);
		if (t.chat) {
			try_tools(&t);
			try_schema(&t);
			try_vision(&t);
		}
		verdict(&t);
	}
	arena_free(&a);
}
