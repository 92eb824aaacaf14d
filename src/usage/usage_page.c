/* usage_page.c - rows of the store summed up in buckets and groups. */
#include "usage/usage_page.h"

#include "base/map.h"
#include "store/keys.h"

enum { DOLLAR = 1000000000 };

/* The lines of an invoice, each of a model. */
enum usage_line { LINE_INPUT, LINE_CACHED, LINE_OUTPUT, USAGE_LINES };
static const char *const line_names[USAGE_LINES] = {"input", "cached input", "output"};

/* One result of a bucket. */
struct usage_group {
	struct usage_group *next;
	struct usage_add sum;
	enum usage_line line;
	int64_t cost, quantity;
};
struct usage_bucket {
	struct usage_group *first, **last;
};
struct usage_summing {
	struct store *store;
	const struct usage_ask *ask;
	struct arena *arena;
	struct usage_bucket *buckets;
	struct map groups; /* of all buckets, by what tells them apart */
	size_t n_groups;
	struct err *err;
};

/* --- sums --- */

static bool number_wanted(const struct usage_wanted *w, int64_t number)
{
	bool found = !w->given;
	for (size_t i = 0; i < w->n && !found; i++)
		found = w->numbers[i] == number;
	return found;
}

static bool usage_page_wanted(const struct usage_ask *ask, const struct usage_add *u)
{
	bool model = !ask->models.given;
	for (size_t i = 0; i < ask->models.n && !model; i++)
		model = str_eq(ask->models.names[i], u->model);
	return model && !ask->nobody && number_wanted(&ask->projects, u->project) &&
	       number_wanted(&ask->keys, u->key) && (ask->batch < 0 || ask->batch == u->batch);
}

/* Without what it is not told apart by. */
static struct usage_add usage_page_key(const struct usage_ask *ask, const struct usage_add *u)
{
	unsigned by = ask->by;
	return (struct usage_add){
	    .project = by & USAGE_BY_PROJECT ? u->project : 0,
	    .key = by & USAGE_BY_KEY ? u->key : 0,
	    .model = by & (USAGE_BY_MODEL | USAGE_BY_LINE) ? u->model : S(""),
	    .kind = u->kind,
	    .batch = by & USAGE_BY_BATCH ? u->batch : false,
	};
}

/* NULL: there are too many. */
static struct usage_group *usage_page_group(struct usage_summing *s, const struct usage_row *row, enum usage_line line)
{
	struct usage_add key = usage_page_key(s->ask, &row->sum);
	int64_t at = (row->start - s->ask->start) / s->ask->width;
	struct str name = str_fmt(s->arena, "%lld/%lld/%lld/%d/%d/%.*s", (long long)at, (long long)key.project,
				  (long long)key.key, key.batch, (int)line, FMT(key.model));
	struct usage_group *g = map_get(&s->groups, name);
	if (g)
		return g;
	if (++s->n_groups > (size_t)api_limits.usage_groups) {
		fail(s->err, ERR_BAD_REQUEST, "group_by",
		     "More than %lld results (api.usage_groups): ask for fewer buckets, or group by less.",
		     (long long)api_limits.usage_groups);
		return NULL;
	}
	g = new (s->arena, struct usage_group);
	g->sum = key;
	g->sum.model = str_copy(s->arena, key.model);
	g->line = line;
	*s->buckets[at].last = g;
	s->buckets[at].last = &g->next;
	map_put(&s->groups, name, g);
	return g;
}

static void usage_page_add(struct usage_numbers *to, const struct usage_numbers *n)
{
	to->requests += n->requests;
	to->input += n->input;
	to->cached += n->cached;
	to->output += n->output;
	to->reasoning += n->reasoning;
	to->units += n->units;
}

static bool usage_page_on_row(void *ctx, const struct usage_row *row)
{
	struct usage_summing *s = ctx;
	struct usage_group *g;
	if (!usage_page_wanted(s->ask, &row->sum))
		return true;
	g = usage_page_group(s, row, LINE_INPUT);
	if (g)
		usage_page_add(&g->sum.n, &row->sum.n);
	return g != NULL;
}

static bool usage_page_on_cost(void *ctx, const struct usage_row *row)
{
	struct usage_summing *s = ctx;
	const struct usage_numbers *n = &row->sum.n;
	const struct {
		int64_t cost, quantity;
	} lines[USAGE_LINES] = {
	    {n->input_cost, n->input - n->cached}, {n->cached_cost, n->cached}, {n->output_cost, n->output}};
	if (!usage_page_wanted(s->ask, &row->sum))
		return true;
	for (int i = 0; i < USAGE_LINES; i++) {
		enum usage_line line = s->ask->by & USAGE_BY_LINE ? (enum usage_line)i : LINE_INPUT;
		struct usage_group *g = lines[i].cost ? usage_page_group(s, row, line) : NULL;
		if (lines[i].cost && !g)
			return false;
		if (g) {
			g->cost += lines[i].cost;
			g->quantity += lines[i].quantity;
		}
	}
	return true;
}

static bool usage_page_read(struct usage_summing *s, struct err *e)
{
	const struct usage_ask *ask = s->ask;
	int64_t end = ask->start + ask->buckets * ask->width;
	struct usage_query q = {.kind = ask->kind,
				.from = ask->start > ask->from ? ask->start : ask->from,
				.until = end < ask->until ? end : ask->until,
				.width = ask->width};
	if (!ask->costs)
		return usage_read(s->store, &q, usage_page_on_row, s, e) && !e->code;
	for (int i = 0; i < USAGE_KINDS; i++) {
		q.kind = (enum usage_kind)i;
		if (!usage_read(s->store, &q, usage_page_on_cost, s, e) || e->code)
			return false;
	}
	return true;
}

/* --- the answer --- */

static void put_names(struct usage_summing *s, const struct usage_group *g, struct jout *o)
{
	struct str name = s->ask->by & USAGE_BY_PROJECT ? project_name(s->store, g->sum.project) : (struct str){0};
	struct id key = s->ask->by & USAGE_BY_KEY ? key_id(s->store, g->sum.key) : (struct id){0};
	char text[ID_MAX];
	jo_kstr(o, "project_id", name);
	jo_kstr(o, "api_key_id", key.key ? id_text(text, "key", &key) : (struct str){0});
}

static void put_tokens(const struct usage_numbers *n, struct jout *o)
{
	jo_kint(o, "input_cached_tokens", n->cached);
	jo_kint(o, "input_uncached_tokens", n->input - n->cached);
	jo_kint(o, "output_tokens", n->output);
}

/* The members of a kind's results beside those that all have. */
static void put_counts(const struct usage_group *g, struct jout *o)
{
	const struct usage_numbers *n = &g->sum.n;
	bool calls = g->sum.kind == USAGE_WEB_SEARCHES || g->sum.kind == USAGE_FILE_SEARCHES;
	if (g->sum.kind == USAGE_COMPLETIONS || g->sum.kind == USAGE_EMBEDDINGS || g->sum.kind == USAGE_MODERATIONS ||
	    g->sum.kind == USAGE_RERANKINGS)
		jo_kint(o, "input_tokens", n->input);
	if (g->sum.kind == USAGE_COMPLETIONS)
		put_tokens(n, o);
	if (g->sum.kind == USAGE_IMAGES)
		jo_kint(o, "images", n->units);
	if (g->sum.kind == USAGE_SPEECHES)
		jo_kint(o, "characters", n->units);
	if (g->sum.kind == USAGE_TRANSCRIPTIONS)
		jo_kint(o, "seconds", n->units);
	if (calls)
		jo_kint(o, "num_requests", n->units);
	if (g->sum.kind != USAGE_FILE_SEARCHES)
		jo_kint(o, "num_model_requests", n->requests);
}

static void put_result(struct usage_summing *s, const struct usage_group *g, struct jout *o)
{
	static const char *const objects[] = {
#define USAGE(NAME, path, object) object,
#include "store/usage.def"
#undef USAGE
	};
	unsigned by = s->ask->by;
	jo_obj(o);
	jo_kstr(o, "object", str_of(objects[g->sum.kind]));
	put_counts(g, o);
	put_names(s, g, o);
	jo_knull(o, "user_id");
	if (g->sum.kind != USAGE_FILE_SEARCHES)
		jo_kstr(o, "model", by & USAGE_BY_MODEL ? g->sum.model : (struct str){0});
	if (g->sum.kind == USAGE_COMPLETIONS) {
		jo_key(o, S("batch"));
		jo_raw(o, by & USAGE_BY_BATCH ? g->sum.batch ? S("true") : S("false") : (struct str){0});
		jo_kstr(o, "service_tier", by & USAGE_BY_TIER ? S("default") : (struct str){0});
	}
	jo_obj_end(o);
}

static void put_cost(struct usage_summing *s, const struct usage_group *g, struct jout *o)
{
	bool lines = s->ask->by & USAGE_BY_LINE;
	jo_obj(o);
	jo_kstr(o, "object", S("organization.costs.result"));
	jo_key(o, S("amount"));
	jo_obj(o);
	jo_knum(o, "value", (double)g->cost / DOLLAR);
	jo_kstr(o, "currency", S("usd"));
	jo_obj_end(o);
	jo_kstr(o, "line_item",
		lines ? str_fmt(s->arena, "%.*s, %s", FMT(g->sum.model), line_names[g->line]) : (struct str){0});
	put_names(s, g, o);
	jo_key(o, S("quantity"));
	if (lines)
		jo_int(o, g->quantity);
	else
		jo_null(o);
	jo_kstr(o, "quantity_unit", lines ? S("tokens") : (struct str){0});
	jo_obj_end(o);
}

static void put_bucket(struct usage_summing *s, int64_t at, struct jout *o)
{
	int64_t start = s->ask->start + at * s->ask->width;
	jo_obj(o);
	jo_kstr(o, "object", S("bucket"));
	jo_kint(o, "start_time", start);
	jo_kint(o, "end_time", start + s->ask->width);
	jo_key(o, S("results"));
	jo_arr(o);
	for (const struct usage_group *g = s->buckets[at].first; g; g = g->next)
		if (s->ask->costs)
			put_cost(s, g, o);
		else
			put_result(s, g, o);
	jo_arr_end(o);
	jo_obj_end(o);
}

static void put_page(struct usage_summing *s, struct jout *o)
{
	const struct usage_ask *ask = s->ask;
	int64_t next = ask->start, i;
	jo_obj(o);
	jo_kstr(o, "object", S("page"));
	jo_key(o, S("data"));
	jo_arr(o);
	for (i = 0; i < ask->buckets && next < ask->until; i++, next += ask->width)
		put_bucket(s, i, o);
	jo_arr_end(o);
	jo_kbool(o, "has_more", next < ask->until);
	jo_kstr(o, "next_page", next < ask->until ? str_fmt(s->arena, "page_%lld", (long long)next) : (struct str){0});
	jo_obj_end(o);
}

bool usage_page(struct store *store, const struct usage_ask *ask, struct arena *a, struct jout *o, struct err *e)
{
	struct usage_summing s = {.store = store, .ask = ask, .arena = a, .err = e};
	s.buckets = new_array(a, struct usage_bucket, (size_t)ask->buckets);
	for (int64_t i = 0; i < ask->buckets; i++)
		s.buckets[i].last = &s.buckets[i].first;
	bool ok = usage_page_read(&s, e);
	if (ok)
		put_page(&s, o);
	map_release(&s.groups);
	return ok;
}
