/* web_search.c - the hosted tool web_search: searches the web, opens pages, finds text in them. */
#include "tools/web_search.h"

#include <string.h>

#include "base/log.h"
#include "net/fetch.h"
#include "tools/internal.h"
#include "tools/toolrun.h"
#include "tools/web_page.h"
#include "tools/web_provider.h"

enum { URL_MAX = 2000, PATTERN_MAX = 1000, QUERY_MAX = 1000 }; /* characters */

static const struct field query_row = {.kind = F_STR, .max = QUERY_MAX};
static const struct field params[] = {
    FIELD_CHECKED("query", F_STR, .nullable = true, .max = QUERY_MAX),
    FIELD_CHECKED("queries", F_ARRAY, .nullable = true, .item = &query_row),
    FIELD_CHECKED("url", F_STR, .nullable = true, .max = URL_MAX),
    FIELD_CHECKED("pattern", F_STR, .nullable = true, .max = PATTERN_MAX),
    FIELD_END,
};

/* --- what was asked for --- */

enum size { LOW, MEDIUM, HIGH };

static enum size web_search_size_of(const struct toolrun *run)
{
	struct str size = json_str(json_get(run->given, S("search_context_size")));
	return str_eq(size, S("low")) ? LOW : str_eq(size, S("high")) ? HIGH : MEDIUM;
}

static size_t web_search_results_wanted(enum size size)
{
	return (size_t)(size == LOW    ? web_limits.results_low
			: size == HIGH ? web_limits.results_high
				       : web_limits.results_medium);
}

static size_t page_bytes(enum size size)
{
	return (size_t)(size == LOW    ? web_limits.page_low
			: size == HIGH ? web_limits.page_high
				       : web_limits.page_medium);
}

static bool cache_only(yyjson_val *given)
{
	return yyjson_is_false(json_get(given, S("external_web_access")));
}

static struct web_query query_of(const struct toolrun *run)
{
	yyjson_val *filters = json_get(run->given, S("filters"));
	return (struct web_query){
	    .max = web_search_results_wanted(web_search_size_of(run)),
	    .allowed = json_get(filters, S("allowed_domains")),
	    .blocked = json_get(filters, S("blocked_domains")),
	    .country = json_str(json_get(json_get(run->given, S("user_location")), S("country"))),
	};
}

/* --- a search --- */

struct hits {
	struct web_hit *at;
	size_t n;
};

/* Why the provider did not answer, in words that tell nothing of where it stands. */
static bool provider_failed(struct toolrun *run, const struct web_provider *p, const struct fetch_answer *a)
{
	if (a->fault == FETCH_OK && (a->status == 429 || a->status == 402 || a->status == 432 || a->status == 433))
		return toolrun_fail(run, "The search provider's quota is used up (status %d).", a->status);
	if (a->fault == FETCH_OK && (a->status == 401 || a->status == 403))
		return toolrun_fail(run, "The search provider refuses the server (status %d)%s.", a->status,
				    p->key_env.n ? ": is its key right" : ": does it allow format=json");
	if (a->fault == FETCH_OK)
		return toolrun_fail(run, "The search provider answered with status %d.", a->status);
	if (a->fault == FETCH_TIMEOUT)
		return toolrun_fail(run, "The search provider did not answer in time.");
	if (a->fault == FETCH_TOO_LARGE)
		return toolrun_fail(run, "The search provider's answer is too large.");
	return toolrun_fail(run, "The search provider could not be reached (%s).", fetch_fault_name(a->fault));
}

static bool is_json(struct str type)
{
	struct str bare = str_trim(str_cut(&type, ';'));
	return str_eq_nocase(bare, S("application/json"));
}

static bool ask_provider(struct toolrun *run, const struct web_query *q, struct hits *ret)
{
	const struct tools_options *o = &run->tools->options;
	const struct web_provider *p = web_provider(o->provider);
	struct web_request rq = {0};
	struct fetch_answer answer;
	struct err e = {0};
	p->ask(&run->arena, o, q, &rq);
	struct fetch f = {.url = rq.url,
			  .body = rq.body,
			  .headers = rq.headers,
			  .n_headers = rq.n_headers,
			  .max_bytes = web_limits.answer_bytes,
			  .timeout_ms = toolrun_left_ms(run, web_limits.provider_ms),
			  .cancelled = toolrun_flag(run)};
	fetch_run(&f, &answer);
	bool ok = answer.fault == FETCH_OK && answer.status == 200;
	if (!ok) {
		provider_failed(run, p, &answer);
	} else if (!is_json(answer.content_type)) {
		ok = toolrun_fail(run, "The search provider's answer is not JSON.");
	} else {
		ret->at = new_array(&run->arena, struct web_hit, q->max + 1);
		ok = web_read_hits(&run->arena, p, q, buf_str(&answer.body), ret->at, &ret->n, &e) ||
		     toolrun_fail(run, "The search provider cannot be understood: %s.", e.msg);
	}
	if (!ok)
		log_at(LOG_WARN, "a search of the web failed", "provider=%.*s reason=\"%.*s\" detail=\"%s\"",
		       FMT(p->name), FMT(run->result.said), answer.why);
	fetch_release(&answer);
	return ok;
}

static bool ask_cache(struct toolrun *run, const struct web_query *q, struct hits *ret)
{
	size_t most = q->max * 4, n; /* some may be of other domains */
	struct web_page *pages = new_array(&run->arena, struct web_page, most);
	ret->at = new_array(&run->arena, struct web_hit, q->max);
	n = web_cache_find(run->tools->cache, run->project, q->text, &run->arena, pages, most);
	for (size_t i = 0; i < n && ret->n < q->max; i++)
		if (web_domain_fits(q, pages[i].url))
			ret->at[ret->n++] = (struct web_hit){pages[i].url, pages[i].title, pages[i].text};
	return true;
}

static void web_search_remember(struct toolrun *run, const struct hits *hits)
{
	struct web_page *pages = new_array(&run->arena, struct web_page, hits->n + 1);
	for (size_t i = 0; i < hits->n; i++)
		pages[i] =
		    (struct web_page){.url = hits->at[i].url, .title = hits->at[i].title, .text = hits->at[i].text};
	web_cache_put(run->tools->cache, run->project, pages, hits->n);
}

static bool web_search_known(const struct tool_result *r, struct str url)
{
	for (size_t i = 0; i < r->n_sources; i++)
		if (str_eq(r->sources[i].url, url))
			return true;
	return false;
}

/* The queries' results by turns, the best of each first. */
static void web_search_gather(struct toolrun *run, const struct hits *hits, size_t n, size_t max)
{
	struct tool_result *r = &run->result;
	r->sources = new_array(&run->arena, struct tool_source, max);
	for (size_t rank = 0, left = 1; left && r->n_sources < max; rank++) {
		left = 0;
		for (size_t i = 0; i < n && r->n_sources < max; i++) {
			if (rank >= hits[i].n)
				continue;
			left++;
			const struct web_hit *h = &hits[i].at[rank];
			if (!web_search_known(r, h->url))
				r->sources[r->n_sources++] = (struct tool_source){
				    .url = h->url,
				    .title = h->title,
				    .text = web_text_cut(h->text, (size_t)web_limits.snippet_bytes)};
		}
	}
}

/* --- the item --- */

static struct str web_search_taken(struct toolrun *run, struct buf *b)
{
	struct str s = str_copy(&run->arena, buf_str(b));
	buf_release(b);
	return s;
}

static void web_search_write_sources(struct jout *o, const struct tool_result *r)
{
	jo_key(o, S("sources"));
	jo_arr(o);
	for (size_t i = 0; i < r->n_sources; i++) {
		jo_obj(o);
		jo_kstr(o, "type", S("url"));
		jo_kstr(o, "url", r->sources[i].url);
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

static void web_search_write_results(struct jout *o, const struct tool_result *r)
{
	jo_key(o, S("results"));
	jo_arr(o);
	for (size_t i = 0; i < r->n_sources; i++) {
		jo_obj(o);
		jo_kstr(o, "type", S("text_result"));
		jo_kstr(o, "url", r->sources[i].url);
		jo_kstr(o, "title", r->sources[i].title.p ? r->sources[i].title : S(""));
		jo_kstr(o, "snippet", r->sources[i].text.p ? r->sources[i].text : S(""));
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

static void web_search_members(struct toolrun *run, const struct str *queries, size_t n)
{
	struct buf b;
	buf_init(&b, 64 << 20);
	struct jout o = {.b = &b};
	jo_key(&o, S("action"));
	jo_obj(&o);
	jo_kstr(&o, "type", S("search"));
	jo_key(&o, S("queries"));
	jo_arr(&o);
	for (size_t i = 0; i < n; i++)
		jo_str(&o, queries[i]);
	jo_arr_end(&o);
	jo_kstr(&o, "query", queries[0]);
	if (!run->result.failed)
		web_search_write_sources(&o, &run->result);
	jo_obj_end(&o);
	if (!run->result.failed)
		web_search_write_results(&o, &run->result);
	run->result.members = web_search_taken(run, &b);
}

static void page_members(struct toolrun *run, struct str url, struct str pattern)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	struct jout o = {.b = &b};
	jo_key(&o, S("action"));
	jo_obj(&o);
	jo_kstr(&o, "type", pattern.n ? S("find_in_page") : S("open_page"));
	if (pattern.n)
		jo_kstr(&o, "pattern", pattern);
	jo_kstr(&o, "url", url);
	jo_obj_end(&o);
	run->result.members = web_search_taken(run, &b);
}

/* --- search --- */

static size_t web_search_queries_of(struct toolrun *run, struct str *ret, size_t max)
{
	size_t i, all, n = 0;
	yyjson_val *one;
	struct str query = str_trim(json_str(json_get(run->args, S("query"))));
	if (query.n)
		ret[n++] = query;
	yyjson_arr_foreach(json_get(run->args, S("queries")), i, all, one)
	{
		struct str text = str_trim(json_str(one));
		if (text.n && n < max && !(n && str_eq(ret[0], text)))
			ret[n++] = text;
	}
	return n;
}

static void search(struct toolrun *run)
{
	size_t max = (size_t)web_limits.queries;
	struct str *queries = new_array(&run->arena, struct str, max + 1);
	size_t n = web_search_queries_of(run, queries, max), failures = 0;
	struct hits *hits = new_array(&run->arena, struct hits, n);
	struct web_query q = query_of(run);
	for (size_t i = 0; i < n && !toolrun_stopped(run); i++) {
		q.text = queries[i];
		if (cache_only(run->given))
			ask_cache(run, &q, &hits[i]);
		else if (!ask_provider(run, &q, &hits[i]))
			failures++;
		else
			web_search_remember(run, &hits[i]);
	}
	if (toolrun_stopped(run))
		toolrun_fail(run, "The search took too long.");
	else if (failures < n) { /* some of it was answered */
		run->result.failed = false;
		run->result.searches = 1;
		web_search_gather(run, hits, n, q.max);
		run->result.said = run->result.n_sources ? S("Results of the search, the best first.")
				   : cache_only(run->given)
				       ? S("No results were found: only what was fetched before can be searched.")
				       : S("No results were found.");
	}
	web_search_members(run, queries, n);
}

/* --- pages --- */

/* Models leave the scheme out. */
static struct str whole_url(struct toolrun *run, struct str url)
{
	size_t colon = str_find(url, ':');
	bool scheme = url.n - colon > 2 && !memcmp(url.p + colon, "://", 3);
	return scheme || !url.n ? url : str_fmt(&run->arena, "https://%.*s", FMT(url));
}

static void open_page(struct toolrun *run, struct str url, struct str pattern)
{
	struct web_query q = query_of(run);
	struct web_page page = {0};
	struct tool_result *r = &run->result;
	size_t n = 0, most = page_bytes(web_search_size_of(run));
	if (!web_domain_fits(&q, url) ||
	    (web_page_load(run, url, cache_only(run->given), &page) && !web_domain_fits(&q, page.url)))
		toolrun_fail(run, "Pages of this site are not to be opened.");
	else if (page.url.n) {
		r->sources = new (&run->arena, struct tool_source);
		*r->sources = (struct tool_source){.url = page.url, .title = page.title, .text = page.text};
		r->n_sources = 1;
		r->said = S("The page.");
		if (pattern.n) {
			r->sources->text = web_page_places(run, page.text, pattern, &n);
			r->said = n ? S("The places of the page where the text was found.")
				    : S("The text was not found in the page.");
			r->n_sources = n > 0;
		} else if (page.text.n > most) {
			r->sources->text = web_text_cut(page.text, most);
			r->said = S("The beginning of the page; give `pattern` to find more in it.");
		}
	}
	page_members(run, url, pattern);
}

static void search_run(struct toolrun *run)
{
	struct str url = whole_url(run, str_trim(json_str(json_get(run->args, S("url")))));
	toolrun_running(run);
	if (url.n)
		open_page(run, url, str_trim(json_str(json_get(run->args, S("pattern")))));
	else
		search(run);
}

/* --- the tool --- */

const char *web_search_lacks(const struct tools_options *o)
{
	const struct web_provider *p = web_provider(o->provider);
	if (!p)
		return "no search provider is configured. Configure one: --set web_search.provider=searxng --set "
		       "web_search.url=URL (or brave, tavily with their keys)";
	if (!p->url.n && !o->url.n)
		return "the search provider has no address. Configure it: --set web_search.url=URL";
	if (p->key_env.n && !o->key.n)
		return str_eq(p->name, S("brave"))
			   ? "the search provider has no key. Put it into the environment: BRAVE_API_KEY"
			   : "the search provider has no key. Put it into the environment: TAVILY_API_KEY";
	return NULL;
}

const char *web_search_key_env(struct str provider)
{
	const struct web_provider *p = web_provider(provider);
	return p && p->key_env.n ? p->key_env.p : NULL;
}

/* Without a provider only what was fetched before can be searched; whoever asks for more is told how to set one. */
static bool search_serves(const struct tools_options *o, yyjson_val *given, const char *path, struct err *e)
{
	const char *lacks = cache_only(given) ? NULL : web_search_lacks(o);
	return !lacks ||
	       fail(e, ERR_UNSUPPORTED_VALUE, path,
		    "Unsupported value: '%.*s'. This server cannot search the web: %s; or set 'external_web_access' to "
		    "false to search what was fetched before.",
		    FMT(json_str(json_get(given, S("type")))), lacks);
}

static bool search_fits(yyjson_val *args, struct err *e)
{
	size_t i, max;
	yyjson_val *one;
	bool any = str_trim(json_str(json_get(args, S("query")))).n || str_trim(json_str(json_get(args, S("url")))).n;
	yyjson_arr_foreach(json_get(args, S("queries")), i, max, one) any |= str_trim(json_str(one)).n > 0;
	return any || fail(e, ERR_MISSING_PARAMETER, NULL, "Give `query` to search, or `url` to open a page.");
}

static void search_describe(struct buf *b, yyjson_val *given, yyjson_val *settled)
{
	static const struct str keys[] = {STR("city"), STR("region"), STR("country"), STR("timezone")};
	yyjson_val *place = json_get(given, S("user_location"));
	bool any = false;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct str v = json_str(json_get(place, keys[i]));
		if (!v.n)
			continue;
		buf_add(b, any ? S(", ") : S(" The user is near: "));
		buf_add(b, v);
		any = true;
	}
	if (any)
		buf_byte(b, '.');
}

/* As recorded for the newest models; that only the cache is searched is not said again. */
static void search_echo(struct jout *o, yyjson_val *tool, yyjson_val *settled)
{
	struct str size = json_str(json_get(tool, S("search_context_size")));
	struct str type = json_str(json_get(tool, S("type")));
	yyjson_val *place = json_get(tool, S("user_location")), *content = json_get(tool, S("search_content_types"));
	jo_obj(o);
	jo_kstr(o, "type", type);
	jo_member(o, tool, S("filters"));
	if (!str_starts(type, S("web_search_preview")))
		jo_kstr(o, "return_token_budget", S("default"));
	jo_key(o, S("search_content_types"));
	if (yyjson_is_arr(content))
		jo_val(o, content);
	else
		jo_raw(o, S("[\"text\"]"));
	jo_kstr(o, "search_context_size", size.p ? size : S("medium"));
	jo_key(o, S("user_location"));
	jo_obj(o);
	jo_kstr(o, "type", S("approximate"));
	jo_member_or_null(o, place, S("city"));
	jo_kstr(o, "country", yyjson_is_obj(place) ? json_str(json_get(place, S("country"))) : S("US"));
	jo_member_or_null(o, place, S("region"));
	jo_member_or_null(o, place, S("timezone"));
	jo_obj_end(o);
	jo_obj_end(o);
}

/* A search by its queries; a page by its address, and what was looked for in it. */
static struct str search_arguments(struct arena *a, yyjson_val *item)
{
	yyjson_val *action = json_get(item, S("action")), *queries = json_get(action, S("queries"));
	struct buf b;
	if (!json_str(json_get(action, S("query"))).n && !yyjson_arr_size(queries) &&
	    !json_str(json_get(action, S("url"))).n)
		return (struct str){0};
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_member(&o, action, yyjson_arr_size(queries) > 1 ? S("queries") : S("query"));
	jo_member(&o, action, S("url"));
	jo_member(&o, action, S("pattern"));
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

static struct str search_found(struct arena *a, yyjson_val *item)
{
	yyjson_val *results = json_get(item, S("results"));
	return yyjson_arr_size(results) ? json_text(a, results) : (struct str){0};
}

static int64_t search_count(yyjson_val *item)
{
	return str_eq(json_str(json_get(item, S("status"))), S("completed")) &&
	       str_eq(json_str(json_get(json_get(item, S("action")), S("type"))), S("search"));
}

const struct tool tool_web_search = {
    .face =
	{.types = {STR("web_search"), STR("web_search_2025_08_26"), STR("web_search_preview"),
		   STR("web_search_preview_2025_03_11")},
	 .item = ITEM_WEB_SEARCH_CALL,
	 .function = STR("web_search"),
	 .description = STR(
	     "Searches the web with `query` (or with several `queries`), opens a page with `url`, or finds text in a "
	     "page "
	     "with `url` and `pattern`. What it finds is numbered: behind each statement that rests on it write the "
	     "number in brackets, like [1]."),
	 .schema = STR(
	     "{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\",\"description\":\"What to search "
	     "for.\"},"
	     "\"queries\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"Several searches at "
	     "once.\"},"
	     "\"url\":{\"type\":\"string\",\"description\":\"A page to open instead of searching.\"},"
	     "\"pattern\":{\"type\":\"string\",\"description\":\"With url: text to find in that page.\"}}}"),
	 .params = params,
	 .events = {EV_WEB_SEARCH_IN_PROGRESS, EV_WEB_SEARCH_SEARCHING, EV_WEB_SEARCH_COMPLETED},
	 .hidden = {{STR("web_search_call.action.sources"), STR("action"), STR("sources")},
		    {STR("web_search_call.results"), {0}, STR("results")}},
	 .fresh = {{STR("action"), {0}}, {STR("results"), {0}}},
	 .blank = STR("\"action\":{\"type\":\"search\",\"queries\":[],\"query\":\"\"}"),
	 .arguments = search_arguments,
	 .found = search_found,
	 .searches = search_count,
	 .echo = search_echo},
    .again = true,
    .serves = search_serves,
    .describe = search_describe,
    .fits = search_fits,
    .run = search_run,
};
