/* chunk.c - a file's text in chunks and windows. */
#include "index/chunk.h"

#include <string.h>

/* --- tokens --------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static bool chunk_is_word(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The bytes of the character at p; of what is no UTF-8, one. */
static size_t character(const char *p, size_t left)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	return n < left ? n : left;
}

/* A word is a token and one more for each further six letters; a sign is one; of other scripts, letters of two bytes
 * (Greek, Cyrillic, Arabic) are half a token each, and those of three and four (Han, Kana, signs) one. */
struct tally {
	int64_t halves;
	size_t letters; /* of the word that is open */
};

static size_t count_one(struct tally *t, const char *p, size_t left)
{
	enum { LETTERS = 6 };
	size_t n = character(p, left);
	if (chunk_is_word(*p)) {
		t->halves += t->letters++ % LETTERS == 0 ? 2 : 0;
		return 1;
	}
	t->letters = 0;
	if (n > 1)
		t->halves += n == 2 ? 1 : 2;
	else
		t->halves += is_blank(*p) ? 0 : 2;
	return n;
}

int64_t chunk_tokens(struct str text)
{
	struct tally t = {0};
	for (size_t i = 0; i < text.n;)
		i += count_one(&t, text.p + i, text.n - i);
	return (t.halves + 1) / 2;
}

/* --- where a window may end ------------------------------------------------------------------------------------ */

enum strength { NOWHERE, CHARACTER, WORD, SENTENCE, LINE, PARAGRAPH, HEADING, PAGE };

static bool heading_at(struct str text, size_t at)
{
	size_t marks = 0;
	while (at + marks < text.n && text.p[at + marks] == '#')
		marks++;
	return marks && marks < 7 && at + marks < text.n && text.p[at + marks] == ' ';
}

/* How good a place the beginning of text[at] is for a break. */
static enum strength break_at(struct str text, size_t at)
{
	char before = text.p[at - 1], here = text.p[at];
	if (((unsigned char)here & 0xc0) == 0x80)
		return NOWHERE; /* inside a character */
	if (before == '\f')
		return PAGE;
	if (before == '\n') {
		if (heading_at(text, at))
			return HEADING;
		return at > 1 &&
			       (text.p[at - 2] == '\n' || (at > 2 && text.p[at - 2] == '\r' && text.p[at - 3] == '\n'))
			   ? PARAGRAPH
			   : LINE;
	}
	if (is_blank(before))
		return at > 1 && memchr(".!?:;", text.p[at - 2], 5) ? SENTENCE : WORD;
	/* The full stops of Chinese and Japanese; between their characters any place will do. */
	if (at > 2 && (!memcmp(text.p + at - 3, "\xe3\x80\x82", 3) || !memcmp(text.p + at - 3, "\xef\xbc\x9f", 3) ||
		       !memcmp(text.p + at - 3, "\xef\xbc\x81", 3)))
		return SENTENCE;
	return (unsigned char)before >= 0x80 || (unsigned char)here >= 0x80 ? WORD : CHARACTER;
}

/* The end of a window that begins at `from`: the strongest break in its last half, the last of equals; a page always
 * ends it. At least one character. */
static size_t window_end(struct str text, size_t from, int64_t most, int64_t *tokens)
{
	struct tally t = {0};
	size_t at = from, best = 0;
	enum strength found = NOWHERE;
	while (at < text.n) {
		struct tally next = t;
		size_t n = count_one(&next, text.p + at, text.n - at);
		if ((next.halves + 1) / 2 > most && at > from)
			break;
		t = next;
		at += n;
		enum strength s = at < text.n ? break_at(text, at) : PAGE;
		bool late = t.halves >= most; /* half of it is full */
		if (s == PAGE || (s >= found && (late || s >= HEADING))) {
			found = s;
			best = at;
			*tokens = (t.halves + 1) / 2;
		}
		if (s == PAGE)
			break;
	}
	if (best)
		return best;
	*tokens = (t.halves + 1) / 2;
	return at;
}

/* --- windows and chunks ------------------------------------------------------------------------------------------ */

/* So many tokens that chunks of `size` and steps of size - overlap are made of whole windows. */
static int64_t window_size(const struct chunk_options *o)
{
	int64_t step = o->size - o->overlap, parts = (step + CHUNK_WINDOW - 1) / CHUNK_WINDOW;
	return parts > 0 && step / parts > 0 ? step / parts : 1;
}

static bool all_blank(struct str s)
{
	size_t i = 0;
	while (i < s.n && is_blank(s.p[i]))
		i++;
	return i == s.n;
}

static struct window *window_new(struct arena *a, struct chunks *c, size_t *cap)
{
	if (c->n_windows == *cap) {
		*cap = *cap ? *cap * 2 : 16;
		struct window *more = new_array(a, struct window, *cap);
		if (c->n_windows)
			memcpy(more, c->windows, c->n_windows * sizeof *more);
		c->windows = more;
	}
	return &c->windows[c->n_windows++];
}

static struct str behind_header(struct arena *a, struct str header, struct str text)
{
	char *p = arena_bytes(a, header.n + text.n);
	memcpy(p, header.p, header.n);
	memcpy(p + header.n, text.p, text.n);
	return (struct str){p, header.n + text.n};
}

static void cut_windows(struct arena *a, struct str text, struct str front, int64_t most, struct chunks *ret)
{
	bool paged = memchr(text.p, '\f', text.n) != NULL;
	int64_t page = paged;
	size_t cap = 0;
	for (size_t at = 0; at < text.n;) {
		int64_t tokens = 0;
		size_t end = window_end(text, at, most, &tokens);
		struct str piece = {text.p + at, end - at};
		if (!all_blank(piece)) {
			struct window *w = window_new(a, ret, &cap);
			*w = (struct window){.text = piece, .at = at, .n = piece.n, .page = page, .tokens = tokens};
			if (front.n && at)
				w->text = behind_header(a, front, piece);
		}
		for (size_t i = at; i < end; i++)
			page += text.p[i] == '\f';
		at = end;
	}
}

static struct str span(struct arena *a, struct str text, struct str header, const struct window *first,
		       const struct window *last)
{
	struct str whole = {text.p + first->at, last->at + last->n - first->at};
	return header.n && first->at ? behind_header(a, header, whole) : whole;
}

static size_t windows_within(const struct chunks *c, size_t first, int64_t most)
{
	size_t n = 0;
	int64_t tokens = 0;
	while (first + n < c->n_windows && (n == 0 || tokens + c->windows[first + n].tokens <= most))
		tokens += c->windows[first + n++].tokens;
	return n;
}

/* The first window of the chunk after the one at [first, end): those before `end` that fit into the overlap. */
static size_t next_first(const struct chunks *c, size_t first, size_t end, int64_t overlap)
{
	int64_t tokens = 0;
	size_t at = end;
	while (at > first + 1 && tokens + c->windows[at - 1].tokens <= overlap)
		tokens += c->windows[--at].tokens;
	return at;
}

/* The first line of a table with its end, which may not stand within quotes. {0}: there is none, or nothing would fit
 * behind it. */
static struct str header_of(struct str text, const struct chunk_options *o)
{
	bool quoted = false;
	size_t n = 0;
	while (n < text.n && (text.p[n] != '\n' || quoted))
		quoted ^= text.p[n++] == '"';
	struct str header = {text.p, n + 1};
	return n < text.n && chunk_tokens(header) <= window_size(o) / 2 ? header : (struct str){0};
}

/* A window seldom says what it is about: small models find it better behind its title (bench/questions.py). A long one
 * would outweigh what it names. */
static struct str title_line(struct arena *a, const struct chunk_options *o)
{
	enum { TITLE_MOST = 200 };
	bool fits = o->title.n && o->title.n <= TITLE_MOST;
	return fits ? str_fmt(a, "%.*s\n", FMT(o->title)) : (struct str){0};
}

void chunk_text(struct arena *a, struct str text, const struct chunk_options *o, struct chunks *ret)
{
	*ret = (struct chunks){.header = o->header ? header_of(text, o) : (struct str){0}};
	struct str header = ret->header;
	int64_t head = chunk_tokens(header);
	if (text.n)
		cut_windows(a, text, header.n ? header : title_line(a, o), window_size(o) - head, ret);
	ret->chunks = new_array(a, struct chunk, ret->n_windows + 1);
	for (size_t first = 0; first < ret->n_windows;) {
		size_t n = windows_within(ret, first, o->size - head), end = first + n;
		ret->chunks[ret->n++] = (struct chunk){
		    .text = span(a, text, header, &ret->windows[first], &ret->windows[end - 1]),
		    .first = first,
		    .n = n,
		    .page = ret->windows[first].page,
		};
		if (end == ret->n_windows)
			break;
		first = next_first(ret, first, end, o->overlap);
	}
}
