/* compact.c - the long past of a conversation as one sealed item. */
#include "turn/compact.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/prompt_tidy.h"
#include "engine/truncate.h"
#include "model/request_calls.h"
#include "store/seal.h"
#include "turn/transcript.h"
#include "turn/turn_kind.h"
#include "turn/turn_machine.h"
#include "turn/turn_output_parts.h"
#include "turn/turn_program.h"

enum {
	SUMMARY_BYTES = 1 << 22,    /* of a summary; more ends it */
	TRANSCRIPT_BYTES = 300000,  /* to an engine that does not tell its context */
	TRANSCRIPT_LEAST = 1000,
	OWN_TOKENS = 400,           /* what our words around the transcript take */
};

static const struct str task = STR(
	"You compact conversations. You are given the transcript of a conversation between a user and an assistant. Write a "
	"summary with which the assistant can go on without the transcript: what the user wants and has said, facts, names, "
	"numbers and decisions, what was done and with which result, and what is left to do. Keep identifiers, paths and "
	"code exactly. Write the summary alone.");

bool compact_due(struct turn *t)
{
	int64_t threshold = t->req.compact_threshold;
	if (!t->req.compact || turn_programs_open(t))
		return false;
	if (!threshold)
		threshold = t->model.context ? t->model.context / 4 * 3 : INT64_MAX;
	return t->call.usage.input + t->call.usage.output >= threshold; /* of the last call: the context as it now is */
}

/* --- the engine's part --- */

static void summary_release(void *b)
{
	buf_release(b);
}

/* History, input and what this turn has made, as one list. */
static void compact_gather(struct turn *t, struct compaction *c)
{
	size_t n = t->context.n_history, k = t->context.n_input;
	c->items = new_array(&t->arena, struct item, n + k + (size_t)t->out.n + 1);
	if (n)
		memcpy(c->items, t->context.history, n * sizeof *c->items);
	if (k)
		memcpy(c->items + n, t->context.input, k * sizeof *c->items);
	c->n = n + k;
	for (struct out_item *it = t->out.first; it; it = it->next)
		if (it->json.n && item_view(&t->arena, it->json, &c->items[c->n]))
			c->n++;
}

static int64_t summary_tokens(const struct turn *t)
{
	int64_t n = api_limits.summary_tokens;
	return t->model.context && n > t->model.context / 4 ? t->model.context / 4 : n;
}

static void prompt_fill(struct turn *t, struct compaction *c)
{
	struct arena *a = &t->arena;
	struct str text = transcript_write(a, c->items, c->n, c->most), own = t->req.instructions;
	c->prompt = (struct prompt){.sampling = {.effort = S("none"), .max_output_tokens = summary_tokens(t),
	                                         .has_max_output_tokens = true}};
	struct prompt_message *m = prompt_add(a, &c->prompt, ROLE_SYSTEM);
	prompt_add_text(a, m, task);
	if (own.n)
		prompt_add_text(a, m, str_fmt(a, "The assistant's instructions are:\n%.*s", FMT(own)));
	m = prompt_add(a, &c->prompt, ROLE_USER);
	prompt_add_text(a, m, str_fmt(a, "The transcript:\n\n%.*s\n\nThe transcript ends here. Write the summary.", FMT(text)));
	prompt_tidy(a, &c->prompt);
}

static void seal_summary(struct turn *t, struct compaction *c)
{
	struct buf b;
	size_t n;
	struct item *calls = transcript_open_calls(&t->arena, c->items, c->n, &n);
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "type", S("compaction"));
	jo_kstr(&o, "summary", str_trim(buf_str(&c->summary)));
	jo_key(&o, S("calls"));
	jo_arr(&o);
	for (size_t i = 0; i < n; i++)
		jo_val(&o, calls[i].val);
	jo_arr_end(&o);
	jo_obj_end(&o);
	c->sealed = seal_text(t->api->api->options.store, t->project, S("compaction"), buf_str(&b), &t->arena);
	buf_release(&b);
}

static void on_summary(struct engine_call *call, const struct model_event *me)
{
	struct turn *t = OWNER(call, struct turn, call);
	if (me->kind == ME_TEXT)
		buf_add(&t->context.compaction->summary, me->text); /* over its bound it is full, no more */
}

static void summary_ask(struct turn *t, struct compaction *c);

static void on_summed_up(struct engine_call *call, const struct err *e)
{
	struct turn *t = OWNER(call, struct turn, call);
	struct compaction *c = t->context.compaction;
	struct err none = {0};
	if (e->code == ERR_CONTEXT_LENGTH && c->most / 2 >= TRANSCRIPT_LEAST) {
		c->most /= 2;
		summary_ask(t, c);
		return;
	}
	if (e->code != ERR_NONE) {
		c->done(t, e);
		return;
	}
	if (!str_trim(buf_str(&c->summary)).n) {
		fail(&none, ERR_ENGINE, NULL, "The model wrote no summary.");
		c->done(t, &none);
		return;
	}
	seal_summary(t, c);
	c->done(t, &none);
}

static void summary_ask(struct turn *t, struct compaction *c)
{
	buf_clear(&c->summary);
	prompt_fill(t, c);
	t->call.on_event = on_summary;
	t->call.on_end = on_summed_up;
	engine_call_start(t->api->engine, &t->call, &t->arena, &t->model, &c->prompt);
}

void compact_start(struct turn *t, void (*done)(struct turn *t, const struct err *e))
{
	struct compaction *c = new(&t->arena, struct compaction);
	int64_t room = t->model.context - summary_tokens(t) - OWN_TOKENS - (int64_t)t->req.instructions.n / BYTES_A_TOKEN;
	c->done = done;
	c->most = t->model.context ? room > 0 ? (size_t)room * BYTES_A_TOKEN : 0 : TRANSCRIPT_BYTES;
	if (c->most < TRANSCRIPT_LEAST)
		c->most = TRANSCRIPT_LEAST;
	buf_init(&c->summary, SUMMARY_BYTES);
	arena_defer(&t->arena, summary_release, &c->summary);
	t->context.compaction = c;
	compact_gather(t, c);
	summary_ask(t, c);
}

/* --- within a response --- */

/* A finished item, with its events. */
static void compact_add_compaction(struct turn *t, struct str sealed)
{
	struct out_item *it = item_open(t, ITEM_COMPACTION);
	struct buf b;
	if (!it)
		return;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "id", it->at.id);
	jo_kstr(&o, "type", S("compaction"));
	jo_kstr(&o, "encrypted_content", sealed);
	jo_obj_end(&o);
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	it->done = it->whole = true;
	it->json = it->shown = json;
	tell_compaction(&t->out.teller, &it->at, json, t->req.compact_now);
}

/* An answer is whole without its compaction; where the compaction is all that was asked for it fails the turn. */
void compact_finish(struct turn *t, const struct err *e)
{
	if (t->call.served_model.n)
		t->response.model = t->call.served_model;
	t->response.usage.input += t->call.usage.input;
	t->response.usage.cached += t->call.usage.cached;
	t->response.usage.output += t->call.usage.output;
	t->response.usage.reasoning += t->call.usage.reasoning;
	if (e->code == ERR_NONE)
		compact_add_compaction(t, t->context.compaction->sealed);
	else
		log_at(LOG_WARN, "a context could not be compacted", "id=%.*s error=%s", FMT(t->response.id), e->msg);
	if (t->req.compact_now && e->code != ERR_NONE) {
		*turn_error(t) = *e;
		t->response.error = turn_error(t);
		t->response.status = RS_FAILED;
	} else if (t->req.compact_now) {
		t->response.has_usage = true;
		t->response.status = RS_COMPLETED;
		t->response.completed_at = clock_wall_s();
	}
}

static size_t compact_count(const struct item *items, size_t n)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		count += items[i].type == ITEM_COMPACTION;
	return count;
}

bool compact_calls_fit(struct turn *t, struct err *e)
{
	struct arena *a = &t->arena;
	size_t n = t->context.n_history, k, inside = 0;
	struct item *history = t->context.history;
	if (t->kind && t->kind->open_calls)
		return true;
	size_t most = compact_count(history, n) + compact_count(t->context.input, t->context.n_input);
	if (most) { /* the calls within are as good as before */
		struct item *compacted = new_array(a, struct item, most);
		for (k = 0; k < n; k++)
			if (history[k].type == ITEM_COMPACTION)
				compacted[inside++] = history[k];
		for (k = 0; k < t->context.n_input; k++)
			if (t->context.input[k].type == ITEM_COMPACTION)
				compacted[inside++] = t->context.input[k];
		struct item *calls = transcript_open_calls(a, compacted, inside, &k), *all = new_array(a, struct item, n + k + 1);
		memcpy(all, calls, k * sizeof *all);
		if (n)
			memcpy(all + k, history, n * sizeof *all);
		history = all;
		n += k;
	}
	return create_check_calls(history, n, &t->req, t->context.input, e);
}
