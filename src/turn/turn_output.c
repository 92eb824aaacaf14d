/* turn_output.c - model events become output items and stream events.
 *
 * One item is open at a time, but for calls: an engine may send the pieces of several at once, so
 * those stay open until their arguments are whole JSON and another begins, or the stream ends. */
#include <assert.h>
#include <string.h>

#include "model/format.h"
#include "model/item_show.h"
#include "replay/replay.h"
#include "turn/call_pair.h"
#include "turn/encrypted.h"
#include "turn/runner.h"
#include "turn/turn_calls.h"
#include "turn/turn_cite.h"
#include "turn/turn_marks.h"
#include "turn/turn_output_parts.h"

void turn_emit(struct turn *t, struct event *ev)
{
	ev->seq = t->seq++;
	if (!turn_tells(t))
		return;
	struct buf *b = &t->api->scratch;
	buf_clear(b);
	event_write(b, ev);
	int64_t delta = event_delta(ev);
	if (t->runner)
		t->runner->calls->event(t, delta, buf_str(b));
	if (t->replay)
		replay_add(t->replay, ev->type, ev->seq, delta, buf_str(b));
	if (t->reader.reply)
		reply_event(t->reader.reply, event_rows[ev->type].wire, buf_str(b), ev->seq, delta);
}

static void turn_output_emit(struct teller *to, struct event *ev)
{
	turn_emit(OWNER(to, struct turn, out.teller), ev);
}

static bool turn_output_heard(const struct teller *to)
{
	return turn_tells(OWNER(to, const struct turn, out.teller));
}

void turn_output_begin(struct turn *t)
{
	t->out.teller = (struct teller){turn_output_emit, turn_output_heard};
}

static size_t output_room(const struct turn *t)
{
	return (size_t)api_limits.output_bytes - t->out.bytes;
}

/* Counts what an item grows by; past the bound the turn fails (turn.c looks at too_big). */
bool output_grow(struct turn *t, struct buf *b, struct str s)
{
	if (s.n > output_room(t)) {
		t->out.too_big = true;
		return false;
	}
	t->out.bytes += s.n;
	buf_add(b, s);
	return true;
}

/* What comes of a call as an item of its own is never in progress: so it is live. */
static const char *turn_output_status_name(const struct out_item *it)
{
	const struct hosted *h = it->tool ? it->tool->hosted : NULL;
	if (pair_result(it))
		return !it->done || (it->whole && !it->hosted.failed) ? "completed" : "incomplete";
	if (h && it->type == h->ends_in) /* told when it is known */
		return it->whole ? "completed" : "incomplete";
	return !it->done || (it->caller.n && !h) ? "in_progress" : it->hosted.failed ? "failed" : it->whole ? "completed" : "incomplete";
}

static void write_message(struct jout *o, const struct out_item *it)
{
	jo_kstr(o, "type", S("message"));
	jo_kstr(o, "status", str_of(turn_output_status_name(it)));
	jo_key(o, S("content"));
	jo_arr(o);
	if (it->parts.n)
		jo_raw(o, buf_str(&it->parts));
	jo_arr_end(o);
	jo_kstr(o, "role", S("assistant"));
}

static void write_call(struct jout *o, const struct out_item *it)
{
	jo_kstr(o, "type", str_of(item_rows[it->type].wire));
	if (item_rows[it->type].flags & ITEM_STATUS)
		jo_kstr(o, "status", str_of(turn_output_status_name(it)));
	call_write(o, it);
}

/* Begun, it carries sealed emptiness where the live API has some too (output_item.added). */
static void write_reasoning(struct jout *o, struct turn *t, const struct out_item *it)
{
	struct part_said said = {.text = buf_str(&it->text)};
	jo_kstr(o, "type", S("reasoning"));
	if (it->done && !it->whole)
		jo_kstr(o, "status", S("incomplete"));
	jo_key(o, S("content"));
	size_t from = o->b->n;
	jo_arr(o);
	if (it->done && it->text.n)
		part_write(o, TOLD_REASONING, &said);
	jo_arr_end(o);
	if (t->req.include_encrypted) {
		struct str content = {o->b->p + from, o->b->n - from}; /* until more is written */
		struct str sealed = encrypted_seal(t, origin_sealed(t, it, content));
		jo_kstr(o, "encrypted_content", sealed);
	}
	jo_key(o, S("summary"));
	jo_arr(o);
	if (it->done && t->req.summary.n && it->text.n)
		part_write(o, TOLD_SUMMARY, &said);
	jo_arr_end(o);
}

/* As JSON, into a new buffer. */
static void item_write(struct turn *t, const struct out_item *it, struct buf *b)
{
	buf_init(b, (size_t)api_limits.output_bytes * 32); /* escapes make 6 of 1; reasoning stands there three times */
	struct jout o = {b, false};
	jo_obj(&o);
	jo_kstr(&o, "id", it->at.id);
	if (it->type == ITEM_MESSAGE)
		write_message(&o, it);
	else if (it->tool)
		write_call(&o, it);
	else
		write_reasoning(&o, t, it);
	jo_obj_end(&o);
}

static struct str item_json(struct turn *t, const struct out_item *it)
{
	struct buf b;
	item_write(t, it, &b);
	struct str s = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return s;
}

struct out_item *turn_item_make(struct turn *t, enum item_type type, const struct id *id)
{
	if (t->out.n >= api_limits.output_items) {
		t->out.too_big = true;
		return NULL;
	}
	struct out_item *it = new(&t->arena, struct out_item);
	it->type = type;
	it->id = *id;
	it->at.id = id_text(arena_bytes(&t->arena, ID_MAX), item_rows[type].prefix, &it->id);
	it->at.index = t->out.n++;
	buf_init(&it->text, (size_t)api_limits.output_bytes + 1);
	buf_init(&it->parts, (size_t)api_limits.output_bytes * 8);
	buf_init(&it->logprobs, (size_t)api_limits.output_bytes + 1);
	if (t->out.last)
		t->out.last->next = it;
	else
		t->out.first = it;
	t->out.last = it;
	return it;
}

struct out_item *item_open(struct turn *t, enum item_type type)
{
	marks_before(t, type);
	struct id id = id_mint();
	return turn_item_make(t, type, &id);
}

void item_added(struct turn *t, struct out_item *it)
{
	struct buf b;
	if (!turn_tells(t)) {
		t->seq++;
		return;
	}
	item_write(t, it, &b);
	tell_raw(&t->out.teller, &it->at, EV_ITEM_ADDED, buf_str(&b));
	buf_release(&b);
}

static void part_open(struct turn *t, struct out_item *it, enum told_part part)
{
	it->part = part;
	turn_cites_clear(it);
	tell_part(&t->out.teller, &it->at, part);
}

static void part_close(struct turn *t, struct out_item *it)
{
	if (it->part == TOLD_NONE)
		return;
	turn_cite_close(t, it);
	if (it->part == TOLD_TEXT)
		turn_cite_links(t, it);
	struct part_said said = {buf_str(&it->text), turn_cites_json(it), buf_str(&it->logprobs)};
	struct jout o = {&it->parts, it->parts.n > 0};
	tell_part_end(&t->out.teller, &it->at, it->part, &said);
	part_write(&o, it->part, &said);
	buf_clear(&it->text);
	buf_clear(&it->logprobs);
	it->part = TOLD_NONE;
	it->at.part++;
}

/* As which parts the turn's thoughts are told. */
static struct told_thoughts thoughts_of(const struct turn *t)
{
	return (struct told_thoughts){.content = true, .summary = t->req.summary.n};
}

static void thoughts_close(struct turn *t, struct out_item *it)
{
	tell_thoughts_end(&t->out.teller, &it->at, thoughts_of(t), buf_str(&it->text));
	marks_into(t, it);
}

void item_finish(struct turn *t, struct out_item *it, bool whole)
{
	it->done = true;
	it->whole = whole;
	bool ours = it->tool && it->tool->hosted && !pair_call(it); /* its members have it (tool_results.h) */
	if (!ours)
		origin_settle(t, &it->origin);
	it->json = item_json(t, it);
	it->shown = item_shown(&t->arena, it->json, t->req.show);
	if (!ours)
		it->json = origin_kept(t, it, it->json);
	if (t->runner && it->shown.p != it->json.p)
		t->runner->calls->keep(t, it->at.index, it->json);
	tell_raw(&t->out.teller, &it->at, EV_ITEM_DONE, it->shown);
}

static void item_release(struct out_item *it)
{
	buf_release(&it->text);
	buf_release(&it->parts);
	buf_release(&it->logprobs);
	if (it->cites)
		buf_release(&it->cites->json);
	origin_release(&it->origin);
}

static void item_close(struct turn *t, struct out_item *it, bool whole)
{
	if (it->done)
		return;
	if (it->tool) {
		call_close(t, it, whole);
	} else {
		if (it->type == ITEM_MESSAGE)
			part_close(t, it);
		else
			thoughts_close(t, it);
		item_finish(t, it, whole);
	}
	item_release(it);
}

static bool whole_json(struct turn *t, struct str text)
{
	struct arena tmp = {0};
	struct err e = {0};
	yyjson_val *v;
	bool ok = json_parse(&tmp, text, &v, &e);
	arena_free(&tmp);
	return ok;
}

/* Another item begins: what was open is finished, but calls that are not whole: their rest may still come. */
static void close_open(struct turn *t)
{
	for (struct out_item *it = t->out.first; it; it = it->next)
		if (!it->done && (!it->tool || whole_json(t, buf_str(&it->text))))
			item_close(t, it, true);
}

static struct out_item *current(struct turn *t, enum item_type type)
{
	struct out_item *it = t->out.last;
	if (it && !it->done && it->type == type)
		return it;
	close_open(t);
	return NULL;
}

void text_delta(struct turn *t, struct out_item *it, struct str text, struct str logprobs)
{
	if (!output_grow(t, &it->text, text))
		return;
	tell_piece(&t->out.teller, &it->at, it->part, text, logprobs);
}

static struct str turn_output_keep_logprobs(struct turn *t, struct out_item *it, struct str logprobs)
{
	size_t before = it->logprobs.n;
	if (before)
		buf_byte(&it->logprobs, ',');
	if (!output_grow(t, &it->logprobs, (struct str){logprobs.p + 1, logprobs.n - 2}))
		it->logprobs.n = before;
	return logprobs;
}

static void turn_output_put_text(struct turn *t, const struct model_event *me, enum told_part part)
{
	struct str logprobs = {0};
	struct out_item *it = current(t, ITEM_MESSAGE);
	if (!it) {
		it = item_open(t, ITEM_MESSAGE);
		if (!it)
			return;
		item_added(t, it);
	}
	if (it->part != part) {
		part_close(t, it);
		part_open(t, it, part);
	}
	if (part == TOLD_TEXT && t->req.include_logprobs && me->logprobs.n > 2)
		logprobs = turn_output_keep_logprobs(t, it, me->logprobs);
	if (part == TOLD_TEXT && turn_cites(t))
		turn_cite_text(t, it, me->text, logprobs);
	else
		text_delta(t, it, me->text, logprobs);
}

/* White space that may stand alone beside calls is kept back: so it is no message, neither here nor for the engine. */
static bool hold_space(struct turn *t, const struct model_event *me)
{
	struct out_space *s = &t->out.space;
	const struct out_item *it = t->out.last;
	bool open = it && !it->done && it->type == ITEM_MESSAGE;
	if (open || !t->prompt.n_tools || str_trim(me->text).n)
		return false;
	if (!s->text.max) {
		buf_init(&s->text, (size_t)api_limits.output_bytes + 1);
		buf_init(&s->logprobs, (size_t)api_limits.output_bytes + 1);
	}
	output_grow(t, &s->text, me->text);
	if (me->logprobs.n > 2) {
		output_grow(t, &s->logprobs, s->logprobs.n ? S(",") : S("["));
		output_grow(t, &s->logprobs, (struct str){me->logprobs.p + 1, me->logprobs.n - 2});
	}
	return true;
}

/* What was kept back is told as the text that it is, or forgotten. */
static void settle_space(struct turn *t, bool tell)
{
	struct buf text = t->out.space.text, logprobs = t->out.space.logprobs;
	t->out.space = (struct out_space){0};
	if (tell && (text.n || logprobs.n)) {
		t->out.bytes -= text.n + logprobs.n;
		buf_byte(&logprobs, ']');
		struct model_event me = {.kind = ME_TEXT, .text = buf_str(&text)};
		if (logprobs.n > 1)
			me.logprobs = buf_str(&logprobs);
		turn_output_put_text(t, &me, TOLD_TEXT);
	}
	buf_release(&text);
	buf_release(&logprobs);
}

static void turn_output_on_text(struct turn *t, const struct model_event *me, enum told_part part)
{
	if (part == TOLD_TEXT && hold_space(t, me))
		return;
	settle_space(t, true);
	turn_output_put_text(t, me, part);
}

static void on_reasoning(struct turn *t, const struct model_event *me)
{
	struct out_item *it = current(t, ITEM_REASONING);
	if (!it) {
		it = item_open(t, ITEM_REASONING);
		if (!it)
			return;
		item_added(t, it);
		tell_thoughts(&t->out.teller, &it->at, thoughts_of(t));
	}
	it->origin.thoughts = me->name;
	if (output_grow(t, &it->text, me->text))
		tell_thought(&t->out.teller, &it->at, thoughts_of(t), me->text);
}

static void on_call(struct turn *t, const struct model_event *me)
{
	bool ours = turn_tools_takes(t, me);
	struct str id = ours ? S("") : origin_call_id(t);
	settle_space(t, false);
	bool sealed = !ours && marks_before_call(t, me, id, false);
	close_open(t);
	sealed |= !ours && !sealed && marks_before_call(t, me, id, true);
	if (!turn_tools_begin(t, me))
		call_begin(t, me, id, sealed);
}

void turn_model_event(struct turn *t, const struct model_event *me)
{
	switch (me->kind) {
	case ME_TEXT:
		turn_output_on_text(t, me, TOLD_TEXT);
		break;
	case ME_REFUSAL:
		turn_output_on_text(t, me, TOLD_REFUSAL);
		break;
	case ME_REASONING:
		on_reasoning(t, me);
		break;
	case ME_CALL_BEGIN:
		on_call(t, me);
		break;
	case ME_MARKS:
		marks_take(t, me);
		break;
	case ME_CALL_ARGS:
		if (!turn_tools_more(t, me))
			call_more(t, me);
		break;
	}
}

static bool turn_output_has_calls(const struct turn *t)
{
	const struct out_item *it = t->out.first;
	while (it && !it->tool)
		it = it->next;
	return it || turn_tools_called(t);
}

/* A call that is cut off goes, unless it may have changed something at somebody's: that is told, as failed. */
static bool item_drops(const struct out_item *it)
{
	const struct hosted *h = it->tool ? it->tool->hosted : NULL;
	return it->tool && !pair_result(it) /* its call is finished, and needs it */ && !(h && h->server && it->type == h->item);
}

void turn_close_items(struct turn *t, bool whole, bool drop_calls)
{
	settle_space(t, !turn_output_has_calls(t));
	for (struct out_item *it = t->out.first; it; it = it->next) {
		if (it->done || (drop_calls && !whole && item_drops(it)))
			continue;
		item_close(t, it, whole);
	}
}

static struct str shown(const struct out_item *it)
{
	return it->shown.n ? it->shown : it->json;
}

struct str turn_output_json(struct turn *t)
{
	size_t n = 0;
	for (struct out_item *it = t->out.first; it; it = it->next)
		n += shown(it).n + 1;
	char *p = arena_bytes(&t->arena, n + 1);
	n = 0;
	for (struct out_item *it = t->out.first; it; it = it->next) {
		struct str json = shown(it);
		if (!json.n)
			continue;
		if (n)
			p[n++] = ',';
		memcpy(p + n, json.p, json.n);
		n += json.n;
	}
	return (struct str){p, n};
}

static void close_calls(struct turn *t)
{
	for (struct out_item *it = t->out.first; it; it = it->next)
		if (it->tool && !it->tool->hosted) /* turn_tools.c closes those, after they have run */
			item_close(t, it, true);
}

/* The text of a message; of one that is done, its parts. */
static bool message_fits(struct turn *t, const struct out_item *it, struct err *e)
{
	struct err ignored = {0};
	size_t i, max;
	yyjson_val *v, *part;
	if (!it->done)
		return it->part != TOLD_TEXT || format_fits(&t->req.format, &t->arena, buf_str(&it->text), e);
	if (!json_parse(&t->arena, it->json, &v, &ignored))
		return true;
	yyjson_arr_foreach(json_get(v, S("content")), i, max, part)
		if (json_get(part, S("text")) && !format_fits(&t->req.format, &t->arena, json_str(json_get(part, S("text"))), e))
			return false;
	return true;
}

bool turn_output_fits(struct turn *t, struct err *e)
{
	bool called = turn_output_has_calls(t); /* then what was said before is no answer yet */
	settle_space(t, !called);
	close_calls(t);
	if (t->out.misfit) {
		*e = *t->out.misfit;
		return false;
	}
	if (t->req.format.kind != FORMAT_JSON_SCHEMA || !t->req.format.strict)
		return true;
	for (struct out_item *it = t->out.first; it; it = it->next)
		if (it->type == ITEM_MESSAGE && !(it->done && called) && !message_fits(t, it, e))
			return false;
	return true;
}

void turn_output_release(struct turn *t)
{
	settle_space(t, false);
	buf_release(&t->out.marks);
	for (struct out_item *it = t->out.first; it; it = it->next) {
		item_release(it);
	}
}
