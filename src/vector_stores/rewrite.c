/* rewrite.c - `rewrite_query` of a search. */
#include "vector_stores/rewrite.h"

#include "base/log.h"
#include "engine/engine.h"
#include "engine/prompt_tidy.h"
#include "index/index_limits.h"

enum { PHRASE_BYTES = 1000, PHRASE_TOKENS = 60 };

static const struct str rewrite_task =
    STR("You turn what a user asks into a phrase for a search in documents: the words and names that a passage with "
	"the answer "
	"would hold, without greetings, filler and question words, in the user's language. You are given one or more "
	"lines. "
	"Answer with one line for each of them, in their order, and with nothing else.");

struct rewriting {
	struct errand *errand;
	void (*done)(struct errand *er, const struct str *phrases);
	const struct str *queries;
	size_t n;
	struct str *phrases; /* NULL: none */
	struct engine_model model;
	struct engine_call call;
	struct prompt prompt;
	struct buf said;
	struct timer late;
	struct deferred over; /* an engine's end must not free what it was asked from */
};

/* One phrase a line, as models write lists: "1. phrase", "- phrase", in quotation marks. */
static struct str bare(struct str line)
{
	size_t n = 0;
	line = str_trim(line);
	while (n < line.n && line.p[n] >= '0' && line.p[n] <= '9')
		n++;
	bool numbered = n && n < line.n && (line.p[n] == '.' || line.p[n] == ')');
	if (numbered || (line.n && (*line.p == '-' || *line.p == '*'))) {
		n = numbered ? n + 1 : 1;
		line = str_trim((struct str){line.p + n, line.n - n});
	}
	if (line.n > 1 && *line.p == '"' && line.p[line.n - 1] == '"')
		line = (struct str){line.p + 1, line.n - 2};
	return line;
}

/* None, where they are not as many as were asked for, or too long. */
static void phrases_read(struct rewriting *r)
{
	struct arena *a = &r->errand->arena;
	struct str text = buf_str(&r->said);
	struct str *phrases = new_array(a, struct str, r->n);
	size_t n = 0;
	while (text.n) {
		struct str line = bare(str_cut(&text, '\n'));
		if (!line.n)
			continue;
		if (n == r->n || line.n > PHRASE_BYTES)
			return;
		phrases[n++] = str_copy(a, line);
	}
	if (n == r->n && !r->said.over)
		r->phrases = phrases;
}

static void rewrite_release(void *ctx)
{
	struct rewriting *r = ctx;
	engine_call_cancel(&r->call);
	op_cancel(&r->late);
	op_cancel(&r->over);
	buf_release(&r->said);
}

static void rewrite_end(struct rewriting *r, const char *fault)
{
	if (!r->phrases)
		log_at(LOG_WARN, "a query is searched as it is", "error=\"%s\"", fault);
	r->done(r->errand, r->phrases);
}

static void rewrite_on_event(struct engine_call *c, const struct model_event *me)
{
	struct rewriting *r = OWNER(c, struct rewriting, call);
	if (me->kind == ME_TEXT)
		buf_add(&r->said, me->text); /* over its bound it is full, and no list of phrases */
}

static void rewrite_on_over(struct deferred *d)
{
	rewrite_end(OWNER(d, struct rewriting, over), "the model wrote no phrases");
}

static void rewrite_on_failed(struct deferred *d)
{
	rewrite_end(OWNER(d, struct rewriting, over), "the engine failed");
}

static void rewrite_on_end(struct engine_call *c, const struct err *e)
{
	struct rewriting *r = OWNER(c, struct rewriting, call);
	timer_cancel(&r->late);
	if (e->code == ERR_NONE)
		phrases_read(r);
	defer_start(r->errand->rq->api->loop, &r->over, e->code ? rewrite_on_failed : rewrite_on_over);
}

static void rewrite_on_late(struct timer *t)
{
	struct rewriting *r = OWNER(t, struct rewriting, late);
	engine_call_cancel(&r->call);
	rewrite_end(r, "index.rewrite_ms were over");
}

static void rewrite_ask(struct rewriting *r)
{
	struct errand *er = r->errand;
	struct arena *a = &er->arena;
	struct buf lines;
	r->prompt.sampling = (struct sampling){
	    .effort = S("none"), .max_output_tokens = PHRASE_TOKENS * (int64_t)r->n, .has_max_output_tokens = true};
	prompt_add_text(a, prompt_add(a, &r->prompt, ROLE_SYSTEM), rewrite_task);
	buf_init(&lines, SIZE_MAX / 2);
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < r->queries[i].n; k++)
			buf_byte(&lines, r->queries[i].p[k] == '\n' ? ' ' : r->queries[i].p[k]);
		buf_byte(&lines, '\n');
	}
	prompt_add_text(a, prompt_add(a, &r->prompt, ROLE_USER), str_copy(a, str_trim(buf_str(&lines))));
	buf_release(&lines);
	prompt_tidy(a, &r->prompt);
	r->call.on_event = rewrite_on_event;
	r->call.on_end = rewrite_on_end;
	engine_call_start(er->rq->api->engine, &r->call, a, &r->model, &r->prompt);
	timer_start(er->rq->api->loop, &r->late, index_limits.rewrite_ms, rewrite_on_late);
}

void rewrite_start(struct errand *er, const struct str *queries, size_t n,
		   void (*done)(struct errand *er, const struct str *phrases))
{
	struct rewriting *r = new (&er->arena, struct rewriting);
	struct err e = {0};
	*r = (struct rewriting){.errand = er, .done = done, .queries = queries, .n = n};
	buf_init(&r->said, n * (PHRASE_BYTES + 16));
	arena_defer(&er->arena, rewrite_release, r);
	if (engine_find(er->rq->api->api->options.engines, &er->arena, (struct str){0}, &r->model, &e))
		rewrite_ask(r);
	else
		defer_start(er->rq->api->loop, &r->over, rewrite_on_failed);
}
