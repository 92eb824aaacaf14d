/* console_responses.c - the lists that the API lacks: responses, how they hang together, conversations. */
#include "console/console_page.h"
#include "store/conversation_list.h"
#include "store/response_list.h"
#include "store/response_tree.h"

static void responses_put_tools(struct jout *o, const struct response_row *row)
{
	yyjson_val *tool;
	size_t i, max;
	jo_key(o, S("tools"));
	jo_arr(o);
	yyjson_arr_foreach(row->tools, i, max, tool) jo_str(o, json_str(json_get(tool, S("type"))));
	jo_arr_end(o);
}

/* Its members, in an object that is open. */
static void responses_put_row(struct jout *o, const struct response_row *row)
{
	jo_kstr(o, "id", row->id);
	jo_kstr(o, "status", row->status);
	jo_kstr(o, "model", row->model);
	jo_kbool(o, "background", row->background);
	jo_kint(o, "created_at", row->created_at);
	jo_kint(o, "completed_at", row->completed_at);
	jo_kint(o, "input_tokens", row->input_tokens);
	jo_kint(o, "output_tokens", row->output_tokens);
	jo_kint(o, "cached_tokens", row->cached_tokens);
	jo_kstr(o, "error", row->error);
	responses_put_tools(o, row);
}

static void responses_put_rows(struct jout *o, const char *name, const struct response_rows *rows)
{
	jo_key(o, str_of(name));
	jo_arr(o);
	for (size_t i = 0; i < rows->n; i++) {
		jo_obj(o);
		responses_put_row(o, &rows->list[i]);
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

static bool responses_list_work(struct errand *er, struct err *e)
{
	const struct response_query *q = er->more;
	struct response_rows open = {0}, ended;
	struct jout o = errand_out(er);
	if ((!q->before && !response_list_open(er->store, er->project, q, &er->arena, &open, e)) ||
	    !response_list(er->store, er->project, q, &er->arena, &ended, e))
		return false;
	jo_obj(&o);
	responses_put_rows(&o, "open", &open);
	responses_put_rows(&o, "data", &ended);
	console_put_next(&o, ended.next, &er->arena);
	jo_obj_end(&o);
	return true;
}

/* ?background= &status= &model= &tool= &text= &since= &until= (seconds) &before= (`next` of the page before) &limit= */
static bool responses_list_read(struct errand *er, void *more, struct err *e)
{
	static const char *const known[] = {"status", "model",  "tool",  "text", "since",
					    "until",  "before", "limit", "background", NULL};
	static const int64_t late = INT64_MAX / 1000000;
	struct response_query *q = more;
	struct request *rq = er->rq;
	struct console_page page = {0};
	if (!query_known(rq, known, e) || !console_page_of(rq, &page, e) ||
	    !query_int(rq, "since", 0, late, &q->since, e) || !query_int(rq, "until", 0, late, &q->until, e) || !query_bool(rq, "background", &q->background, e))
		return false;
	q->before = page.before;
	q->limit = page.limit;
	q->status = str_copy(&er->arena, query_get(rq, "status", NULL));
	q->model = str_copy(&er->arena, query_get(rq, "model", NULL));
	q->tool = str_copy(&er->arena, query_get(rq, "tool", NULL));
	q->text = str_copy(&er->arena, query_get(rq, "text", NULL));
	return true;
}

void console_responses_list(struct request *rq)
{
	errand_begin(rq, responses_list_work, sizeof(struct response_query), responses_list_read);
}

/* --- how they hang together -------------------------------------------------------------------------------------- */

static void tree_put_node(struct jout *o, const struct response_tree *t, size_t at)
{
	const struct tree_node *node = &t->list[at];
	size_t parent = 0;
	while (node->parent && parent < at && t->list[parent].key != node->parent)
		parent++;
	jo_obj(o);
	responses_put_row(o, &node->row);
	jo_key(o, S("parent"));
	if (node->parent && parent < at)
		jo_int(o, (int64_t)parent);
	else
		jo_raw(o, S("null"));
	jo_kstr(o, "asked", node->asked);
	jo_kstr(o, "said", node->said);
	jo_obj_end(o);
}

static bool tree_work(struct errand *er, struct err *e)
{
	struct response_tree t;
	struct jout o = errand_out(er);
	if (!response_tree(er->store, er->project, er->args[0], &er->arena, &t, e))
		return false;
	jo_obj(&o);
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < t.n; i++)
		tree_put_node(&o, &t, i);
	jo_arr_end(&o);
	jo_kbool(&o, "cut", t.cut);
	jo_obj_end(&o);
	return true;
}

/* Nodes after their parents; `parent` is a place in `data`; `id` null: it was deleted. */
void console_tree(struct request *rq)
{
	errand_begin(rq, tree_work, 0, NULL);
}

/* --- conversations ----------------------------------------------------------------------------------------------- */

static bool conversations_work(struct errand *er, struct err *e)
{
	const struct console_page *page = er->more;
	struct conversation_rows rows;
	struct jout o = errand_out(er);
	if (!conversation_list(er->store, er->project, page->before, page->limit, &er->arena, &rows, e))
		return false;
	jo_obj(&o);
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < rows.n; i++) {
		jo_obj(&o);
		jo_kstr(&o, "id", rows.list[i].id);
		jo_kint(&o, "created_at", rows.list[i].created_at);
		jo_kraw(&o, "metadata", rows.list[i].metadata);
		jo_kbool(&o, "turns", rows.list[i].turns);
		jo_obj_end(&o);
	}
	jo_arr_end(&o);
	console_put_next(&o, rows.next, &er->arena);
	jo_obj_end(&o);
	return true;
}

void console_conversations_list(struct request *rq)
{
	errand_begin(rq, conversations_work, sizeof(struct console_page), console_page_read);
}
