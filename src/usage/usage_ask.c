/* usage_ask.c - what is asked of usage. */
#include "usage/usage_ask.h"

#include "base/clock.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, WANTED = 1000 };
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

/* A width of buckets, how many of them are told unless asked for more, and at most. */
static const struct usage_width {
	struct str name;
	int64_t seconds, usual, most;
} widths[] = {{STR("1m"), MINUTE, 60, 1440}, {STR("1h"), HOUR, 24, 168}, {STR("1d"), DAY, 7, 31}};
enum { N_WIDTHS = sizeof widths / sizeof *widths, COST_DAYS = 180 };

static const struct {
	const char *name;
	unsigned dim;
} dims[] = {{"project_id", USAGE_BY_PROJECT}, {"user_id", USAGE_BY_USER}, {"api_key_id", USAGE_BY_KEY},
	    {"model", USAGE_BY_MODEL},        {"batch", USAGE_BY_BATCH},  {"service_tier", USAGE_BY_TIER},
	    {"line_item", USAGE_BY_LINE}};
enum { N_DIMS = sizeof dims / sizeof *dims };

#define USAGE_BY_ANY (USAGE_BY_PROJECT | USAGE_BY_USER | USAGE_BY_KEY)
/* What each kind can be told apart by, and what else OpenAI's can: that is not counted here. */
static const struct usage_form {
	unsigned by;
	const char *const *uncounted; /* NULL-terminated, names of parameters and of group_by */
} forms[USAGE_KINDS] = {
    [USAGE_COMPLETIONS] = {USAGE_BY_ANY | USAGE_BY_MODEL | USAGE_BY_BATCH | USAGE_BY_TIER, (const char *const[]){NULL}},
    [USAGE_EMBEDDINGS] = {USAGE_BY_ANY | USAGE_BY_MODEL, (const char *const[]){NULL}},
    [USAGE_IMAGES] = {USAGE_BY_ANY | USAGE_BY_MODEL, (const char *const[]){"size", "source", "sizes", "sources", NULL}},
    [USAGE_WEB_SEARCHES] = {USAGE_BY_ANY | USAGE_BY_MODEL,
			    (const char *const[]){"context_level", "context_levels", NULL}},
    [USAGE_SPEECHES] = {USAGE_BY_ANY | USAGE_BY_MODEL, (const char *const[]){NULL}},
    [USAGE_TRANSCRIPTIONS] = {USAGE_BY_ANY | USAGE_BY_MODEL, (const char *const[]){NULL}},
    [USAGE_MODERATIONS] = {USAGE_BY_ANY | USAGE_BY_MODEL, (const char *const[]){NULL}},
    [USAGE_RERANKINGS] = {USAGE_BY_ANY | USAGE_BY_MODEL, (const char *const[]){NULL}},
    [USAGE_FILE_SEARCHES] = {USAGE_BY_ANY, (const char *const[]){"vector_store_id", "vector_store_ids", NULL}},
};
static const struct usage_form cost_form = {USAGE_BY_PROJECT | USAGE_BY_KEY | USAGE_BY_LINE,
					    (const char *const[]){NULL}};

static const struct usage_form *form_of(const struct usage_ask *ask)
{
	return ask->costs ? &cost_form : &forms[ask->kind];
}

/* --- the path --- */

static bool usage_ask_kind(struct request *rq, struct usage_ask *ask, struct err *e)
{
	static const char *const paths[] = {
#define USAGE(NAME, path, object) path,
#include "store/usage.def"
#undef USAGE
	};
	struct str name = rq->args[0];
	ask->costs = !name.p;
	for (int i = 0; name.p && i < USAGE_KINDS; i++)
		if (str_eq(name, str_of(paths[i]))) {
			ask->kind = (enum usage_kind)i;
			return true;
		}
	return ask->costs ||
	       fail(e, ERR_NOT_FOUND, NULL,
		    "Usage of that kind is not counted by this server. It counts completions, embeddings, images, "
		    "web_search_calls, file_search_calls, audio_speeches, audio_transcriptions, moderations and "
		    "rerankings.");
}

/* --- time --- */

static bool usage_ask_width(struct request *rq, struct usage_ask *ask, const struct usage_width **ret, struct err *e)
{
	struct str name = query_get(rq, "bucket_width", NULL);
	if (!name.p)
		name = S("1d");
	for (int i = ask->costs ? N_WIDTHS - 1 : 0; i < N_WIDTHS; i++)
		if (str_eq(name, widths[i].name)) {
			*ret = &widths[i];
			ask->width = widths[i].seconds;
			return true;
		}
	return fail(e, ERR_INVALID_VALUE, "bucket_width", "Invalid value: '%.*s'. Supported values are: %s.",
		    (int)(name.n < 32 ? name.n : 32), name.p, ask->costs ? "'1d'" : "'1m', '1h', and '1d'");
}

/* "page_" and the start of its first bucket. */
static bool usage_ask_page(struct request *rq, struct usage_ask *ask, struct err *e)
{
	struct str page = query_get(rq, "page", NULL), number = page;
	int64_t at;
	ask->start = ask->from - ask->from % ask->width;
	if (!page.p)
		return true;
	number.p += str_starts(page, S("page_")) ? 5 : page.n;
	number.n -= (size_t)(number.p - page.p);
	if (!str_int(number, &at) || at % ask->width || at < ask->start || at > ask->until)
		return fail(e, ERR_INVALID_VALUE, "page",
			    "Invalid 'page': it is not the next_page of an answer to this query.");
	ask->start = at;
	return true;
}

static bool usage_ask_time(struct request *rq, struct usage_ask *ask, struct err *e)
{
	const struct usage_width *w = widths; /* set, unless it fails */
	ask->from = -1;
	ask->until = clock_wall_s() + 1;
	if (!query_int(rq, "start_time", 0, LAST_SECOND, &ask->from, e) ||
	    !query_int(rq, "end_time", 0, LAST_SECOND, &ask->until, e) || !usage_ask_width(rq, ask, &w, e))
		return false;
	if (ask->from < 0)
		return fail(e, ERR_MISSING_PARAMETER, "start_time", "Missing required parameter: 'start_time'.");
	ask->buckets = w->usual;
	return query_int(rq, "limit", 1, ask->costs ? COST_DAYS : w->most, &ask->buckets, e) &&
	       usage_ask_page(rq, ask, e);
}

/* --- filters --- */

static bool usage_ask_wanted(struct request *rq, struct arena *a, const char *name, struct usage_wanted *ret,
			     struct err *e)
{
	size_t at = 0;
	for (struct str v; (v = query_get(rq, name, &at)).p;) {
		if (!ret->given) {
			ret->names = new_array(a, struct str, WANTED);
			ret->numbers = new_array(a, int64_t, WANTED);
		}
		ret->given = true;
		if (ret->n == WANTED)
			return fail(e, ERR_ARRAY_TOO_LONG, name,
				    "Invalid '%s': array too long. Expected an array with maximum length %d.", name,
				    WANTED);
		ret->names[ret->n++] = str_copy(a, v);
	}
	return true;
}

static void wanted_projects(struct store *s, struct usage_wanted *w)
{
	struct err unknown = {0};
	size_t n = w->n;
	w->n = 0;
	for (size_t i = 0; i < n; i++)
		w->n += project_find(s, w->names[i], false, &w->numbers[w->n], &unknown);
}

static void wanted_keys(struct usage_wanted *w)
{
	size_t n = w->n;
	struct id id;
	w->n = 0;
	for (size_t i = 0; i < n; i++)
		if (id_parse(w->names[i], "key", &id))
			w->numbers[w->n++] = id.key;
}

static bool usage_ask_filters(struct request *rq, struct arena *a, struct usage_ask *ask, struct err *e)
{
	struct usage_wanted users = {0};
	bool batch = false;
	if (!usage_ask_wanted(rq, a, "project_ids", &ask->projects, e) ||
	    !usage_ask_wanted(rq, a, "api_key_ids", &ask->keys, e) ||
	    !usage_ask_wanted(rq, a, "models", &ask->models, e) || !usage_ask_wanted(rq, a, "user_ids", &users, e) ||
	    !query_bool(rq, "batch", &batch, e))
		return false;
	wanted_projects(rq->api->api->options.store, &ask->projects);
	wanted_keys(&ask->keys);
	ask->nobody = users.given;
	ask->batch = query_get(rq, "batch", NULL).p ? batch : -1;
	return true;
}

/* --- groups --- */

static bool usage_ask_uncounted(const struct usage_ask *ask, struct str name, const char *param, struct err *e)
{
	for (const char *const *u = form_of(ask)->uncounted; *u; u++)
		if (str_eq(name, str_of(*u)))
			return !fail(e, ERR_UNSUPPORTED_VALUE, param,
				     "Unsupported value: '%s' is not counted apart by this server.", *u);
	return false;
}

static bool usage_ask_groups(struct request *rq, struct usage_ask *ask, struct err *e)
{
	size_t at = 0;
	for (struct str v; (v = query_get(rq, "group_by", &at)).p;) {
		unsigned dim = 0;
		for (int i = 0; i < N_DIMS; i++)
			dim |= str_eq(v, str_of(dims[i].name)) ? dims[i].dim : 0;
		if (usage_ask_uncounted(ask, v, "group_by", e))
			return false;
		if (!(dim & form_of(ask)->by))
			return fail(e, ERR_INVALID_VALUE, "group_by",
				    "Invalid value: '%.*s'. It is no field that this usage can be grouped by.",
				    (int)(v.n < 64 ? v.n : 64), v.p);
		ask->by |= dim;
	}
	return true;
}

/* Parameters of OpenAI's by which nothing is counted here, and those of other kinds. */
static bool usage_ask_known(struct request *rq, const struct usage_ask *ask, struct err *e)
{
	static const char *const usual[] = {"start_time", "end_time", "bucket_width", "project_ids", "api_key_ids",
					    "group_by",   "limit",    "page",         NULL};
	const char *known[24];
	size_t n = 0;
	for (const char *const *u = usual; *u; u++)
		known[n++] = *u;
	if (!ask->costs)
		known[n++] = "user_ids";
	if (form_of(ask)->by & USAGE_BY_MODEL)
		known[n++] = "models";
	if (form_of(ask)->by & USAGE_BY_BATCH)
		known[n++] = "batch";
	for (const char *const *u = form_of(ask)->uncounted; *u; u++) {
		known[n++] = *u;
		if (query_get(rq, *u, NULL).p)
			return !usage_ask_uncounted(ask, str_of(*u), *u, e);
	}
	known[n] = NULL;
	return query_known(rq, known, e);
}

bool usage_ask_read(struct request *rq, struct arena *a, struct usage_ask *ask, struct err *e)
{
	return usage_ask_kind(rq, ask, e) && usage_ask_known(rq, ask, e) && usage_ask_time(rq, ask, e) &&
	       usage_ask_filters(rq, a, ask, e) && usage_ask_groups(rq, ask, e);
}
