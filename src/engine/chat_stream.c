/* chat_stream.c - a streamed Chat Completions answer as model events.
 *
 * Engines differ in how they send calls, so a piece belongs to a call by these rules: pieces that have an
 * index go by it, others by their id, others to the last call; but a piece that brings a name starts a new
 * call when its id is another one, or when the call's arguments are complete. */
#include <string.h>

#include "engine/chat.h"
#include "engine/forced.h"
#include "wire/fields.h"
#include "wire/sse.h"

enum {
	EVENT_MAX = 1 << 20, /* bytes of one line and of one event */
	CALLS_MAX = 128,
	LEVELS = 8,           /* of content within content */
	TOKENS_MAX = 1 << 30, /* of a call; what an engine tells beyond is nonsense, and sums must not overflow */
};

struct stream_call {
	int64_t index; /* the engine's own; -1 none */
	struct str id, name;
	struct buf held; /* arguments that came before the name */
	int depth;
	bool in_string, escaped;
	bool begun;    /* ME_CALL_BEGIN is out */
	bool any;      /* some argument bytes came */
	bool complete; /* the arguments' last bracket is closed */
};

struct chat_stream {
	struct arena *a;
	const struct prompt *p;
	struct str model;
	void (*emit)(void *ctx, const struct model_event *);
	void *ctx;
	struct sse sse;
	struct err err; /* of the event in work */
	void *pool;     /* the parser's memory, used anew for each event; NULL between two reads: thousands wait at a time */
	size_t pool_size;
	struct forced_set set; /* n 0: tools are not forced */
	struct forced forced;
	struct grammar_reply written; /* tool NULL: the text is text */
	struct stream_call *calls;
	int n_calls, cap_calls, last;
	struct usage usage;
	bool has_usage, told_reasoning;
	int thoughts; /* the member that they came in: THOUGHTS_* (dialect.h); THOUGHTS_SAME: none yet */
	int64_t deltas, reasoning_deltas; /* events with text of any kind; with reasoning */
	enum finish finish;
	bool finished, done; /* finish_reason came; [DONE] came */
};

static void stream_release(void *obj)
{
	struct chat_stream *s = obj;
	sse_release(&s->sse);
	xfree(s->pool);
	for (int i = 0; i < s->n_calls; i++)
		buf_release(&s->calls[i].held);
	if (s->set.n)
		forced_release(&s->forced);
}

struct chat_stream *chat_stream_new(struct arena *a, const struct prompt *p, const struct chat_options *o,
				    void (*emit)(void *ctx, const struct model_event *), void *ctx)
{
	struct chat_stream *s = new (a, struct chat_stream);
	*s = (struct chat_stream){.a = a, .p = p, .model = o->model, .emit = emit, .ctx = ctx};
	sse_init(&s->sse, EVENT_MAX);
	struct str gbnf;
	s->written = (struct grammar_reply){.tool = grammar_tool(a, o->caps->grammar, p, &gbnf), .emit = emit, .ctx = ctx};
	if (!s->written.tool)
		s->set = forced_choose(a, o, p);
	if (s->set.n)
		forced_init(&s->forced, a, &s->set, emit, ctx);
	arena_defer(a, stream_release, s);
	return s;
}

/* --- text ----------------------------------------------------------------------------------------------- */

/* -Infinity, which JSON does not have, stands where a probability is zero. */
static double log_of(yyjson_val *v)
{
	double d = yyjson_get_num(v);
	return d > -9999.0 ? d : -9999.0;
}

static void put_logprob(struct jout *o, yyjson_val *v, bool with_top)
{
	yyjson_val *bytes = json_get(v, S("bytes")), *top, *val;
	struct str token = json_str(json_get(v, S("token")));
	size_t i, max;
	jo_obj(o);
	jo_kstr(o, "token", token.p ? token : S(""));
	jo_key(o, S("bytes"));
	jo_arr(o);
	yyjson_arr_foreach(bytes, i, max, val) jo_int(o, yyjson_get_int(val) & 0xff);
	for (size_t k = 0; !bytes && k < token.n; k++)
		jo_int(o, (unsigned char)token.p[k]);
	jo_arr_end(o);
	jo_knum(o, "logprob", log_of(json_get(v, S("logprob"))));
	if (with_top) {
		jo_key(o, S("top_logprobs"));
		jo_arr(o);
		top = json_get(v, S("top_logprobs"));
		yyjson_arr_foreach(top, i, max, val) put_logprob(o, val, false);
		jo_arr_end(o);
	}
	jo_obj_end(o);
}

static void emit_text(struct chat_stream *s, enum model_event_kind kind, struct str text, yyjson_val *logprobs)
{
	struct model_event ev = {.kind = kind, .text = text};
	struct buf b;
	size_t i, max;
	yyjson_val *val;
	s->deltas += text.n != 0;
	s->reasoning_deltas += text.n && kind == ME_REASONING;
	if (s->written.tool && kind == ME_TEXT) {
		grammar_reply_feed(&s->written, text);
		return;
	}
	if (s->set.n && kind == ME_TEXT) {
		forced_feed(&s->forced, text, &s->err);
		return;
	}
	if (!yyjson_arr_size(logprobs)) {
		if (text.n)
			s->emit(s->ctx, &ev);
		return;
	}
	buf_init(&b, EVENT_MAX * 2);
	struct jout o = {.b = &b};
	jo_arr(&o);
	yyjson_arr_foreach(logprobs, i, max, val) put_logprob(&o, val, true);
	jo_arr_end(&o);
	if (!b.over)
		ev.logprobs = buf_str(&b);
	if (text.p)
		s->emit(s->ctx, &ev);
	buf_release(&b);
}

/* Content is a string, or a list of parts: text, thinking (itself a list), refusal. */
static void take_content(struct chat_stream *s, enum model_event_kind kind, yyjson_val *v, yyjson_val *logprobs,
			 int level)
{
	size_t i, max;
	yyjson_val *part;
	if (yyjson_is_str(v)) {
		emit_text(s, kind, json_str(v), logprobs);
		return;
	}
	if (v && !yyjson_is_null(v) && !yyjson_is_arr(v) && kind != ME_REASONING)
		fail(&s->err, ERR_ENGINE, NULL, "The engine sent %s where text belongs.", json_kind_name(v));
	if (level == LEVELS)
		return;
	yyjson_arr_foreach(v, i, max, part)
	{
		yyjson_val *thinking = json_get(part, S("thinking")), *text = json_get(part, S("text"));
		if (thinking)
			take_content(s, ME_REASONING, thinking, NULL, level + 1);
		else
			take_content(s, kind, text ? text : json_get(part, S("refusal")), logprobs, level + 1);
	}
}

/* --- calls ---------------------------------------------------------------------------------------------- */

static void emit_args(struct chat_stream *s, int at, struct str text)
{
	struct model_event ev = {.kind = ME_CALL_ARGS, .index = at, .text = text};
	if (text.n)
		s->emit(s->ctx, &ev);
}

/* parallel_tool_calls: false yields one call at most (decision D1). */
static bool wanted(const struct chat_stream *s, int at)
{
	return at == 0 || s->p->parallel;
}

static void begin_call(struct chat_stream *s, int at)
{
	struct stream_call *c = &s->calls[at];
	struct model_event ev = {.kind = ME_CALL_BEGIN, .index = at, .name = c->name, .call_id = c->id};
	c->begun = true;
	if (!wanted(s, at))
		return;
	s->emit(s->ctx, &ev);
	emit_args(s, at, buf_str(&c->held));
	buf_release(&c->held);
}

static void follow(struct stream_call *c, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char x = text.p[i];
		if (c->escaped)
			c->escaped = false;
		else if (c->in_string && x == '\\')
			c->escaped = true;
		else if (x == '"')
			c->in_string = !c->in_string;
		else if (!c->in_string && (x == '{' || x == '['))
			c->depth++;
		else if (!c->in_string && (x == '}' || x == ']'))
			c->complete |= --c->depth <= 0;
	}
	c->any |= text.n != 0;
}

static void add_args(struct chat_stream *s, int at, struct str text)
{
	struct stream_call *c = &s->calls[at];
	follow(c, text);
	if (!c->begun) {
		buf_add(&c->held, text);
		if (c->held.over)
			fail(&s->err, ERR_ENGINE, NULL, "The engine sent a function call without a name.");
	} else if (wanted(s, at)) {
		emit_args(s, at, text);
	}
}

/* The call that a piece goes on with, or -1: it starts one. */
static int call_of(const struct chat_stream *s, int64_t index, struct str id, struct str name)
{
	int at = index < 0 && s->n_calls ? s->last : -1;
	for (int i = s->n_calls - 1; i >= 0; i--) {
		const struct stream_call *c = &s->calls[i];
		if (index >= 0 ? c->index == index : id.n && str_eq(c->id, id)) {
			at = i;
			break;
		}
	}
	if (at < 0 || !name.n)
		return at;
	const struct stream_call *c = &s->calls[at];
	if (id.n && c->id.n && !str_eq(id, c->id))
		return -1;
	if (c->complete && (index < 0 || !id.n))
		return -1;
	return at;
}

static int new_call(struct chat_stream *s, int64_t index)
{
	if (s->n_calls == CALLS_MAX) {
		fail(&s->err, ERR_ENGINE, NULL, "The engine made more than %d function calls at once.", CALLS_MAX);
		return -1;
	}
	if (s->n_calls == s->cap_calls) {
		int cap = s->cap_calls ? s->cap_calls * 2 : 4;
		struct stream_call *more = new_array(s->a, struct stream_call, (size_t)cap);
		if (s->n_calls)
			memcpy(more, s->calls, (size_t)s->n_calls * sizeof *more);
		s->calls = more;
		s->cap_calls = cap;
	}
	s->calls[s->n_calls].index = index;
	buf_init(&s->calls[s->n_calls].held, EVENT_MAX);
	return s->n_calls++;
}

static void *house_malloc(void *ctx, size_t n)
{
	return xrealloc(NULL, n);
}

static void *house_realloc(void *ctx, void *p, size_t old, size_t n)
{
	return xrealloc(p, n);
}

static void house_free(void *ctx, void *p)
{
	xfree(p);
}

/* A value rendered back; the caller frees it. yyjson's writer does not recurse, so the depth that an engine
 * chooses is no matter (jo_val() trusts json_parse() for that). */
static char *render(yyjson_val *v, size_t *n)
{
	const yyjson_alc house = {house_malloc, house_realloc, house_free, NULL};
	const yyjson_write_flag flags = YYJSON_WRITE_ALLOW_INVALID_UNICODE | YYJSON_WRITE_INF_AND_NAN_AS_NULL;
	return yyjson_val_write_opts(v, flags, &house, n, NULL);
}

/* Ollama and others send the arguments as an object. */
static void take_arguments(struct chat_stream *s, int at, yyjson_val *v)
{
	size_t n = 0;
	if (yyjson_is_str(v)) {
		add_args(s, at, json_str(v));
	} else if (yyjson_is_obj(v)) {
		char *text = render(v, &n);
		add_args(s, at, (struct str){text, n});
		xfree(text);
	}
}

static void take_call(struct chat_stream *s, yyjson_val *piece, yyjson_val *function)
{
	yyjson_val *index_val = json_get(piece, S("index"));
	int64_t index = yyjson_is_int(index_val) ? yyjson_get_sint(index_val) : -1;
	struct str id = json_str(json_get(piece, S("id"))), name = json_str(json_get(function, S("name")));
	int at = call_of(s, index, id, name);
	if (at < 0 && (at = new_call(s, index)) < 0)
		return;
	struct stream_call *c = &s->calls[at];
	s->last = at;
	s->deltas++;
	if (!c->id.n && id.n)
		c->id = str_copy(s->a, id);
	if (!c->name.n && name.n)
		c->name = str_copy(s->a, name);
	if (c->name.n && !c->begun)
		begin_call(s, at);
	take_arguments(s, at, json_get(function, S("arguments")));
}

/* --- chunks --------------------------------------------------------------------------------------------- */

static const struct finish_row {
	struct str reason;
	enum finish finish;
} finish_rows[] = {
    {STR("stop"), FINISH_STOP},           {STR("length"), FINISH_LENGTH},       {STR("max_tokens"), FINISH_LENGTH},
    {STR("tool_calls"), FINISH_CALLS},    {STR("function_call"), FINISH_CALLS}, {STR("content_filter"), FINISH_FILTER},
    {STR("model_length"), FINISH_LENGTH},
};

static void take_finish(struct chat_stream *s, struct str reason)
{
	if (!reason.n)
		return;
	if (str_eq(reason, S("error")) || str_eq(reason, S("abort"))) {
		fail(&s->err, ERR_ENGINE, NULL, "The engine gave up in the middle of its answer.");
		return;
	}
	s->finished = true;
	s->finish = FINISH_STOP; /* "eos" and whatever engines think of */
	for (size_t i = 0; i < sizeof finish_rows / sizeof *finish_rows; i++)
		if (str_eq(reason, finish_rows[i].reason))
			s->finish = finish_rows[i].finish;
}

static int64_t count(yyjson_val *v)
{
	int64_t n = yyjson_is_real(v) ? 0 : yyjson_get_sint(v);
	return n < 0 ? 0 : n < TOKENS_MAX ? n : TOKENS_MAX;
}

/* Engines that report in every chunk report sums, so the last one counts. */
static void take_usage(struct chat_stream *s, yyjson_val *v)
{
	yyjson_val *in = json_get(v, S("prompt_tokens_details")), *out = json_get(v, S("completion_tokens_details"));
	if (!yyjson_is_obj(v))
		return;
	s->has_usage = true;
	s->usage.input = count(json_get(v, S("prompt_tokens")));
	s->usage.output = count(json_get(v, S("completion_tokens")));
	s->usage.cached = count(json_get(in, S("cached_tokens")));
	if (yyjson_is_num(json_get(out, S("reasoning_tokens")))) {
		s->told_reasoning = true;
		s->usage.reasoning = count(json_get(out, S("reasoning_tokens")));
	}
}

static void take_thoughts(struct chat_stream *s, int member, yyjson_val *v)
{
	if (json_str(v).n || yyjson_arr_size(v))
		s->thoughts = member;
	take_content(s, ME_REASONING, v, NULL, 0);
}

static void take_delta(struct chat_stream *s, yyjson_val *delta, yyjson_val *logprobs)
{
	size_t i, max, k, n;
	yyjson_val *key, *val, *piece;
	yyjson_obj_foreach(delta, i, max, key, val)
	{
		struct str name = json_str(key);
		if (yyjson_is_null(val))
			continue;
		if (str_eq(name, S("content")))
			take_content(s, ME_TEXT, val, json_get(logprobs, S("content")), 0);
		else if (str_eq(name, S("refusal")))
			take_content(s, ME_REFUSAL, val, NULL, 0);
		else if (str_eq(name, S("reasoning_content")))
			take_thoughts(s, THOUGHTS_CONTENT, val);
		else if (str_eq(name, S("reasoning")) && !json_str(json_get(delta, S("reasoning_content"))).n)
			take_thoughts(s, THOUGHTS_REASONING, val);
		else if (str_eq(name, S("function_call")))
			take_call(s, val, val);
		else if (str_eq(name, S("tool_calls"))) {
			yyjson_arr_foreach(val, k, n, piece) take_call(s, piece, json_get(piece, S("function")));
		}
	}
}

static void take_choice(struct chat_stream *s, yyjson_val *choice)
{
	yyjson_val *delta = json_get(choice, S("delta"));
	if (yyjson_get_sint(json_get(choice, S("index"))) != 0)
		return;
	if (!yyjson_is_obj(delta))
		delta = json_get(choice, S("message")); /* a whole answer in one chunk */
	take_delta(s, delta, json_get(choice, S("logprobs")));
	take_finish(s, json_str(json_get(choice, S("finish_reason"))));
}

static void take_error(struct chat_stream *s, yyjson_val *root)
{
	yyjson_val *error = json_get(root, S("error")), *code = json_get(error, S("code"));
	struct engine_model m = {.name = s->model};
	size_t n = 0;
	char *body = render(root, &n);
	int64_t status = yyjson_is_int(code) ? yyjson_get_sint(code) : 500;
	chat_error(status >= 400 && status < 600 ? (int)status : 500, (struct str){body, n}, &m, &s->err);
	xfree(body);
}

static void take_chunk(struct chat_stream *s, yyjson_val *root, struct str event)
{
	yyjson_val *choices = json_get(root, S("choices")), *error = json_get(root, S("error")), *val;
	size_t i, max;
	if ((error && !yyjson_is_null(error)) || (str_eq(event, S("error")) && !choices)) {
		take_error(s, root);
		return;
	}
	if (!yyjson_is_obj(root) || (choices && !yyjson_is_arr(choices) && !yyjson_is_null(choices))) {
		fail(&s->err, ERR_ENGINE, NULL, "The engine's stream is not that of Chat Completions.");
		return;
	}
	yyjson_arr_foreach(choices, i, max, val) take_choice(s, val);
	take_usage(s, json_get(root, S("usage")));
}

/* One event's document lives in the pool until the next event. */
static yyjson_doc *parse(struct chat_stream *s, struct str data)
{
	const yyjson_read_flag flags = YYJSON_READ_ALLOW_INVALID_UNICODE | YYJSON_READ_ALLOW_INF_AND_NAN;
	size_t need = yyjson_read_max_memory_usage(data.n, flags);
	yyjson_alc alc;
	if (need > s->pool_size) {
		xfree(s->pool);
		s->pool_size = need < 4096 ? 4096 : need * 2;
		s->pool = xrealloc(NULL, s->pool_size);
	}
	yyjson_alc_pool_init(&alc, s->pool, s->pool_size);
	return yyjson_read_opts((char *)(uintptr_t)data.p, data.n, flags, &alc, NULL);
}

static bool on_event(void *ctx, struct str event, struct str data)
{
	struct chat_stream *s = ctx;
	data = str_trim(data);
	if (str_eq(data, S("[DONE]"))) {
		s->done = true;
		return false;
	}
	if (!data.n)
		return true;
	yyjson_doc *doc = parse(s, data);
	if (doc)
		take_chunk(s, yyjson_doc_get_root(doc), event);
	else
		fail(&s->err, ERR_ENGINE, NULL, "The engine sent something in its stream that is not JSON.");
	return s->err.code == ERR_NONE;
}

static bool feed(struct chat_stream *s, struct str bytes, struct err *e)
{
	bool ok = sse_feed(&s->sse, bytes, on_event, s, e);
	xfree(s->pool);
	s->pool = NULL;
	s->pool_size = 0;
	return ok;
}

bool chat_stream_feed(struct chat_stream *s, struct str bytes, struct err *e)
{
	if (s->done)
		return true;
	if (!feed(s, bytes, e))
		return false;
	if (s->err.code == ERR_NONE)
		return true;
	s->err.retry_after_ms = 0;
	*e = e->code == ERR_NONE ? s->err : *e;
	return false;
}

int chat_stream_thoughts(const struct chat_stream *s)
{
	return s->thoughts;
}

/* --- the end -------------------------------------------------------------------------------------------- */

/* A call whose name never came is that of the only function there is; arguments that never came are none. */
static bool finish_calls(struct chat_stream *s, struct err *e)
{
	bool cut = s->finish == FINISH_LENGTH;
	for (int i = 0; i < s->n_calls && !cut; i++) {
		struct stream_call *c = &s->calls[i];
		if (!c->begun && s->p->n_tools != 1)
			return fail(e, ERR_ENGINE, NULL, "The engine sent a function call without a name.");
		if (!c->begun) {
			c->name = s->p->tools[0].name;
			begin_call(s, i);
		}
		if (!c->any && wanted(s, i))
			emit_args(s, i, S("{}"));
	}
	return true;
}

bool chat_stream_end(struct chat_stream *s, enum finish *finish, struct usage *usage, struct err *e)
{
	if (!s->finished && !s->done) /* an event needs its empty line, but a last one may lack it */
		feed(s, S("\n\n"), e);
	if (s->err.code != ERR_NONE) {
		*e = e->code == ERR_NONE ? s->err : *e;
		return false;
	}
	if (!s->finished && !s->done)
		return fail(e, ERR_ENGINE, NULL, "The engine's answer was cut off.");
	if (!finish_calls(s, e))
		return false;
	if (s->set.n && !forced_end(&s->forced, s->finish == FINISH_LENGTH || s->finish == FINISH_FILTER, e))
		return false;
	if (s->written.tool)
		grammar_reply_end(&s->written, s->finish == FINISH_LENGTH || s->finish == FINISH_FILTER);
	int calls = s->n_calls + (s->set.n ? s->forced.calls : 0) + s->written.begun;
	if (calls && s->finish == FINISH_STOP)
		s->finish = FINISH_CALLS;
	else if (!calls && s->finish == FINISH_CALLS)
		s->finish = FINISH_STOP;
	if (!s->has_usage)
		s->usage.output = s->deltas;
	if (!s->told_reasoning)
		s->usage.reasoning = s->reasoning_deltas;
	if (s->usage.reasoning > s->usage.output)
		s->usage.reasoning = s->usage.output;
	*finish = s->finish;
	*usage = s->usage;
	return true;
}
