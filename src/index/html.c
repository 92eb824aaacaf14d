/* html.c - a web page as text that can be read. */
#include "index/html.h"

#include <gumbo.h>
#include <setjmp.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

/* Hostile pages nest without end, and grow when they are mended (open <font>s are opened again in each <p>). */
enum {
	DEPTH_MAX = 512,        /* elements inside one another that are read */
	PARSE_BYTES = 64 << 20, /* of one page's tree */
	PARSE_MS = 5000,
	LOOK_EVERY = 1024, /* allocations between two looks at the clock */
};

/* What an element does to the text. */
enum effect { INLINE, SKIP, BLOCK, PARAGRAPH, BREAK, ITEM, CELL, HEADING, PRE };

static const struct {
	GumboTag tag;
	enum effect effect;
} effects[] = {
    {GUMBO_TAG_SCRIPT, SKIP},   {GUMBO_TAG_STYLE, SKIP},       {GUMBO_TAG_NOSCRIPT, SKIP},
    {GUMBO_TAG_TEMPLATE, SKIP}, {GUMBO_TAG_HEAD, SKIP},        {GUMBO_TAG_NAV, SKIP},
    {GUMBO_TAG_FOOTER, SKIP},   {GUMBO_TAG_ASIDE, SKIP},       {GUMBO_TAG_FORM, SKIP},
    {GUMBO_TAG_BUTTON, SKIP},   {GUMBO_TAG_SELECT, SKIP},      {GUMBO_TAG_TEXTAREA, SKIP},
    {GUMBO_TAG_SVG, SKIP},      {GUMBO_TAG_MATH, SKIP},        {GUMBO_TAG_CANVAS, SKIP},
    {GUMBO_TAG_IFRAME, SKIP},   {GUMBO_TAG_OBJECT, SKIP},      {GUMBO_TAG_VIDEO, SKIP},
    {GUMBO_TAG_AUDIO, SKIP},    {GUMBO_TAG_P, PARAGRAPH},      {GUMBO_TAG_BLOCKQUOTE, PARAGRAPH},
    {GUMBO_TAG_UL, PARAGRAPH},  {GUMBO_TAG_OL, PARAGRAPH},     {GUMBO_TAG_TABLE, PARAGRAPH},
    {GUMBO_TAG_DL, PARAGRAPH},  {GUMBO_TAG_FIGURE, PARAGRAPH}, {GUMBO_TAG_H1, HEADING},
    {GUMBO_TAG_H2, HEADING},    {GUMBO_TAG_H3, HEADING},       {GUMBO_TAG_H4, HEADING},
    {GUMBO_TAG_H5, HEADING},    {GUMBO_TAG_H6, HEADING},       {GUMBO_TAG_PRE, PRE},
    {GUMBO_TAG_BR, BREAK},      {GUMBO_TAG_HR, PARAGRAPH},     {GUMBO_TAG_LI, ITEM},
    {GUMBO_TAG_TD, CELL},       {GUMBO_TAG_TH, CELL},          {GUMBO_TAG_TR, BLOCK},
    {GUMBO_TAG_DIV, BLOCK},     {GUMBO_TAG_SECTION, BLOCK},    {GUMBO_TAG_ARTICLE, BLOCK},
    {GUMBO_TAG_MAIN, BLOCK},    {GUMBO_TAG_HEADER, BLOCK},     {GUMBO_TAG_DT, BLOCK},
    {GUMBO_TAG_DD, BLOCK},      {GUMBO_TAG_FIGCAPTION, BLOCK}, {GUMBO_TAG_CAPTION, BLOCK},
    {GUMBO_TAG_ADDRESS, BLOCK}, {GUMBO_TAG_DETAILS, BLOCK},    {GUMBO_TAG_SUMMARY, BLOCK},
};

static enum effect effect_of(GumboTag tag)
{
	for (size_t i = 0; i < sizeof effects / sizeof *effects; i++)
		if (effects[i].tag == tag)
			return effects[i].effect;
	return INLINE;
}

struct writer {
	struct buf *b;
	int breaks; /* line breaks that are due before the next text */
	bool space; /* a blank is due */
	bool pre;   /* white space counts */
};

static void due(struct writer *w, int breaks)
{
	if (w->breaks < breaks)
		w->breaks = breaks;
	w->space = false;
}

static void html_settle(struct writer *w)
{
	for (; w->breaks > 0; w->breaks--)
		if (w->b->n)
			buf_byte(w->b, '\n');
	if (w->space && w->b->n && w->b->p[w->b->n - 1] != '\n')
		buf_byte(w->b, ' ');
	w->space = false;
}

static void add_text(struct writer *w, const char *p)
{
	for (; *p; p++) {
		if (!w->pre && strchr(" \t\r\n\f", *p)) {
			w->space |= !w->breaks;
			continue;
		}
		html_settle(w);
		buf_byte(w->b, *p);
	}
}

static bool html_hidden(const GumboElement *el)
{
	const GumboAttribute *aria = gumbo_get_attribute(&el->attributes, "aria-hidden");
	return gumbo_get_attribute(&el->attributes, "hidden") || (aria && !strcmp(aria->value, "true"));
}

/* Line breaks around an element, and what leads its text. */
static int before(struct writer *w, enum effect effect)
{
	switch (effect) {
	case PARAGRAPH:
	case PRE:
	case HEADING:
		due(w, 2);
		return 2;
	case BLOCK:
	case BREAK:
		due(w, 1);
		return 1;
	case ITEM:
		due(w, 1);
		html_settle(w);
		buf_add(w->b, S("- "));
		return 1;
	case CELL:
		if (!w->breaks && w->b->n && w->b->p[w->b->n - 1] != '\n')
			add_text(w, " | ");
		w->space = !w->breaks && w->b->n;
		return 0;
	default:
		return 0;
	}
}

static void html_walk(struct writer *w, const GumboNode *root)
{
	struct {
		const GumboNode *node;
		unsigned child;
		int after;
		bool pre;
	} stack[DEPTH_MAX];
	int n = 1;
	stack[0].node = root;
	stack[0].child = 0;
	stack[0].after = 0;
	stack[0].pre = false;
	while (n && !w->b->over) {
		const GumboVector *children = &stack[n - 1].node->v.element.children;
		if (stack[n - 1].child == children->length) {
			n--;
			w->pre = n && stack[n - 1].pre;
			due(w, stack[n].after);
			continue;
		}
		const GumboNode *node = children->data[stack[n - 1].child++];
		if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE ||
		    node->type == GUMBO_NODE_CDATA)
			add_text(w, node->v.text.text);
		if (node->type != GUMBO_NODE_ELEMENT)
			continue;
		enum effect effect = effect_of(node->v.element.tag);
		if (effect == SKIP || n == DEPTH_MAX || html_hidden(&node->v.element))
			continue;
		int after = before(w, effect);
		stack[n].node = node;
		stack[n].child = 0;
		stack[n].after = after;
		stack[n].pre = w->pre = stack[n - 1].pre || effect == PRE;
		n++;
	}
}

/* The first element of that name, not deep below. */
static const GumboNode *child_named(const GumboNode *node, GumboTag tag)
{
	const GumboVector *children = &node->v.element.children;
	for (unsigned i = 0; i < children->length; i++) {
		const GumboNode *one = children->data[i];
		if (one->type == GUMBO_NODE_ELEMENT && one->v.element.tag == tag)
			return one;
	}
	return NULL;
}

static struct str written(struct arena *a, const GumboNode *node, size_t max, bool *cut)
{
	struct buf b;
	buf_init(&b, max);
	struct writer w = {.b = &b};
	html_walk(&w, node);
	size_t n = b.n;
	while (b.over && n && ((unsigned char)b.p[n - 1] & 0xc0) == 0x80) /* no half a character */
		n--;
	if (b.over && n && (unsigned char)b.p[n - 1] >= 0xc0)
		n--;
	*cut = b.over;
	struct str text = str_copy(a, (struct str){b.p ? b.p : "", n});
	buf_release(&b);
	return text;
}

/* --- parsing, within bounds --- */

struct parsing {
	struct arena arena; /* the tree; it goes as a whole: gumbo takes it apart by recursion */
	int64_t due_us;
	unsigned n;
	jmp_buf out_of_bounds;
	GumboOutput *out;
};

static void *html_take(void *ctx, size_t n)
{
	struct parsing *p = ctx;
	bool late = ++p->n % LOOK_EVERY == 0 && clock_mono_us() > p->due_us;
	if (late || p->arena.total + n > PARSE_BYTES)
		longjmp(p->out_of_bounds, 1);
	return arena_alloc(&p->arena, n);
}

static void html_give(void *ctx, void *what)
{
}

static bool html_parse(struct parsing *p, struct str html)
{
	GumboOptions options = kGumboDefaultOptions;
	options.allocator = html_take;
	options.deallocator = html_give;
	options.userdata = p;
	options.max_errors = 0;
	if (setjmp(p->out_of_bounds))
		return false;
	p->out = gumbo_parse_with_options(&options, html.p, html.n);
	return p->out != NULL;
}

bool html_text(struct arena *a, struct str html, size_t max, struct page_text *ret)
{
	enum { TITLE_MAX = 500 };
	struct parsing p = {.due_us = clock_mono_us() + PARSE_MS * 1000};
	bool cut, ok = html_parse(&p, html);
	*ret = (struct page_text){0};
	if (ok) {
		const GumboNode *head = child_named(p.out->root, GUMBO_TAG_HEAD);
		const GumboNode *body = child_named(p.out->root, GUMBO_TAG_BODY);
		const GumboNode *title = head ? child_named(head, GUMBO_TAG_TITLE) : NULL;
		if (title)
			ret->title = written(a, title, TITLE_MAX, &cut);
		ret->text = body ? written(a, body, max, &ret->cut) : S("");
	}
	arena_free(&p.arena);
	return ok;
}
