/* turn_cite.c - citations in the text of a turn that has sources. */
#include "turn/turn_cite.h"

#include "tools/cite_link.h"
#include "turn/turn_output_parts.h"

/* Text gathers until something else must be told, so that a delta stays one delta. */
struct sink {
	struct cite_sink sink;
	struct turn *turn;
	struct out_item *it;
	struct buf text;
	struct str logprobs; /* go with the first delta */
};

bool turn_cites(const struct turn *t)
{
	return t->out.tools.n_sources && t->req.format.kind == FORMAT_TEXT;
}

static void flush(struct sink *s)
{
	if (!s->text.n)
		return;
	text_delta(s->turn, s->it, buf_str(&s->text), s->logprobs);
	s->logprobs = (struct str){0};
	buf_clear(&s->text);
}

static void turn_cite_on_text(struct cite_sink *sink, struct str text)
{
	buf_add(&OWNER(sink, struct sink, sink)->text, text);
}

static void write_page(struct jout *o, const struct cite_source *source, int64_t start, int64_t end)
{
	struct buf url;
	buf_init(&url, SIZE_MAX / 2);
	cite_url(&url, source->url);
	jo_kstr(o, "type", S("url_citation"));
	jo_kint(o, "end_index", end);
	jo_kint(o, "start_index", start);
	jo_kstr(o, "title", source->title);
	jo_kstr(o, "url", buf_str(&url));
	buf_release(&url);
}

static void write_file(struct jout *o, const struct cite_source *source, int64_t at, int64_t end)
{
	(void)end; /* nothing of it is in the text */
	jo_kstr(o, "type", S("file_citation"));
	jo_kstr(o, "file_id", source->url);
	jo_kstr(o, "filename", source->title);
	jo_kint(o, "index", at);
}

static void write_container_file(struct jout *o, const struct cite_source *source, int64_t start, int64_t end)
{
	struct str name = source->title;
	while (str_find(name, '/') < name.n)
		str_cut(&name, '/');
	jo_kstr(o, "type", S("container_file_citation"));
	jo_kstr(o, "container_id", source->place);
	jo_kint(o, "end_index", end);
	jo_kstr(o, "file_id", source->url);
	jo_kstr(o, "filename", name);
	jo_kint(o, "start_index", start);
}

static struct str annotation(struct turn *t, const struct cite_source *source, int64_t start, int64_t end)
{
	static void (*const writers[])(struct jout *, const struct cite_source *, int64_t, int64_t) = {
	    [CITE_PAGE] = write_page, [CITE_FILE] = write_file, [CITE_CONTAINER] = write_container_file};
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	writers[source->kind](&o, source, start, end);
	jo_obj_end(&o);
	struct str json = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return json;
}

struct out_cites *turn_cites_of(struct turn *t, struct out_item *it)
{
	if (!it->cites) {
		it->cites = new(&t->arena, struct out_cites);
		buf_init(&it->cites->json, (size_t)api_limits.output_bytes + 1);
	}
	return it->cites;
}

struct str turn_cites_json(const struct out_item *it)
{
	return it->cites ? buf_str(&it->cites->json) : S("");
}

void turn_cites_clear(struct out_item *it)
{
	struct out_cites *c = it->cites;
	if (!c)
		return;
	if (c->state)
		*c->state = (struct citer){.cited = c->state->cited};
	c->n = 0;
	buf_clear(&c->json);
}

static void on_cited(struct cite_sink *sink, const struct cite_source *source, int64_t start, int64_t end)
{
	struct sink *s = OWNER(sink, struct sink, sink);
	struct out_cites *c = turn_cites_of(s->turn, s->it);
	struct str json = annotation(s->turn, source, start, end);
	flush(s);
	if (c->n && !output_grow(s->turn, &c->json, S(",")))
		return;
	if (!output_grow(s->turn, &c->json, json))
		return;
	tell_annotation(&s->turn->out.teller, &s->it->at, c->n++, json);
}

static struct sink sink_of(struct turn *t, struct out_item *it)
{
	struct sink s = {.sink = {turn_cite_on_text, on_cited}, .turn = t, .it = it};
	buf_init(&s.text, (size_t)api_limits.output_bytes * 2);
	return s;
}

/* Kept from the first text that is read for markers: most are not. */
static struct citer *citer_of(struct turn *t, struct out_item *it)
{
	struct out_cites *c = turn_cites_of(t, it);
	if (!c->state)
		c->state = new(&t->arena, struct citer);
	return c->state;
}

void turn_cite_text(struct turn *t, struct out_item *it, struct str piece, struct str logprobs)
{
	struct sink s = sink_of(t, it);
	s.logprobs = logprobs;
	cite_feed(citer_of(t, it), t->out.tools.sources, t->out.tools.n_sources, piece, &s.sink);
	flush(&s);
	buf_release(&s.text);
}

void turn_cite_close(struct turn *t, struct out_item *it)
{
	if (!it->cites || !it->cites->state)
		return;
	struct sink s = sink_of(t, it);
	cite_end(it->cites->state, t->out.tools.sources, t->out.tools.n_sources, &s.sink);
	flush(&s);
	buf_release(&s.text);
}

/* The call right before this message; thinking may stand between them. */
static int call_before(const struct turn *t, const struct out_item *it)
{
	const struct out_item *last = NULL;
	for (const struct out_item *at = t->out.first; at && at != it; at = at->next)
		if (at->type != ITEM_REASONING)
			last = at;
	return last ? last->at.index + 1 : 0;
}

void turn_cite_links(struct turn *t, struct out_item *it)
{
	const struct turn_tools *tt = &t->out.tools;
	int call = call_before(t, it);
	if (!turn_cites(t))
		return;
	struct sink s = sink_of(t, it);
	for (size_t i = 0; call && i < tt->n_sources; i++)
		if (tt->sources[i].shown_by == call)
			on_cited(&s.sink, &tt->sources[i], 0, 0);
	cite_links(buf_str(&it->text), tt->sources, tt->n_sources, &s.sink);
	buf_release(&s.text);
}

static bool cited(const struct turn *t)
{
	for (const struct out_item *it = t->out.first; it; it = it->next)
		if (it->cites && it->cites->state && it->cites->state->cited)
			return true;
	return false;
}

void turn_cite_finish(struct turn *t)
{
	struct turn_tools *tt = &t->out.tools;
	struct out_item *it = t->out.last;
	if (!turn_cites(t) || !it || it->done || it->part != TOLD_TEXT)
		return;
	turn_cite_close(t, it);
	struct cite_source *used = new_array(&t->arena, struct cite_source, tt->n_sources);
	size_t n = 0;
	for (size_t i = 0; i < tt->n_sources; i++)
		if (tt->sources[i].fresh && tt->sources[i].kind != CITE_CONTAINER)
			used[n++] = tt->sources[i];
	if (cited(t))
		return;
	struct sink s = sink_of(t, it);
	cite_list(citer_of(t, it), used, n, (size_t)tools_limits.sources_listed, &s.sink);
	flush(&s);
	buf_release(&s.text);
}
