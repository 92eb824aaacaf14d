/* vector_search.c - POST /v1/vector_stores/{id}/search. */
#include "index/filter.h"
#include "model/search_fields.h"
#include "vector_stores/bodies.h"
#include "vector_stores/rewrite.h"
#include "wire/fields.h"

enum { QUERY_MOST = 4096, RESULTS_DEFAULT = 10 };

static const struct field query_item = {.kind = F_STR, .at = -1, .has_at = -1, .min = 1, .max = QUERY_MOST};

static bool query_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	static const struct field list = {
	    .kind = F_ARRAY, .at = -1, .has_at = -1, .min = 1, .max = SEARCH_QUERIES, .item = &query_item};
	if (yyjson_is_str(v))
		return field_value(&query_item, v, path, ctx, e);
	return yyjson_is_arr(v) ? field_value(&list, v, path, ctx, e)
				: field_type(v, path, "a string or an array of strings", e);
}

static const struct field search_fields[] = {
    FIELD_CHECKED("query", F_ANY, .required = true, .check = query_check),
    FIELD_CHECKED("rewrite_query", F_BOOL, .nullable = true),
    FIELD_CHECKED("max_num_results", F_INT, .nullable = true, .min = 1, .max = SEARCH_RESULTS),
    FIELD_CHECKED("filters", F_OBJECT, .nullable = true, .check = search_filter_check),
    FIELD_CHECKED("ranking_options", F_OBJECT, .nullable = true, .sub = search_ranking_fields),
    FIELD_END,
};

static bool ask_read(struct errand *er, struct search_ask *ask, struct err *e)
{
	yyjson_val *body = er->body, *query, *one, *options, *hybrid;
	size_t i, max;
	if (!fields_read(search_fields, body, "", NULL, NULL, NULL, e))
		return false;
	options = json_get(body, S("ranking_options"));
	hybrid = json_get(options, S("hybrid_search"));
	*ask = (struct search_ask){
	    .project = er->project, .stores = er->args, .n_stores = 1, .max_results = RESULTS_DEFAULT};
	ask->cancelled = &er->job.cancelled;
	if (yyjson_is_num(json_get(body, S("max_num_results"))))
		ask->max_results = (int64_t)yyjson_get_num(json_get(body, S("max_num_results")));
	ask->score_threshold = yyjson_get_num(json_get(options, S("score_threshold")));
	if (str_eq(json_str(json_get(options, S("ranker"))), S("none")))
		ask->ranker = RANKER_NONE;
	ask->text_weight = yyjson_get_num(json_get(hybrid, S("text_weight")));
	ask->embedding_weight = yyjson_get_num(json_get(hybrid, S("embedding_weight")));
	ask->filters = json_get(body, S("filters"));
	if (yyjson_is_null(ask->filters))
		ask->filters = NULL;
	if (ask->filters && !filter_bounded(ask->filters, "filters", e))
		return false;
	query = json_get(body, S("query"));
	ask->n_queries = yyjson_is_str(query) ? 1 : yyjson_arr_size(query);
	struct str *queries = new_array(&er->arena, struct str, ask->n_queries);
	queries[0] = json_str(query);
	yyjson_arr_foreach(query, i, max, one) queries[i] = json_str(one);
	ask->queries = queries;
	return true;
}

static void hit_write(struct jout *o, const struct search_hit *h)
{
	jo_obj(o);
	jo_kstr(o, "file_id", h->file_id);
	jo_kstr(o, "filename", h->filename);
	jo_knum(o, "score", h->score);
	jo_kraw(o, "attributes", h->attributes);
	jo_key(o, S("content"));
	jo_arr(o);
	jo_obj(o);
	jo_kstr(o, "type", S("text"));
	jo_kstr(o, "text", h->text);
	jo_obj_end(o);
	jo_arr_end(o);
	jo_obj_end(o);
}

struct searched {
	struct search_ask ask;
	bool rewrite, rewritten; /* asked for, and done */
};

static bool search_work(struct errand *er, struct err *e)
{
	const struct searched *s = er->more;
	const struct search_ask *ask = &s->ask;
	struct search_found found;
	struct jout o = errand_out(er);
	struct err why = {0};
	if (!search_run(er->search, ask, &er->arena, &found, &why)) /* here the path names the store */
		return fail(e, why.code == ERR_VECTOR_STORE_NOT_FOUND ? ERR_NOT_FOUND : why.code, NULL, "%s", why.msg);
	bool rewrite = s->rewrite && !s->rewritten; /* what was asked is what was searched */
	er->not_applied = found.words_only && rewrite ? "embeddings, rewrite_query"
			  : found.words_only          ? "embeddings"
			  : rewrite                   ? "rewrite_query"
						      : NULL;
	jo_obj(&o);
	jo_kstr(&o, "object", S("vector_store.search_results.page"));
	jo_key(&o, S("search_query"));
	jo_arr(&o);
	for (size_t i = 0; i < ask->n_queries; i++)
		jo_str(&o, ask->queries[i]);
	jo_arr_end(&o);
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < found.n; i++)
		hit_write(&o, &found.hits[i]);
	jo_arr_end(&o);
	jo_kbool(&o, "has_more", false);
	jo_knull(&o, "next_page");
	jo_obj_end(&o);
	return true;
}

static void search_rewritten(struct errand *er, const struct str *phrases)
{
	struct searched *s = er->more;
	s->rewritten = phrases != NULL;
	if (phrases)
		s->ask.queries = phrases;
	errand_start(er);
}

void vector_store_search(struct request *rq)
{
	struct errand *er = errand_new(rq, search_work);
	struct err e = {0};
	if (!er)
		return;
	struct searched *s = new (&er->arena, struct searched);
	er->more = s;
	if (!ask_read(er, &s->ask, &e)) {
		errand_fail(er, &e);
		return;
	}
	s->rewrite = yyjson_get_bool(json_get(er->body, S("rewrite_query")));
	if (s->rewrite)
		rewrite_start(er, s->ask.queries, s->ask.n_queries, search_rewritten);
	else
		errand_start(er);
}
