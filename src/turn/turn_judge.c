/* turn_judge.c - the parameter `moderation`: input and output of a finished response, judged by an engine. */
#include "turn/turn_judge.h"

#include "engine/abilities.h"
#include "turn/turn_machine.h"

enum { VERDICT_MOST = 1 << 20, VERDICT_MS = 60000 };
enum { JUDGE_INPUT, JUDGE_OUTPUT, JUDGE_TEXTS };

struct turn_judge {
	struct turn *turn;
	struct http_call call;
	struct ability_at at;
	int status;
	struct buf answer;
	bool asked[JUDGE_TEXTS]; /* the others have no text */
};

bool turn_judge_possible(const struct turn *t, struct err *e)
{
	if (!t->req.echo.moderation.n || ability_own(t->api->api->options.engines, ABILITY_MODERATIONS))
		return true;
	return fail(e, ERR_UNSUPPORTED_PARAMETER, "moderation",
		    "Unsupported parameter: 'moderation' needs an engine that judges texts: start with --set "
		    "moderations.engine=http://127.0.0.1:9000/v1");
}

void turn_judge_cancel(struct turn *t)
{
	struct turn_judge *j = t->out.judge;
	if (!j)
		return;
	t->out.judge = NULL;
	http_call_cancel(&j->call);
	buf_release(&j->answer);
	xfree(j);
}

/* --- the texts --- */

static void judge_add(struct buf *b, struct str text)
{
	if (text.n && b->n)
		buf_byte(b, '\n');
	buf_add(b, text);
}

/* Messages, and what functions gave. */
static void judge_add_item(struct buf *b, yyjson_val *item)
{
	static const struct str members[] = {STR("content"), STR("output")};
	size_t i, max;
	yyjson_val *part;
	for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
		yyjson_val *v = json_get(item, members[k]);
		judge_add(b, json_str(v));
		yyjson_arr_foreach(v, i, max, part)
		{
			judge_add(b, json_str(json_get(part, S("text"))));
		}
	}
}

static void judge_texts(struct turn *t, struct buf texts[JUDGE_TEXTS])
{
	struct item it;
	for (size_t i = 0; i < t->req.n_items; i++)
		judge_add_item(&texts[JUDGE_INPUT], t->req.items[i].val);
	for (const struct out_item *o = t->out.first; o; o = o->next)
		if (o->type == ITEM_MESSAGE && o->json.n && item_view(&t->arena, o->json, &it))
			judge_add_item(&texts[JUDGE_OUTPUT], it.val);
}

static struct str judge_question(struct turn_judge *j)
{
	struct turn *t = j->turn;
	struct buf texts[JUDGE_TEXTS], b;
	struct jout o = {.b = &b};
	buf_init(&b, SIZE_MAX / 2);
	for (int i = 0; i < JUDGE_TEXTS; i++)
		buf_init(&texts[i], SIZE_MAX / 2);
	judge_texts(t, texts);
	jo_obj(&o);
	if (j->at.model.n)
		jo_kstr(&o, "model", j->at.model);
	jo_key(&o, S("input"));
	jo_arr(&o);
	for (int i = 0; i < JUDGE_TEXTS; i++) {
		j->asked[i] = str_trim(buf_str(&texts[i])).n;
		if (j->asked[i])
			jo_str(&o, buf_str(&texts[i]));
		buf_release(&texts[i]);
	}
	jo_arr_end(&o);
	jo_obj_end(&o);
	struct str body = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return body;
}

/* --- the verdict --- */

static void judge_write_error(struct jout *o, struct str code, struct str message)
{
	jo_obj(o);
	jo_kstr(o, "type", S("error"));
	jo_kstr(o, "code", code);
	jo_kstr(o, "message", message);
	jo_obj_end(o);
}

static void judge_write_result(struct jout *o, struct str model, yyjson_val *result)
{
	static const struct str members[] = {STR("categories"), STR("category_scores"),
					     STR("category_applied_input_types")};
	jo_obj(o);
	jo_kstr(o, "type", S("moderation_result"));
	jo_kstr(o, "model", model);
	jo_kbool(o, "flagged", yyjson_is_true(json_get(result, S("flagged"))));
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		yyjson_val *v = json_get(result, members[i]);
		jo_key(o, members[i]);
		if (yyjson_is_obj(v))
			jo_val(o, v);
		else
			jo_raw(o, S("{}"));
	}
	jo_obj_end(o);
}

/* root NULL: there is none, for the reason in *e. */
static void judge_settle(struct turn_judge *j, yyjson_val *root, const struct err *e)
{
	static const struct str names[JUDGE_TEXTS] = {STR("input"), STR("output")};
	struct turn *t = j->turn;
	struct str model = json_str(json_get(root, S("model")));
	struct buf b;
	struct jout o = {.b = &b};
	size_t at = 0;
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	for (int i = 0; i < JUDGE_TEXTS; i++) {
		jo_key(&o, names[i]);
		if (!j->asked[i])
			judge_write_error(&o, S("no_text"), S("There is no text that could be judged."));
		else if (root)
			judge_write_result(&o, model.n ? model : j->at.model,
					   yyjson_arr_get(json_get(root, S("results")), at++));
		else
			judge_write_error(&o, S("server_error"), str_of(e->msg));
	}
	jo_obj_end(&o);
	t->response.moderation = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
}

static void judge_on_head(struct http_call *call, int status)
{
	OWNER(call, struct turn_judge, call)->status = status;
}

static void judge_on_body(struct http_call *call, struct str bytes)
{
	buf_add(&OWNER(call, struct turn_judge, call)->answer, bytes);
}

static void judge_on_end(struct http_call *call, const struct err *failed)
{
	struct turn_judge *j = OWNER(call, struct turn_judge, call);
	struct turn *t = j->turn;
	struct err e = *failed, syntax = {0};
	yyjson_val *root = NULL;
	size_t wanted = (size_t)j->asked[JUDGE_INPUT] + j->asked[JUDGE_OUTPUT];
	if (!e.code && j->status != 200)
		ability_error(j->status, buf_str(&j->answer), j->at.model, &e);
	else if (!e.code && (!json_parse(&t->arena, str_copy(&t->arena, buf_str(&j->answer)), &root, &syntax) ||
			     yyjson_arr_size(json_get(root, S("results"))) != wanted))
		fail(&e, ERR_ENGINE, NULL, "The engine's answer is no moderation of %zu texts.", wanted);
	judge_settle(j, e.code ? NULL : root, &e);
	turn_judge_cancel(t);
	turn_run(t);
}

static void judge_start(struct turn_judge *j, struct str body)
{
	struct turn *t = j->turn;
	struct arena *a = &t->arena;
	j->call.on_head = judge_on_head;
	j->call.on_body = judge_on_body;
	j->call.on_end = judge_on_end;
	j->call.connect_ms = engine_limits.connect_ms;
	j->call.total_ms = VERDICT_MS;
	j->call.body_max = VERDICT_MOST;
	http_call_start(ability_client(t->api->engine), &j->call, j->at.target, METHOD_POST,
			http_target_path(a, j->at.target, ability_url(PATH_MODERATIONS)),
			str_fmt(a, "%.*sContent-Type: application/json\r\n", FMT(j->at.headers)), body);
}

bool turn_judge(struct turn *t)
{
	struct err e = {0};
	yyjson_val *wish = NULL;
	bool ended = t->response.status == RS_COMPLETED || t->response.status == RS_INCOMPLETE;
	if (t->kind || !ended || !t->req.echo.moderation.n || t->response.moderation.n)
		return false;
	struct turn_judge *j = xalloc(sizeof *j);
	*j = (struct turn_judge){.turn = t};
	buf_init(&j->answer, VERDICT_MOST);
	t->out.judge = j;
	json_parse(&t->arena, t->req.echo.moderation, &wish, &e);
	bool ok = ability_find(t->api->api->options.engines, &t->arena, PATH_MODERATIONS,
			       json_str(json_get(wish, S("model"))), &j->at, &e);
	struct str body = judge_question(j);
	if (ok && (j->asked[JUDGE_INPUT] || j->asked[JUDGE_OUTPUT])) {
		judge_start(j, body);
		return true;
	}
	judge_settle(j, NULL, &e);
	turn_judge_cancel(t);
	return false;
}
