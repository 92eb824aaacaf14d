/* chat_stream.c - a Chat Completions answer as model events.
 *
 * The bytes are an event stream, or one JSON object where an engine does not stream; the first of them tells which.
 * What is read goes on to others: words (answer_text.h), calls (answer_calls.h), the end (answer_end.h). */
#include "engine/chat.h"
#include "engine/chat_error.h"

#include <string.h>

#include "engine/answer_calls.h"
#include "engine/answer_end.h"
#include "engine/answer_text.h"
#include "engine/chat_same.h"
#include "engine/demand.h"
#include "engine/forced.h"
#include "engine/marks.h"
#include "wire/fields.h"
#include "wire/sse.h"

enum {
	EVENT_MAX = 1 << 20,  /* bytes of one line and of one event */
	WHOLE_MAX = 16 << 20, /* of an answer that is one JSON object */
	LEVELS = 8,           /* of content within content */
};

enum chat_form { FORM_UNKNOWN, FORM_STREAM, FORM_WHOLE };

struct stream_end {
	bool uncalled; /* a call was demanded, and none came */
	enum finish finish;
	bool finished, done; /* finish_reason came; [DONE] came */
};

/* Of marks.h. */
struct stream_marks {
	struct buf piece; /* in work */
	size_t bytes;     /* of all */
};

/* The parser's memory, used anew for each event; none between two reads: thousands wait at a time. */
struct pool {
	char *p;
	size_t n;
};

struct chunk_read {        /* of the chunk in work */
	const char *words; /* the last string that was read as words ... */
	enum model_event_kind kind;
	int n; /* ... and how many things were read */
};

struct chat_stream {
	struct arena *a;
	const struct prompt *p;
	struct str model;
	void (*emit)(void *ctx, const struct model_event *);
	void *ctx;
	enum chat_form form;
	struct sse sse;
	struct buf whole; /* FORM_WHOLE */
	struct err *err;  /* of who feeds, while that lasts: an error takes more room than all else here */
	struct pool pool;
	struct chat_same same;
	struct chunk_read read;
	struct forced *forced; /* NULL: tools are not forced */
	struct grammar_reply *written; /* NULL: the text is text */
	struct answer_text text;
	struct answer_calls calls;
	struct stream_marks marks;
	struct buf logprobs; /* of text that is not out yet: "[a,b" */
	enum model_event_kind last;
	struct usage_told usage;
	int64_t pieces, thoughts; /* events with something in them; with reasoning */
	int thoughts_member; /* that they came in: THOUGHTS_* (dialect.h); THOUGHTS_SAME: none yet */
	struct stream_end end;
};

static void stream_release(void *obj)
{
	struct chat_stream *s = obj;
	sse_release(&s->sse);
	buf_release(&s->whole);
	buf_release(&s->logprobs);
	buf_release(&s->marks.piece);
	xfree(s->pool.p);
	chat_same_release(&s->same);
	answer_text_release(&s->text);
	answer_calls_release(&s->calls);
	if (s->forced)
		forced_release(s->forced);
}

static void on_words(void *ctx, enum model_event_kind kind, struct str text);

struct chat_stream *chat_stream_new(struct arena *a, const struct prompt *p, const struct chat_options *o,
				    void (*emit)(void *ctx, const struct model_event *), void *ctx)
{
	struct chat_stream *s = new (a, struct chat_stream);
	*s = (struct chat_stream){.a = a, .p = p, .model = o->model, .emit = emit, .ctx = ctx, .last = ME_CALL_BEGIN};
	sse_init(&s->sse, EVENT_MAX, NULL);
	buf_init(&s->whole, WHOLE_MAX);
	buf_init(&s->logprobs, EVENT_MAX * 2);
	buf_init(&s->marks.piece, (size_t)engine_limits.marks_bytes);
	usage_init(&s->usage);
	struct str gbnf;
	const struct function_tool *written = grammar_tool(a, o->caps->grammar, p, &gbnf);
	struct forced_set set = written ? (struct forced_set){0} : forced_choose(a, o, p);
	if (written) {
		s->written = new (a, struct grammar_reply);
		*s->written = (struct grammar_reply){.tool = written, .emit = emit, .ctx = ctx};
	} else if (set.n) {
		s->forced = new (a, struct forced);
		forced_init(s->forced, a, &set, emit, ctx);
	}
	bool json = s->forced || (!written && p->format.kind != FORMAT_TEXT);
	answer_text_init(&s->text, o->think, json, on_words, s);
	answer_calls_init(&s->calls, a, p, emit, ctx);
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
	bool told = yyjson_arr_size(bytes) > 0;
	size_t i, max;
	jo_obj(o);
	jo_kstr(o, "token", token.p ? token : S(""));
	jo_key(o, S("bytes"));
	jo_arr(o);
	yyjson_arr_foreach(bytes, i, max, val) jo_int(o, yyjson_get_int(val) & 0xff);
	for (size_t k = 0; !told && k < token.n; k++)
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

/* Log probabilities leave with the next text, since a token may be half a character. */
static void chat_stream_keep_logprobs(struct chat_stream *s, yyjson_val *logprobs)
{
	size_t i, max;
	yyjson_val *val;
	if (!yyjson_arr_size(logprobs))
		return;
	s->read.n++;
	struct jout o = {.b = &s->logprobs, .comma = s->logprobs.n > 0};
	if (!s->logprobs.n)
		buf_byte(&s->logprobs, '[');
	yyjson_arr_foreach(logprobs, i, max, val) put_logprob(&o, val, true);
}

static void chat_stream_emit_text(struct chat_stream *s, struct str text)
{
	struct model_event ev = {.kind = ME_TEXT, .text = text};
	if (s->logprobs.n)
		buf_byte(&s->logprobs, ']');
	if (s->logprobs.n && !s->logprobs.over)
		ev.logprobs = buf_str(&s->logprobs);
	s->emit(s->ctx, &ev);
	buf_release(&s->logprobs);
}

/* What answer_text.h has made of the words. */
static void on_words(void *ctx, enum model_event_kind kind, struct str text)
{
	struct chat_stream *s = ctx;
	struct model_event ev = {.kind = kind, .text = text};
	if (kind == ME_REASONING && s->thoughts_member)
		ev.name = s->thoughts_member == THOUGHTS_REASONING ? S("reasoning") : S("reasoning_content");
	answer_calls_settle(&s->calls);
	s->last = kind;
	if (kind == ME_TEXT && s->written)
		grammar_reply_feed(s->written, text);
	else if (kind == ME_TEXT && s->forced)
		forced_feed(s->forced, text, s->err);
	else if (kind == ME_TEXT)
		chat_stream_emit_text(s, text);
	else
		s->emit(s->ctx, &ev);
	if (kind != ME_TEXT) /* they were of thoughts */
		buf_release(&s->logprobs);
}

static void chat_stream_take_words(struct chat_stream *s, enum model_event_kind kind, struct str text,
				   yyjson_val *logprobs)
{
	if (text.n) {
		s->pieces++;
		s->read = (struct chunk_read){text.p, kind, s->read.n + 1};
	}
	s->thoughts += text.n && kind == ME_REASONING;
	if (kind == ME_TEXT)
		chat_stream_keep_logprobs(s, logprobs);
	answer_text_feed(&s->text, kind, text);
}

/* Content is a string, or a list of parts: text, thinking (itself a list), refusal. */
static void chat_stream_take_content(struct chat_stream *s, enum model_event_kind kind, yyjson_val *v,
				     yyjson_val *logprobs, int level)
{
	size_t i, max;
	yyjson_val *part;
	if (yyjson_is_str(v)) {
		chat_stream_take_words(s, kind, json_str(v), logprobs);
		return;
	}
	if (v && !yyjson_is_null(v) && !yyjson_is_arr(v) && kind != ME_REASONING)
		fail(s->err, ERR_ENGINE, NULL, "The engine sent %s where text belongs.", json_kind_name(v));
	if (level == LEVELS)
		return;
	yyjson_arr_foreach(v, i, max, part)
	{
		yyjson_val *thinking = json_get(part, S("thinking")), *text = json_get(part, S("text"));
		if (thinking)
			chat_stream_take_content(s, ME_REASONING, thinking, NULL, level + 1);
		else
			chat_stream_take_content(s, kind, text ? text : json_get(part, S("refusal")), logprobs,
						 level + 1);
	}
}

/* --- marks ----------------------------------------------------------------------------------------------- */

/* What is signed of one piece; {0}: nothing. */
static struct str read_marks(struct chat_stream *s, yyjson_val *message, yyjson_val *call, yyjson_val *function)
{
	buf_clear(&s->marks.piece);
	bool ok = marks_read(&s->marks.piece, message, call, function);
	s->marks.bytes += s->marks.piece.n;
	if (!ok || s->marks.bytes > (size_t)engine_limits.marks_bytes) {
		fail(s->err, ERR_ENGINE, NULL, "The engine signed its answer with more than %lld bytes (engine.marks_bytes).",
		     (long long)engine_limits.marks_bytes);
		return (struct str){0};
	}
	return buf_str(&s->marks.piece);
}

static void chat_stream_take_marks(struct chat_stream *s, yyjson_val *message)
{
	struct model_event ev = {.kind = ME_MARKS, .index = -1, .text = read_marks(s, message, NULL, NULL)};
	s->read.n++;
	if (ev.text.n)
		s->emit(s->ctx, &ev);
}

/* --- calls ---------------------------------------------------------------------------------------------- */

static void chat_stream_take_call(struct chat_stream *s, yyjson_val *piece, yyjson_val *function)
{
	if (!yyjson_is_obj(piece))
		return;
	answer_text_end(&s->text);
	s->read.n++;
	s->last = ME_CALL_BEGIN;
	s->pieces++;
	struct str marks = read_marks(s, NULL, piece, function == piece ? NULL : function);
	answer_calls_take(&s->calls, piece, function, marks, s->err);
}

/* --- chunks --------------------------------------------------------------------------------------------- */

static void take_finish(struct chat_stream *s, struct str reason)
{
	if (!reason.n || s->err->code != ERR_NONE)
		return;
	s->read.n++;
	s->end.finished = finish_read(reason, &s->end.finish, s->err);
}

static void take_thoughts(struct chat_stream *s, int member, yyjson_val *v)
{
	if (json_str(v).n || yyjson_arr_size(v))
		s->thoughts_member = member;
	chat_stream_take_content(s, ME_REASONING, v, NULL, 0);
}

static void take_delta(struct chat_stream *s, yyjson_val *delta, yyjson_val *logprobs)
{
	size_t i, max, k, n;
	yyjson_val *key, *val, *piece;
	bool marked = false;
	if (!yyjson_is_obj(delta))
		return;
	yyjson_obj_foreach(delta, i, max, key, val)
	{
		struct str name = json_str(key);
		if (yyjson_is_null(val))
			continue;
		if (str_eq(name, S("content")))
			chat_stream_take_content(s, ME_TEXT, val, json_get(logprobs, S("content")), 0);
		else if (str_eq(name, S("refusal")))
			chat_stream_take_content(s, ME_REFUSAL, val, NULL, 0);
		else if (str_eq(name, S("reasoning_content")))
			take_thoughts(s, THOUGHTS_CONTENT, val);
		else if (str_eq(name, S("reasoning")) && !json_str(json_get(delta, S("reasoning_content"))).n)
			take_thoughts(s, THOUGHTS_REASONING, val);
		else if (str_eq(name, S("function_call")))
			chat_stream_take_call(s, val, val);
		else if (str_eq(name, S("tool_calls"))) {
			yyjson_arr_foreach(val, k, n, piece)
			    chat_stream_take_call(s, piece, json_get(piece, S("function")));
		} else {
			marked |= mark_is(MARK_MESSAGE, name, val);
		}
	}
	if (marked)
		chat_stream_take_marks(s, delta);
}

static void chat_stream_take_choice(struct chat_stream *s, yyjson_val *choice)
{
	yyjson_val *delta = json_get(choice, S("delta"));
	if (yyjson_get_sint(json_get(choice, S("index"))) != 0)
		return;
	if (!yyjson_is_obj(delta))
		delta = json_get(choice, S("message")); /* a whole answer in one chunk */
	take_delta(s, delta, json_get(choice, S("logprobs")));
	take_finish(s, json_str(json_get(choice, S("finish_reason"))));
}

/* --- errors --------------------------------------------------------------------------------------------- */

/* The HTTP status that an error would have had: its code or status, as a number or in digits; else 500. */
static int status_of(yyjson_val *error)
{
	static const struct str names[] = {STR("code"), STR("status"), STR("status_code"), STR("http_code")};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		yyjson_val *v = json_get(error, names[i]);
		int64_t n = yyjson_is_int(v) ? yyjson_get_sint(v) : 0;
		if (yyjson_is_str(v) && !str_int(json_str(v), &n))
			n = 0;
		if (n >= 400 && n < 600)
			return (int)n;
	}
	return 500;
}

static void chat_stream_take_error(struct chat_stream *s, yyjson_val *root)
{
	struct engine_model m = {.name = s->model};
	yyjson_val *error = json_get(root, S("error"));
	size_t n = 0;
	char *body = json_render(root, &n);
	chat_error(status_of(yyjson_is_obj(error) ? error : root), (struct str){body, n}, &m, s->err);
	xfree(body);
}

/* {"error": ...}, or OpenAI-like servers' {"object": "error", "message": ...}. Some send "error": null or false. */
static bool is_error(yyjson_val *root)
{
	yyjson_val *error = json_get(root, S("error"));
	return yyjson_is_ctn(error) || json_str(error).n || str_eq(json_str(json_get(root, S("object"))), S("error")) ||
	       (str_eq(json_str(json_get(root, S("type"))), S("error")) && !json_get(root, S("choices")));
}

static void take_usage(struct chat_stream *s, yyjson_val *root)
{
	yyjson_val *choice = yyjson_arr_get_first(json_get(root, S("choices")));
	usage_take(&s->usage, json_get(root, S("usage")));
	usage_take(&s->usage, json_get(choice, S("usage")));                      /* Moonshot's */
	usage_take(&s->usage, json_get(json_get(root, S("x_groq")), S("usage"))); /* Groq's */
}

static void take_chunk(struct chat_stream *s, yyjson_val *root, struct str event)
{
	yyjson_val *choices = json_get(root, S("choices")), *val;
	size_t i, max;
	if (is_error(root) || (str_eq(event, S("error")) && !choices)) {
		chat_stream_take_error(s, root);
		return;
	}
	if (!yyjson_is_obj(root) || (choices && !yyjson_is_arr(choices) && !yyjson_is_null(choices))) {
		fail(s->err, ERR_ENGINE, NULL, "The engine's stream is not that of Chat Completions.");
		return;
	}
	yyjson_arr_foreach(choices, i, max, val) chat_stream_take_choice(s, val);
	take_usage(s, root);
}

/* --- JSON ------------------------------------------------------------------------------------------------- */

/* One event's document lives in the pool until the next event. Behind it stands a copy of the text, with the strings.
 */
static yyjson_doc *chat_stream_parse(struct chat_stream *s, struct str data, char **copy)
{
	const yyjson_read_flag flags =
	    YYJSON_READ_ALLOW_INVALID_UNICODE | YYJSON_READ_ALLOW_INF_AND_NAN | YYJSON_READ_INSITU;
	size_t room = yyjson_read_max_memory_usage(data.n, flags), need = room + data.n + YYJSON_PADDING_SIZE;
	yyjson_alc alc;
	if (need > s->pool.n) {
		xfree(s->pool.p);
		s->pool.n = need < 4096 ? 4096 : need * 2;
		s->pool.p = xrealloc(NULL, s->pool.n);
	}
	*copy = s->pool.p + room;
	memcpy(*copy, data.p, data.n);
	memset(*copy + data.n, 0, YYJSON_PADDING_SIZE);
	yyjson_alc_pool_init(&alc, s->pool.p, room);
	return yyjson_read_opts(*copy, data.n, flags, &alc, NULL);
}

/* Text whose surrogate pairs were cut in halves is no JSON to the parser; it is read with the halves as bytes. */
static yyjson_doc *parse_halves(struct chat_stream *s, struct str data)
{
	struct buf b;
	char *copy;
	buf_init(&b, data.n + 16);
	yyjson_doc *doc = utf8_halves(data, &b) ? chat_stream_parse(s, buf_str(&b), &copy) : NULL;
	buf_release(&b);
	return doc;
}

static void on_json(struct chat_stream *s, struct str event, struct str data)
{
	char *copy;
	yyjson_doc *doc = chat_stream_parse(s, data, &copy);
	bool whole = doc;
	if (!doc)
		doc = parse_halves(s, data);
	s->read = (struct chunk_read){.n = 0};
	if (doc)
		take_chunk(s, yyjson_doc_get_root(doc), event);
	else if (str_eq(event, S("error")))
		chat_error(500, data, &(struct engine_model){.name = s->model}, s->err);
	else
		fail(s->err, ERR_ENGINE, NULL, "The engine sent something in its stream that is not JSON.");
	if (whole && s->read.words && s->read.n == 1 && s->err->code == ERR_NONE)
		chat_same_keep(&s->same, data, (size_t)(s->read.words - copy), s->read.kind);
}

static bool chat_stream_on_event(void *ctx, struct str event, struct str data)
{
	struct chat_stream *s = ctx;
	char room[SAME_ROOM];
	struct str text;
	data = str_trim(data);
	if (str_eq(data, S("[DONE]"))) {
		s->end.done = true;
		return false;
	}
	if (chat_same_read(&s->same, data, room, &text))
		chat_stream_take_words(s, s->same.kind, text, NULL);
	else if (data.n)
		on_json(s, event, data);
	return s->err->code == ERR_NONE;
}

/* The answer of an engine that does not stream: a completion, or an error in spite of its status. */
static void chat_stream_take_whole(struct chat_stream *s)
{
	const yyjson_read_flag flags = YYJSON_READ_ALLOW_INVALID_UNICODE | YYJSON_READ_ALLOW_INF_AND_NAN;
	struct buf b;
	buf_init(&b, s->whole.n + 16);
	yyjson_doc *doc = yyjson_read(s->whole.p, s->whole.n, flags);
	if (!doc && utf8_halves(buf_str(&s->whole), &b))
		doc = yyjson_read(b.p, b.n, flags);
	buf_release(&b);
	yyjson_val *root = yyjson_doc_get_root(doc);
	if (yyjson_is_arr(root)) /* Google's errors */
		root = yyjson_arr_get_first(root);
	if (!doc)
		fail(s->err, ERR_ENGINE, NULL, "The engine's answer was cut off.");
	else if (yyjson_arr_size(json_get(root, S("choices"))))
		take_chunk(s, root, S(""));
	else
		chat_stream_take_error(s, root);
	s->end.done = s->err->code == ERR_NONE;
	yyjson_doc_free(doc);
	buf_release(&s->whole);
}

void chat_stream_parse_all(struct chat_stream *s)
{
	s->same.off = true;
}

/* --- bytes ------------------------------------------------------------------------------------------------ */

/* White space and a byte-order mark may stand before an answer of either form. */
static struct str choose_form(struct chat_stream *s, struct str bytes)
{
	while (bytes.n && s->form == FORM_UNKNOWN) {
		char c = *bytes.p;
		if (c != '\xef' && c != '\xbb' && c != '\xbf' && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			s->form = c == '{' || c == '[' ? FORM_WHOLE : FORM_STREAM;
		else
			bytes = (struct str){bytes.p + 1, bytes.n - 1};
	}
	return bytes;
}

static bool feed(struct chat_stream *s, struct str bytes, struct err *e)
{
	if (s->form == FORM_UNKNOWN)
		bytes = choose_form(s, bytes);
	if (s->form == FORM_WHOLE) {
		buf_add(&s->whole, bytes);
		return !s->whole.over ||
		       fail(e, ERR_ENGINE, NULL, "The engine sent an answer of more than %d bytes.", WHOLE_MAX);
	}
	bool ok = sse_feed(&s->sse, bytes, chat_stream_on_event, s, e);
	xfree(s->pool.p);
	s->pool = (struct pool){0};
	return ok;
}

bool chat_stream_feed(struct chat_stream *s, struct str bytes, struct err *e)
{
	if (s->end.done)
		return true;
	s->err = e;
	if (!feed(s, bytes, e))
		return false;
	if (e->code != ERR_NONE)
		e->retry_after_ms = 0;
	return e->code == ERR_NONE;
}

int chat_stream_thoughts(const struct chat_stream *s)
{
	return s->thoughts_member;
}

/* --- the end -------------------------------------------------------------------------------------------- */

/* What still waits for more: half a character, the end of a fence, a call without arguments. */
static bool chat_stream_settle(struct chat_stream *s, bool cut, struct err *e)
{
	answer_text_end(&s->text);
	if (s->logprobs.n && s->last == ME_TEXT && !s->forced && !s->written)
		chat_stream_emit_text(s, S(""));
	if (e->code != ERR_NONE || !answer_calls_end(&s->calls, cut, e))
		return false;
	if (s->forced && !forced_end(s->forced, cut, e))
		return false;
	if (s->written)
		grammar_reply_end(s->written, cut);
	return true;
}

/* tool_choice demands a call, but the engine made none. */
static bool demanded(const struct chat_stream *s)
{
	return s->p->n_tools && (s->p->choice == CHOICE_REQUIRED || s->p->choice == CHOICE_NAMED) &&
	       s->last != ME_REFUSAL;
}

bool chat_stream_end(struct chat_stream *s, enum finish *finish, struct usage *usage, struct err *e)
{
	s->err = e;
	if (s->form == FORM_WHOLE && !s->end.done)
		chat_stream_take_whole(s);
	else if (!s->end.finished && !s->end.done) /* an event needs its empty line, but a last one may lack it */
		feed(s, S("\n\n"), e);
	if (e->code != ERR_NONE)
		return false;
	if (!s->end.finished && !s->end.done)
		return fail(e, ERR_ENGINE, NULL, "The engine's answer was cut off.");
	bool cut = s->end.finish == FINISH_LENGTH || s->end.finish == FINISH_FILTER;
	if (!chat_stream_settle(s, cut, e))
		return false;
	int calls = s->calls.shown + (s->forced ? s->forced->calls : 0) + (s->written && s->written->begun);
	*usage = usage_sum(&s->usage, s->pieces, s->thoughts);
	s->end.uncalled = !calls && !cut && demanded(s);
	if (s->end.uncalled)
		return demand_fail(e);
	if (calls && s->end.finish == FINISH_STOP)
		s->end.finish = FINISH_CALLS;
	else if (!calls && s->end.finish == FINISH_CALLS)
		s->end.finish = FINISH_STOP;
	*finish = s->end.finish;
	return true;
}

bool chat_stream_uncalled(const struct chat_stream *s)
{
	return s->end.uncalled && !s->forced && !s->written;
}
