/* account_spans.c - the spans of a response or a chat completion. */
#include "door/account_spans.h"

#include "base/clock.h"
#include "engine/prompt.h"
#include "trace/exporter.h"
#include "trace/span.h"

struct spans {
	const struct account *account;
	struct jout o;
	int64_t began_us; /* since 1970 */
	int64_t whole_us;
	size_t n;
	struct arena arena;
};

static struct span spans_one(struct spans *s, unsigned number, enum span_kind kind, const char *verb, struct str what)
{
	return (struct span){.trace = &s->account->asker.trace,
			     .number = number,
			     .kind = kind,
			     .name = str_fmt(&s->arena, "%s%s%.*s", verb, what.n ? " " : "", FMT(what))};
}

static void spans_time(struct spans *s, struct span *one, int64_t from_us, int64_t to_us)
{
	one->from_us = s->began_us + from_us;
	one->to_us = s->began_us + to_us;
}

/* --- texts: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
 * ------------------------------------------- */

static void put_text(struct jout *o, struct str role, struct str text)
{
	if ((int64_t)text.n > trace_limits.content_bytes)
		text.n = (size_t)trace_limits.content_bytes;
	jo_obj(o);
	jo_kstr(o, "role", role);
	jo_key(o, S("parts"));
	jo_arr(o);
	jo_obj(o);
	jo_kstr(o, "type", S("text"));
	jo_kstr(o, "content", text);
	jo_obj_end(o);
	jo_arr_end(o);
	jo_obj_end(o);
}

static void put_prompt(struct jout *o, const struct prompt *p)
{
	static const struct str roles[] = {[ROLE_SYSTEM] = STR("system"),
					   [ROLE_USER] = STR("user"),
					   [ROLE_ASSISTANT] = STR("assistant"),
					   [ROLE_TOOL] = STR("tool")};
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->messages[i].n_parts; k++)
			if (p->messages[i].parts[k].kind == PART_TEXT)
				put_text(o, roles[p->messages[i].role], p->messages[i].parts[k].text);
}

static void spans_content(struct spans *s)
{
	const struct account *a = s->account;
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, (size_t)trace_limits.queue_bytes);
	jo_arr(&o);
	if (a->prompt)
		put_prompt(&o, a->prompt);
	jo_arr_end(&o);
	span_str(&s->o, "gen_ai.input.messages", buf_str(&b));
	buf_clear(&b);
	o = (struct jout){&b, false};
	jo_arr(&o);
	if (a->said.n)
		put_text(&o, S("assistant"), a->said);
	jo_arr_end(&o);
	span_str(&s->o, "gen_ai.output.messages", buf_str(&b));
	buf_release(&b);
}

/* --- the spans
 * --------------------------------------------------------------------------------------------------------- */

static void span_of_request(struct spans *s)
{
	const struct account *a = s->account;
	struct span one = spans_one(s, 0, SPAN_SERVER, "chat", a->model);
	spans_time(s, &one, 0, s->whole_us);
	one.failed = str_eq(a->status, S("failed")) || str_eq(a->status, S("refused"));
	one.why = a->why;
	span_begin(&s->o, &one);
	span_str(&s->o, "gen_ai.operation.name", S("chat"));
	span_str(&s->o, "gen_ai.provider.name", S("antiphon"));
	span_str(&s->o, "gen_ai.request.model", a->model);
	span_str(&s->o, "gen_ai.response.model", a->model);
	span_str(&s->o, "gen_ai.response.id", a->id);
	span_str(&s->o, "gen_ai.conversation.id", a->conversation);
	span_int(&s->o, "gen_ai.usage.input_tokens", a->usage.input);
	span_int(&s->o, "gen_ai.usage.output_tokens", a->usage.output);
	span_int(&s->o, "gen_ai.usage.cache_read.input_tokens", a->usage.cached);
	span_str(&s->o, "antiphon.kind", a->kind);
	span_str(&s->o, "antiphon.status", a->status);
	span_str(&s->o, "antiphon.request_id", a->asker.request_id);
	if (a->phases->first_token_us)
		span_int(&s->o, "antiphon.time_to_first_token_us", a->phases->first_token_us);
	if (one.failed)
		span_str(&s->o, "error.type", a->why_code.n ? a->why_code : S("_OTHER"));
	if (exporter_content())
		spans_content(s);
	span_end(&s->o, &one);
	s->n++;
}

static bool of_call(enum phase p)
{
	return p == PHASE_PROMPT || p == PHASE_ANSWER;
}

/* One call of the engine: marks that follow each other under one number. Returns the mark behind it. */
static const struct phase_mark *span_of_call(struct spans *s, const struct phase_mark *m)
{
	const struct account *a = s->account;
	const struct phase_mark *end = m->next, *spoke = m->phase == PHASE_ANSWER ? m : NULL;
	struct span one = spans_one(s, m->span, SPAN_CLIENT, "chat", a->model);
	for (; end && of_call(end->phase) && end->span == m->span; end = end->next)
		if (!spoke && end->phase == PHASE_ANSWER)
			spoke = end;
	spans_time(s, &one, m->at_us, end ? end->at_us : s->whole_us);
	span_begin(&s->o, &one);
	span_str(&s->o, "gen_ai.operation.name", S("chat"));
	span_str(&s->o, "gen_ai.provider.name", a->engine);
	span_str(&s->o, "gen_ai.request.model", a->model);
	if (spoke)
		span_int(&s->o, "antiphon.first_byte_us", spoke->at_us - m->at_us);
	span_end(&s->o, &one);
	s->n++;
	return end;
}

static void span_of_save(struct spans *s, const struct phase_mark *m)
{
	struct span one = spans_one(s, m->span, SPAN_INTERNAL, "store commit", S(""));
	spans_time(s, &one, m->at_us, m->next ? m->next->at_us : s->whole_us);
	span_begin(&s->o, &one);
	span_str(&s->o, "db.operation.name", S("COMMIT"));
	span_end(&s->o, &one);
	s->n++;
}

static void span_of_tool(struct spans *s, const struct phase_tool *t)
{
	struct span one = spans_one(s, t->span, SPAN_INTERNAL, "execute_tool", t->name);
	spans_time(s, &one, t->at_us, t->end_us ? t->end_us : s->whole_us);
	one.failed = t->end_us && !t->ok;
	span_begin(&s->o, &one);
	span_str(&s->o, "gen_ai.operation.name", S("execute_tool"));
	span_str(&s->o, "gen_ai.tool.name", t->name);
	if (one.failed)
		span_str(&s->o, "error.type", S("tool_error"));
	span_end(&s->o, &one);
	s->n++;
}

void account_spans(const struct account *a)
{
	if (!exporter_on() || !a->asker.trace.span || !a->asker.trace.sampled)
		return;
	struct buf b;
	struct spans s = {.account = a, .o = {&b, false}};
	buf_init(&b, (size_t)trace_limits.queue_bytes);
	s.whole_us = clock_mono_us() - a->phases->began_us;
	s.began_us = clock_wall_us() - s.whole_us;
	span_of_request(&s);
	for (const struct phase_mark *m = a->phases->first; m;) {
		if (of_call(m->phase)) {
			m = span_of_call(&s, m);
			continue;
		}
		if (m->phase == PHASE_SAVE)
			span_of_save(&s, m);
		m = m->next;
	}
	for (const struct phase_tool *t = a->phases->tools; t; t = t->next)
		span_of_tool(&s, t);
	if (!b.over)
		exporter_add(buf_str(&b), s.n);
	buf_release(&b);
	arena_free(&s.arena);
}
