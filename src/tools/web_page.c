/* web_page.c - pages of the web: fetched or out of the cache, and places in them. Worker thread. */
#include "tools/web_page.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "index/extract.h"
#include "net/fetch.h"
#include "sandbox/policy.h"
#include "tools/internal.h"
#include "tools/toolrun.h"
#include "tools/web_provider.h"

static bool inside_character(struct str text, size_t at)
{
	return at < text.n && ((unsigned char)text.p[at] & 0xc0) == 0x80;
}

struct str web_text_cut(struct str text, size_t max)
{
	if (text.n <= max)
		return text;
	while (max && inside_character(text, max))
		max--;
	return (struct str){text.p, max};
}

static bool page_failed(struct toolrun *run, const struct fetch_answer *a)
{
	switch (a->fault) {
	case FETCH_OK:
		return toolrun_fail(run, "The page could not be opened: its server answered with status %d.",
				    a->status);
	case FETCH_REFUSED:
	case FETCH_BAD_URL:
		return toolrun_fail(run, "This address may not be opened.");
	case FETCH_TOO_LARGE:
		return toolrun_fail(run, "The page is too large.");
	case FETCH_TIMEOUT:
		return toolrun_fail(run, "The page's server did not answer in time.");
	default:
		return toolrun_fail(run, "The page could not be reached (%s).", fetch_fault_name(a->fault));
	}
}

static bool fetch_page(struct toolrun *run, struct str url, struct web_page *ret)
{
	static const struct str headers[] = {STR("Accept: text/html, text/plain;q=0.9, */*;q=0.5")};
	struct fetch_answer answer;
	struct page_text text = {0};
	struct err e = {0};
	struct fetch f = {.url = url,
			  .headers = headers,
			  .n_headers = 1,
			  .guard = &fetch_guard,
			  .follow = true,
			  .max_bytes = web_limits.fetch_bytes,
			  .timeout_ms = toolrun_left_ms(run, web_limits.page_ms),
			  .cancelled = toolrun_flag(run)};
	fetch_run(&f, &answer);
	bool ok = answer.fault == FETCH_OK && answer.status == 200;
	if (!ok)
		page_failed(run, &answer);
	else
		ok = extract_text(&run->arena, answer.content_type, buf_str(&answer.body),
				  (size_t)web_limits.fetch_bytes, sandbox_limits.page_seconds, &text, &e) ||
		     toolrun_fail(run, "The page could not be read: %s.", e.msg);
	if (ok) { /* a redirect to another site: then that is the page */
		bool moved = !str_eq_nocase(web_host(url), web_host(answer.url));
		*ret = (struct web_page){.url = moved ? str_copy(&run->arena, answer.url) : url,
					 .title = text.title,
					 .text = text.text,
					 .whole = true};
		web_cache_put(run->tools->cache, run->project, ret, 1);
	}
	fetch_release(&answer);
	return ok;
}

bool web_page_load(struct toolrun *run, struct str url, bool only, struct web_page *ret)
{
	bool there = web_cache_get(run->tools->cache, run->project, url, &run->arena, ret);
	if (there && (only || ret->fetched_s + web_limits.cache_seconds > clock_wall_s()))
		return true;
	if (only)
		return toolrun_fail(
		    run, "This page is not among those that were fetched before, and no others may be opened.");
	return fetch_page(run, url, ret);
}

static struct str text_lower(struct arena *a, struct str s)
{
	char *p = arena_bytes(a, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)tolower((unsigned char)s.p[i]);
	return (struct str){p, s.n};
}

/* Where `pattern` stands in `text` from `at` on; text.n: nowhere. A page may be made to be slow to search: memmem() is
 * not. */
static size_t text_find(struct str text, size_t at, struct str pattern)
{
	const char *p = at < text.n ? memmem(text.p + at, text.n - at, pattern.p, pattern.n) : NULL;
	return p ? (size_t)(p - text.p) : text.n;
}

struct str web_page_places(struct toolrun *run, struct str text, struct str pattern, size_t *n)
{
	enum { AROUND = 300 };
	struct str low = text_lower(&run->arena, text),
		   word = text_lower(&run->arena, pattern); /* ASCII: no place moves */
	struct buf b;
	buf_init(&b, 16 << 20);
	for (size_t at = 0; *n < (size_t)web_limits.found && (at = text_find(low, at, word)) < text.n;) {
		size_t from = at > AROUND ? at - AROUND : 0;
		size_t to = text.n - at > pattern.n + AROUND ? at + pattern.n + AROUND : text.n;
		while (inside_character(text, from))
			from++;
		while (inside_character(text, to))
			to++;
		buf_add(&b, b.n ? S("\n...\n") : S(""));
		buf_add(&b, (struct str){text.p + from, to - from});
		at = to;
		++*n;
	}
	struct str found = str_copy(&run->arena, buf_str(&b));
	buf_release(&b);
	return found;
}
