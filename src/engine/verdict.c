/* verdict.c - texts judged by the engine of moderations.engine. */
#include "engine/verdict.h"

enum { VERDICT_MOST = 1 << 20, VERDICT_MS = 60000 };

bool verdict_possible(const struct engines *s, struct err *e)
{
	return ability_own(s, ABILITY_MODERATIONS) ||
	       fail(e, ERR_UNSUPPORTED_PARAMETER, "moderation",
		    "Unsupported parameter: 'moderation' needs an engine that judges texts: start with --set "
		    "moderations.engine=http://127.0.0.1:9000/v1");
}

void verdict_cancel(struct verdict *v)
{
	if (!v->busy)
		return;
	v->busy = false;
	http_call_cancel(&v->call);
	buf_release(&v->answer);
}

static void verdict_add(struct buf *b, struct str text)
{
	if (text.n && b->n)
		buf_byte(b, '\n');
	buf_add(b, text);
}

void verdict_text(struct buf *b, yyjson_val *item)
{
	static const struct str members[] = {STR("content"), STR("output")};
	size_t i, max;
	yyjson_val *part;
	for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
		yyjson_val *v = json_get(item, members[k]);
		verdict_add(b, json_str(v));
		yyjson_arr_foreach(v, i, max, part)
		{
			verdict_add(b, json_str(json_get(part, S("text"))));
		}
	}
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static struct str verdict_question(struct verdict *v, const struct verdict_ask *ask)
{
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	if (v->at.model.n)
		jo_kstr(&o, "model", v->at.model);
	jo_key(&o, S("input"));
	jo_arr(&o);
	for (size_t i = 0; i < ask->n; i++)
		if (v->asked[i])
			jo_str(&o, ask->texts[i]);
	jo_arr_end(&o);
	jo_obj_end(&o);
	struct str body = str_copy(v->a, buf_str(&b));
	buf_release(&b);
	return body;
}

static void verdict_on_head(struct http_call *call, int status)
{
	OWNER(call, struct verdict, call)->status = status;
}

static void verdict_on_body(struct http_call *call, struct str bytes)
{
	buf_add(&OWNER(call, struct verdict, call)->answer, bytes);
}

static void verdict_on_end(struct http_call *call, const struct err *failed)
{
	struct verdict *v = OWNER(call, struct verdict, call);
	struct err syntax = {0};
	yyjson_val *root = NULL;
	v->why = *failed;
	if (!v->why.code && v->status != 200)
		ability_error(v->status, buf_str(&v->answer), v->at.model, &v->why);
	else if (!v->why.code && (!json_parse(v->a, str_copy(v->a, buf_str(&v->answer)), &root, &syntax) ||
				  yyjson_arr_size(json_get(root, S("results"))) != v->n_asked))
		fail(&v->why, ERR_ENGINE, NULL, "The engine's answer is no moderation of %zu texts.", v->n_asked);
	if (!v->why.code) {
		struct str model = json_str(json_get(root, S("model")));
		v->model = model.n ? model : v->at.model;
		v->results = json_get(root, S("results"));
	}
	verdict_cancel(v);
	v->done(v);
}

bool verdict_start(struct verdict *v, struct arena *a, const struct verdict_ask *ask)
{
	v->a = a;
	v->n = ask->n;
	v->asked = new_array(a, bool, ask->n + 1);
	for (size_t i = 0; i < ask->n; i++)
		v->n_asked += v->asked[i] = str_trim(ask->texts[i]).n;
	if (!ability_find(ask->engines, a, PATH_MODERATIONS, json_str(json_get(ask->wish, S("model"))), &v->at, &v->why) ||
	    !v->n_asked)
		return false;
	v->busy = true;
	buf_init(&v->answer, VERDICT_MOST);
	v->call = (struct http_call){.on_head = verdict_on_head,
				     .on_body = verdict_on_body,
				     .on_end = verdict_on_end,
				     .connect_ms = engine_limits.connect_ms,
				     .total_ms = VERDICT_MS,
				     .body_max = VERDICT_MOST};
	http_call_start(ability_client(ask->port), &v->call, v->at.target, METHOD_POST,
			http_target_path(a, v->at.target, ability_url(PATH_MODERATIONS)),
			str_fmt(a, "%.*sContent-Type: application/json\r\n", FMT(v->at.headers)), verdict_question(v, ask));
	return true;
}

/* --- telling ------------------------------------------------------------------------------------------------------ */

static void verdict_put_error(struct jout *o, const struct verdict *v, bool asked)
{
	jo_obj(o);
	jo_kstr(o, "type", S("error"));
	jo_kstr(o, "code", asked ? S("server_error") : S("no_text"));
	jo_kstr(o, "message", asked ? str_of(v->why.msg) : S("There is no text that could be judged."));
	jo_obj_end(o);
}

static void verdict_put_result(struct jout *o, const struct verdict *v, yyjson_val *result)
{
	static const struct str members[] = {STR("categories"), STR("category_scores"),
					     STR("category_applied_input_types")};
	jo_obj(o);
	jo_kstr(o, "type", S("moderation_result"));
	jo_kstr(o, "model", v->model);
	jo_kbool(o, "flagged", yyjson_is_true(json_get(result, S("flagged"))));
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		yyjson_val *of = json_get(result, members[i]);
		jo_key(o, members[i]);
		if (yyjson_is_obj(of))
			jo_val(o, of);
		else
			jo_raw(o, S("{}"));
	}
	jo_obj_end(o);
}

/* NULL: it was not asked, or there is none. */
static yyjson_val *verdict_of(const struct verdict *v, size_t i)
{
	size_t at = 0;
	for (size_t k = 0; k < i; k++)
		at += v->asked[k];
	return v->asked[i] ? yyjson_arr_get(v->results, at) : NULL;
}

void verdict_put(struct jout *o, const struct verdict *v, size_t i)
{
	yyjson_val *result = verdict_of(v, i);
	if (result)
		verdict_put_result(o, v, result);
	else
		verdict_put_error(o, v, v->asked[i]);
}

void verdict_put_all(struct jout *o, const struct verdict *v, size_t i, size_t n)
{
	size_t asked = 0;
	for (size_t k = i; k < i + n; k++)
		asked += v->asked[k];
	if (!asked || !v->results) {
		verdict_put_error(o, v, asked);
		return;
	}
	jo_obj(o);
	jo_kstr(o, "type", S("moderation_results"));
	jo_kstr(o, "model", v->model);
	jo_key(o, S("results"));
	jo_arr(o);
	for (size_t k = i; k < i + n; k++)
		if (v->asked[k])
			verdict_put_result(o, v, verdict_of(v, k));
	jo_arr_end(o);
	jo_obj_end(o);
}
