/* response_recording.c - GET /v1/responses/{id}/recording: a response as a file that can be played again
 * (docs/record.md).
 *
 * What the engine said is rendered again from the items, as the next turn's engine would be told of them; the lines say
 * so. */
#include "door/visit.h"
#include "engine/prompt.h"
#include "model/hosted.h"
#include "model/item_show.h"
#include "responses/recording_cite.h"
#include "tape/secrets.h"
#include "wire/json.h"

struct recording_visit {
	struct visit visit;
	struct stored_response response;
	struct stored_context context;
};

/* One recording in the making. */
struct recording {
	struct arena *a;
	struct buf lines;
	yyjson_val *response;
	const struct stored_context *context;
	struct item *items;
	size_t n, n_before; /* items without compactions; before the output */
	bool cut;           /* something of the context could not be told */
};

/* --- lines -------------------------------------------------------------------------------------------------------- */

static struct jout recording_line(struct recording *r, struct str type)
{
	struct jout o = {&r->lines, false};
	jo_obj(&o);
	jo_kstr(&o, "type", type);
	return o;
}

static void recording_line_end(struct recording *r, struct jout *o)
{
	jo_obj_end(o);
	buf_add(&r->lines, S("\n"));
}

static void recording_text(struct jout *o, const char *name, struct str s)
{
	jo_key(o, str_of(name));
	secrets_text_out(o, s);
}

static struct str recording_join(struct arena *a, struct str one, struct str two)
{
	return one.n && two.n ? str_fmt(a, "%.*s%.*s", FMT(one), FMT(two)) : one.n ? one : two;
}

/* The elements of `tools` as a request may have them: without what the response alone says of them. */
static void recording_tools(struct jout *o, yyjson_val *tools)
{
	yyjson_val *tool, *key, *v;
	size_t i, k, n, max;
	jo_arr(o);
	yyjson_arr_foreach(tools, i, n, tool)
	{
		struct buf b;
		struct jout one = {&b, false};
		struct arena a = {0};
		struct err none = {0};
		yyjson_val *asked = NULL;
		buf_init(&b, SIZE_MAX / 2);
		jo_obj(&one);
		yyjson_obj_foreach(tool, k, max, key,
				   v) if (!yyjson_is_null(v) && !str_eq(json_str(key), S("return_token_budget")))
		{
			jo_key(&one, json_str(key));
			jo_val(&one, v);
		}
		jo_obj_end(&one);
		if (json_parse(&a, buf_str(&b), &asked, &none))
			secrets_out(o, asked);
		buf_release(&b);
		arena_free(&a);
	}
	jo_arr_end(o);
}

/* What the response repeats of its request, and what a request may have of it. */
static void recording_request(struct recording *r)
{
	static const struct str asked[] = {
	    STR("instructions"),     STR("tools"), STR("tool_choice"),  STR("parallel_tool_calls"),
	    STR("temperature"),      STR("top_p"), STR("top_logprobs"), STR("max_output_tokens"),
	    STR("max_tool_calls"),   STR("text"),  STR("reasoning"),    STR("truncation"),
	    STR("metadata"),         STR("store"), STR("user"),         STR("safety_identifier"),
	    STR("prompt_cache_key"),
	};
	struct jout o = recording_line(r, S("request"));
	jo_key(&o, S("body"));
	jo_obj(&o);
	jo_member(&o, r->response, S("model"));
	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		yyjson_val *v = json_get(r->response, asked[i]);
		if (!v || yyjson_is_null(v))
			continue;
		jo_key(&o, asked[i]);
		if (str_eq(asked[i], S("tools")))
			recording_tools(&o, v);
		else
			secrets_out(&o, v);
	}
	jo_key(&o, S("input"));
	jo_arr(&o);
	for (size_t i = 0; i < r->n_before; i++) {
		yyjson_val *v;
		struct err e = {0};
		if (json_parse(r->a, item_shown(r->a, json_text(r->a, r->items[i].val), ~0u), &v, &e))
			secrets_out(&o, v);
	}
	jo_arr_end(&o);
	jo_obj_end(&o);
	recording_line_end(r, &o);
}

/* One answer of the engine: the messages from `m` to (not with) `end`, between which no tool ran. */
static void recording_answer(struct recording *r, const struct prompt_message *m, const struct prompt_message *end)
{
	struct jout o = recording_line(r, S("answer"));
	struct str content = {0}, reasoning = {0};
	jo_kstr(&o, "source", S("rendered"));
	for (const struct prompt_message *at = m; at < end; at++) {
		for (size_t i = 0; i < at->n_parts; i++)
			content = recording_join(r->a, content, at->parts[i].text);
		reasoning = recording_join(r->a, reasoning, at->reasoning);
	}
	recording_text(&o, "content", content);
	recording_text(&o, "reasoning", reasoning);
	jo_key(&o, S("tool_calls"));
	jo_arr(&o);
	for (; m < end; m++)
		for (size_t i = 0; i < m->n_calls; i++) {
			jo_obj(&o);
			jo_kstr(&o, "id", m->calls[i].call_id);
			jo_kstr(&o, "name", m->calls[i].name);
			recording_text(&o, "arguments", m->calls[i].arguments);
			jo_obj_end(&o);
		}
	jo_arr_end(&o);
	recording_line_end(r, &o);
}

static void recording_answers(struct recording *r, const struct prompt *p)
{
	for (size_t i = 0, end; i < p->n; i = end) {
		for (end = i; end < p->n && p->messages[end].role == ROLE_ASSISTANT;)
			end++;
		if (end > i)
			recording_answer(r, p->messages + i, p->messages + end);
		else
			end++;
	}
}

/* Of a tool that we ran: its item, with what only we read of it. */
static void recording_tool(struct recording *r, const struct item *it)
{
	const struct hosted *h = hosted_of_output(it->type, it->val);
	const struct hosted_extra *also = h ? hosted_extra(h, it->type) : NULL;
	if (!h || (also && !h->server))
		return;
	struct jout o = recording_line(r, S("tool"));
	struct str arguments = h->arguments && !also ? h->arguments(r->a, it->val) : (struct str){0};
	recording_text(&o, "arguments", arguments);
	jo_key(&o, S("item"));
	secrets_out(&o, it->val);
	recording_line_end(r, &o);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void recording_views(struct recording *r)
{
	const struct stored_context *c = r->context;
	r->items = new_array(r->a, struct item, c->n + 1);
	for (size_t i = 0; i < c->n; i++) {
		struct item *it = &r->items[r->n];
		if (!item_view(r->a, c->items[i].json, it))
			continue;
		if (it->type == ITEM_COMPACTION) { /* sealed for this server alone */
			r->cut = true;
			continue;
		}
		r->n++;
		r->n_before += i < c->n - c->n_output;
	}
}

static size_t tool_messages(const struct prompt *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->messages[i].role == ROLE_TOOL;
	return n;
}

static bool recording_write(struct recording *r, struct err *e)
{
	struct prompt before = {0}, all = {0};
	recording_views(r);
	size_t n = r->n - r->n_before;
	struct item *output = new_array(r->a, struct item, n + 1);
	for (size_t i = 0; i < n; i++) {
		output[i] = r->items[r->n_before + i];
		if (output[i].type == ITEM_MESSAGE)
			output[i].val = recording_uncited(r->a, &output[i], r->items, r->n);
	}
	if (!prompt_add_items(r->a, &before, r->items, r->n_before, "", e) ||
	    !prompt_add_items(r->a, &all, output, n, "", e))
		return false;
	struct jout o = recording_line(r, S("recording"));
	jo_kint(&o, "format", 1);
	jo_kstr(&o, "antiphon", S(ANTIPHON_VERSION));
	jo_member(&o, r->response, S("id"));
	jo_member(&o, r->response, S("created_at"));
	jo_member(&o, r->response, S("model"));
	jo_kstr(&o, "answers", S("rendered"));
	jo_kint(&o, "tool_messages", (int64_t)tool_messages(&before));
	jo_kbool(&o, "context_cut", r->cut);
	recording_line_end(r, &o);
	recording_request(r);
	recording_answers(r, &all);
	for (size_t i = 0; i < r->n; i++)
		recording_tool(r, &r->items[i]);
	o = recording_line(r, S("response"));
	jo_key(&o, S("body"));
	secrets_out(&o, r->response);
	recording_line_end(r, &o);
	return true;
}

static void recording_on_context(struct store_op *op, const struct err *e)
{
	struct recording_visit *v = visit_of(op, e);
	struct err bad = {0};
	if (!v)
		return;
	struct exchange *x = v->visit.rq->x;
	struct recording r = {.a = exchange_arena(x), .context = &v->context};
	buf_init(&r.lines, SIZE_MAX / 2);
	bool ok = json_parse(r.a, v->response.json, &r.response, &bad) && recording_write(&r, &bad);
	if (ok) {
		visit_leave(&v->visit);
		exchange_send(x, 200, S("application/jsonl"), buf_str(&r.lines));
	} else {
		visit_fail(&v->visit, &bad);
	}
	buf_release(&r.lines);
}

static void recording_on_got(struct store_op *op, const struct err *e)
{
	struct recording_visit *v = visit_of(op, e);
	if (!v)
		return;
	struct request *rq = v->visit.rq;
	v->visit.op.done = recording_on_context;
	store_get_context(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->context);
}

void response_recording(struct request *rq)
{
	struct recording_visit *v = visit_new(rq, sizeof *v, recording_on_got);
	store_get_response(rq->api->store, &v->visit.op, rq->project, rq->args[0], exchange_arena(rq->x), &v->response);
}
