/* answer_text.c - what the words of a streamed answer go through before they are events. */
#include "engine/answer_text.h"

#include <string.h>

enum {
	PIECE_MAX = 64 << 20, /* bytes of one piece; what feeds it is bounded by less */
	HELD_MAX = 4096,      /* of white space and marks that may end a fence; a model may go on with them for ever */
	LABEL_MAX = 32,       /* of a fence */
};

static bool answer_text_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* --- fences ----------------------------------------------------------------------------------------------- */

static void put_plain(struct answer_text *t, struct str text)
{
	if (!text.n)
		return;
	t->said = true;
	t->emit(t->ctx, ME_TEXT, text);
}

/* It was no fence: what was held of it is text. */
static void fence_give_up(struct answer_text *t)
{
	t->fence = FENCE_OFF;
	buf_add(&t->out, buf_str(&t->held));
	buf_release(&t->held);
}

static void fence_open(struct answer_text *t)
{
	t->fence = FENCE_INSIDE;
	buf_clear(&t->held);
}

/* Inside, white space and marks wait: they may be the end. */
static void fence_inside(struct answer_text *t, char c)
{
	bool waits = answer_text_is_space(c) || c == t->mark;
	if (waits && t->held.n < HELD_MAX) {
		buf_byte(&t->held, c);
		return;
	}
	buf_add(&t->out, buf_str(&t->held));
	buf_clear(&t->held);
	buf_byte(&t->out, c);
}

static bool is_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '+' || c == '.';
}

static void fence_take(struct answer_text *t, char c)
{
	if (t->fence == FENCE_INSIDE) {
		fence_inside(t, c);
		return;
	}
	buf_byte(&t->held, c);
	switch (t->fence) {
	case FENCE_START:
		if (c == '`' || c == '~') {
			t->fence = FENCE_TICKS;
			t->mark = c;
			t->marks = 1;
		} else if (!answer_text_is_space(c) || t->held.n > HELD_MAX) {
			fence_give_up(t);
		}
		return;
	case FENCE_TICKS:
		if (c == t->mark) {
			t->marks++;
			return;
		}
		if (t->marks < 3) {
			fence_give_up(t);
			return;
		}
		t->fence = FENCE_LABEL;
		/* fall through */
	case FENCE_LABEL:
		if (is_label(c) && t->held.n < HELD_MAX + LABEL_MAX)
			return;
		t->fence = FENCE_GAP;
		/* fall through */
	case FENCE_GAP:
		if (answer_text_is_space(c) && t->held.n <= HELD_MAX + LABEL_MAX)
			return;
		if (c == '{' || c == '[' || c == '"') {
			fence_open(t);
			buf_byte(&t->out, c);
		} else {
			fence_give_up(t);
		}
		return;
	default:
		return;
	}
}

static void fence_feed(struct answer_text *t, struct str text)
{
	if (t->fence == FENCE_OFF) {
		put_plain(t, text);
		return;
	}
	buf_clear(&t->out);
	for (size_t i = 0; i < text.n; i++) {
		if (t->fence == FENCE_OFF) {
			buf_add(&t->out, (struct str){text.p + i, text.n - i});
			break;
		}
		fence_take(t, text.p[i]);
	}
	put_plain(t, buf_str(&t->out));
}

/* A fence that was opened may lack its end, where a limit cut the text. */
static void fence_end(struct answer_text *t)
{
	struct str rest = str_trim(buf_str(&t->held));
	bool marks = t->fence == FENCE_INSIDE && rest.n >= (size_t)t->marks;
	for (size_t i = 0; i < rest.n; i++)
		marks &= rest.p[i] == t->mark;
	if (!marks)
		put_plain(t, buf_str(&t->held));
	buf_release(&t->held);
	t->fence = t->fenced ? FENCE_START : FENCE_OFF;
}

/* --- think tags ------------------------------------------------------------------------------------------- */

static void think_put(struct answer_text *t, struct buf *run)
{
	if (!run->n)
		return;
	if (t->think == THINK_IN)
		t->emit(t->ctx, ME_REASONING, buf_str(run));
	else
		fence_feed(t, buf_str(run));
	buf_clear(run);
}

static struct str awaited(const struct answer_text *t)
{
	return t->think == THINK_IN ? t->tags->close : t->tags->open;
}

/* One character that is no part of a tag. White space behind a tag, and before the first word, belongs to the tags. */
static void think_word(struct answer_text *t, char c, struct buf *run)
{
	if (t->think == THINK_START)
		t->think = THINK_IN; /* it thinks from the start, without the tag */
	if (t->gap && answer_text_is_space(c))
		return;
	t->gap = false;
	buf_byte(run, c);
}

static void think_switch(struct answer_text *t, struct buf *run)
{
	think_put(t, run);
	buf_clear(&t->tag);
	t->think = t->think == THINK_IN ? THINK_OUT : THINK_IN;
	t->gap = t->think == THINK_IN || !t->said;
}

static void think_take(struct answer_text *t, char c, struct buf *run)
{
	struct str goal = awaited(t);
	if (t->think == THINK_START && t->gap && !t->tag.n && answer_text_is_space(c))
		return;
	buf_byte(&t->tag, c);
	while (t->tag.n && !str_starts(goal, buf_str(&t->tag))) {
		think_word(t, t->tag.p[0], run);
		buf_drop(&t->tag, 1);
		goal = awaited(t);
	}
	if (t->tag.n == goal.n)
		think_switch(t, run);
}

static void think_feed(struct answer_text *t, struct str text)
{
	if (t->think == THINK_OFF) {
		fence_feed(t, text);
		return;
	}
	struct buf run;
	buf_init(&run, PIECE_MAX);
	for (size_t i = 0; i < text.n; i++)
		think_take(t, text.p[i], &run);
	think_put(t, &run);
	buf_release(&run);
}

/* The beginning of a tag that does not come is what it looks like. */
static void think_end(struct answer_text *t)
{
	struct buf run;
	buf_init(&run, PIECE_MAX);
	for (size_t i = 0; i < t->tag.n; i++)
		think_word(t, t->tag.p[i], &run);
	think_put(t, &run);
	buf_release(&run);
	buf_release(&t->tag);
}

/* --- all ------------------------------------------------------------------------------------------------ */

static void words(struct answer_text *t, enum model_event_kind kind, struct str text)
{
	if (!text.n)
		return;
	if (kind == ME_TEXT)
		think_feed(t, text);
	else
		t->emit(t->ctx, kind, text);
}

void answer_text_init(struct answer_text *t, const struct think_tags *tags, bool json,
		      void (*emit)(void *ctx, enum model_event_kind kind, struct str text), void *ctx)
{
	*t = (struct answer_text){.tags = tags, .emit = emit, .ctx = ctx, .fenced = json, .kind = ME_TEXT};
	if (tags && tags->open.n && tags->close.n) {
		t->think = tags->starts ? THINK_START : THINK_OUT;
		t->gap = true;
	}
	t->fence = json ? FENCE_START : FENCE_OFF;
	buf_init(&t->joined, PIECE_MAX);
	buf_init(&t->tag, PIECE_MAX);
	buf_init(&t->out, PIECE_MAX);
	buf_init(&t->held, PIECE_MAX);
}

void answer_text_release(struct answer_text *t)
{
	buf_release(&t->joined);
	buf_release(&t->tag);
	buf_release(&t->out);
	buf_release(&t->held);
}

void answer_text_feed(struct answer_text *t, enum model_event_kind kind, struct str text)
{
	if (!text.n)
		return;
	if (kind != t->kind)
		words(t, t->kind, utf8_join_end(&t->join));
	t->kind = kind;
	words(t, kind, utf8_join(&t->join, text, &t->joined));
}

void answer_text_end(struct answer_text *t)
{
	words(t, t->kind, utf8_join_end(&t->join));
	think_end(t);
	fence_end(t);
	t->said = false;
}
