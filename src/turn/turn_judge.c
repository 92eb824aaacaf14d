/* turn_judge.c - the parameter `moderation`: input and output of a finished response, judged by an engine. */
#include "turn/turn_judge.h"

#include "engine/verdict.h"
#include "turn/turn_machine.h"

enum { JUDGE_INPUT, JUDGE_OUTPUT, JUDGE_TEXTS };

struct turn_judge {
	struct turn *turn;
	struct verdict verdict;
};

bool turn_judge_possible(const struct turn *t, struct err *e)
{
	return !t->req.echo.moderation.n || verdict_possible(t->api->api->options.engines, e);
}

void turn_judge_cancel(struct turn *t)
{
	struct turn_judge *j = t->out.judge;
	if (!j)
		return;
	t->out.judge = NULL;
	verdict_cancel(&j->verdict);
	xfree(j);
}

/* --- the texts --- */

static void judge_texts(struct turn *t, struct buf texts[JUDGE_TEXTS])
{
	struct item it;
	for (size_t i = 0; i < t->req.n_items; i++)
		verdict_text(&texts[JUDGE_INPUT], t->req.items[i].val);
	for (const struct out_item *o = t->out.first; o; o = o->next)
		if (o->type == ITEM_MESSAGE && o->json.n && item_view(&t->arena, o->json, &it))
			verdict_text(&texts[JUDGE_OUTPUT], it.val);
}

/* --- the verdict --- */

static void judge_settle(struct turn_judge *j)
{
	static const struct str names[JUDGE_TEXTS] = {STR("input"), STR("output")};
	struct turn *t = j->turn;
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	for (size_t i = 0; i < JUDGE_TEXTS; i++) {
		jo_key(&o, names[i]);
		verdict_put(&o, &j->verdict, i);
	}
	jo_obj_end(&o);
	t->response.moderation = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	turn_judge_cancel(t);
}

static void judge_on_done(struct verdict *v)
{
	struct turn_judge *j = OWNER(v, struct turn_judge, verdict);
	struct turn *t = j->turn;
	judge_settle(j);
	turn_run(t);
}

bool turn_judge(struct turn *t)
{
	struct err e = {0};
	yyjson_val *wish = NULL;
	struct buf bufs[JUDGE_TEXTS];
	struct str texts[JUDGE_TEXTS];
	bool ended = t->response.status == RS_COMPLETED || t->response.status == RS_INCOMPLETE;
	if (t->kind || !ended || !t->req.echo.moderation.n || t->response.moderation.n)
		return false;
	struct turn_judge *j = xalloc(sizeof *j);
	*j = (struct turn_judge){.turn = t, .verdict.done = judge_on_done};
	t->out.judge = j;
	json_parse(&t->arena, t->req.echo.moderation, &wish, &e);
	for (int i = 0; i < JUDGE_TEXTS; i++)
		buf_init(&bufs[i], SIZE_MAX / 2);
	judge_texts(t, bufs);
	for (int i = 0; i < JUDGE_TEXTS; i++)
		texts[i] = buf_str(&bufs[i]);
	bool asks = verdict_start(&j->verdict, &t->arena,
				  &(struct verdict_ask){t->api->api->options.engines, t->api->engine, wish, texts, JUDGE_TEXTS});
	for (int i = 0; i < JUDGE_TEXTS; i++)
		buf_release(&bufs[i]);
	if (!asks)
		judge_settle(j);
	return asks;
}
