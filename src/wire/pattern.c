/* pattern.c - regular expressions of JSON Schema: does a text contain a match?
 *
 * A pattern becomes a program with relative jumps (so that a repeated piece is copied as it is), run by
 * following all its threads at once, one code point after the other (K. Thompson's construction). */
#include "wire/pattern.h"

#include <string.h>

#include "base/arena.h"

enum { OPS = 2048, RANGES = 1024, GROUPS = 64, MOST = 1000, ENDLESS = -1 };

enum op_kind { OP_SET, OP_SPLIT, OP_JUMP, OP_START, OP_END, OP_WORD_EDGE, OP_NO_EDGE, OP_MATCH };

struct op {
	enum op_kind kind;
	int to;           /* OP_SPLIT: the second way, the first is the next op; OP_JUMP: the only one */
	unsigned from, n; /* OP_SET: its ranges */
	bool negated;
};

struct range {
	uint32_t lo, hi;
};

struct program {
	struct op op[OPS];
	struct range range[RANGES];
	unsigned n, ranges, depth;
	struct str rest; /* of the pattern */
	bool failed;
};

static const struct range digits[] = {{'0', '9'}};
static const struct range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct range spaces[] = {{9, 13},          {' ', ' '},       {0xa0, 0xa0},     {0x1680, 0x1680},
				      {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f},
				      {0x3000, 0x3000}, {0xfeff, 0xfeff}};
static const struct range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

/* --- code points --------------------------------------------------------------------------------------- */

uint32_t pattern_point(struct str *s)
{
	const unsigned char *p = (const unsigned char *)s->p;
	size_t n = *p < 0xc0 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t c = n == 1 ? *p : *p & (0xffu >> (n + 1));
	if (n > s->n)
		n = s->n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	s->p += n;
	s->n -= n;
	return c;
}

static bool word_char(uint32_t c)
{
	return c < 128 && (c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
}

/* --- building ------------------------------------------------------------------------------------------ */

static struct op *emit(struct program *p, enum op_kind kind, int to)
{
	if (p->n == OPS) {
		p->failed = true;
		return &p->op[OPS - 1];
	}
	p->op[p->n] = (struct op){.kind = kind, .to = to, .from = p->ranges};
	return &p->op[p->n++];
}

static void add_range(struct program *p, struct op *set, uint32_t lo, uint32_t hi)
{
	if (p->ranges == RANGES || lo > hi) {
		p->failed = true;
		return;
	}
	p->range[p->ranges++] = (struct range){lo, hi};
	set->n++;
}

/* All of `r`, or all that is not in it (r is sorted). */
static void add_ranges(struct program *p, struct op *set, const struct range *r, size_t n, bool negated)
{
	uint32_t at = 0;
	for (size_t i = 0; i < n; i++) {
		if (!negated)
			add_range(p, set, r[i].lo, r[i].hi);
		else if (r[i].lo > at)
			add_range(p, set, at, r[i].lo - 1);
		at = r[i].hi + 1;
	}
	if (negated)
		add_range(p, set, at, 0x10ffff);
}

static bool pattern_take(struct program *p, struct str what)
{
	if (!str_starts(p->rest, what))
		return false;
	p->rest.p += what.n;
	p->rest.n -= what.n;
	return true;
}

static int pattern_hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static uint32_t take_hex(struct program *p, size_t n)
{
	uint32_t v = 0;
	for (size_t i = 0; i < n; i++) {
		int d = p->rest.n ? pattern_hex_digit(*p->rest.p) : -1;
		if (d < 0) {
			p->failed = true;
			return 0;
		}
		v = v << 4 | (uint32_t)d;
		p->rest.p++;
		p->rest.n--;
	}
	return v;
}

/* After "\u": four digits, a pair of surrogates, or {...}. */
static uint32_t take_unicode(struct program *p)
{
	uint32_t c = 0;
	if (pattern_take(p, S("{"))) {
		while (p->rest.n && *p->rest.p != '}' && c <= 0x10ffff && !p->failed)
			c = c << 4 | take_hex(p, 1);
		p->failed |= !pattern_take(p, S("}")) || c > 0x10ffff;
		return c;
	}
	c = take_hex(p, 4);
	if (c >= 0xd800 && c < 0xdc00 && pattern_take(p, S("\\u"))) {
		uint32_t low = take_hex(p, 4);
		if (low >= 0xdc00 && low < 0xe000)
			return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	p->failed |= c >= 0xd800 && c < 0xe000;
	return c;
}

/* After a backslash, what stands for one character. */
static uint32_t pattern_take_escape(struct program *p)
{
	static const char names[] = "tnrfv", values[] = "\t\n\r\f\v";
	if (!p->rest.n) {
		p->failed = true;
		return 0;
	}
	uint32_t c = pattern_point(&p->rest);
	const char *at = c && c < 128 ? strchr(names, (int)c) : NULL;
	if (at)
		return (unsigned char)values[at - names];
	if (c == 'x')
		return take_hex(p, 2);
	if (c == 'u')
		return take_unicode(p);
	if (c == '0' && !(p->rest.n && *p->rest.p >= '0' && *p->rest.p <= '9'))
		return 0;
	p->failed |= word_char(c); /* \1, \k, \p, \c, \Z ... */
	return c;
}

/* \d \w \s and their opposites into `set`; false when something else stands there. */
static bool take_class(struct program *p, struct op *set)
{
	if (pattern_take(p, S("\\d")))
		add_ranges(p, set, digits, 1, false);
	else if (pattern_take(p, S("\\D")))
		add_ranges(p, set, digits, 1, true);
	else if (pattern_take(p, S("\\w")))
		add_ranges(p, set, words, 4, false);
	else if (pattern_take(p, S("\\W")))
		add_ranges(p, set, words, 4, true);
	else if (pattern_take(p, S("\\s")))
		add_ranges(p, set, spaces, sizeof spaces / sizeof *spaces, false);
	else if (pattern_take(p, S("\\S")))
		add_ranges(p, set, spaces, sizeof spaces / sizeof *spaces, true);
	else
		return false;
	return true;
}

static uint32_t take_in_brackets(struct program *p)
{
	if (pattern_take(p, S("\\b")))
		return '\b';
	if (pattern_take(p, S("\\")))
		return pattern_take_escape(p);
	return pattern_point(&p->rest);
}

/* After '['. */
static void brackets(struct program *p)
{
	bool negated = pattern_take(p, S("^"));
	struct op *set = emit(p, OP_SET, 0);
	set->negated = negated;
	while (!p->failed && !pattern_take(p, S("]"))) {
		if (!p->rest.n) {
			p->failed = true;
			return;
		}
		if (take_class(p, set))
			continue;
		uint32_t lo = take_in_brackets(p), hi = lo;
		bool range = p->rest.n > 1 && p->rest.p[0] == '-' && p->rest.p[1] != ']';
		bool class_next = p->rest.n > 2 && p->rest.p[1] == '\\' && char_in(p->rest.p[2], "dDwWsS");
		if (range && !class_next) { /* in "[a-\d]" the hyphen is itself */
			pattern_take(p, S("-"));
			hi = take_in_brackets(p);
		}
		add_range(p, set, lo, hi);
	}
}

static void pattern_alternatives(struct program *p);

/* After '('. */
static void pattern_group(struct program *p)
{
	if (pattern_take(p, S("?<")) || pattern_take(p, S("?P<"))) { /* a name; look-behind has '=' or '!' there */
		struct str name = str_cut(&p->rest, '>');
		p->failed |= !name.n || !word_char((unsigned char)name.p[0]);
	} else if (!pattern_take(p, S("?:"))) {
		p->failed |= str_starts(p->rest, S("?"));
	}
	if (p->failed || ++p->depth > GROUPS) {
		p->failed = true;
		return;
	}
	pattern_alternatives(p);
	p->depth--;
	p->failed |= !pattern_take(p, S(")"));
}

static void single(struct program *p, uint32_t c)
{
	add_range(p, emit(p, OP_SET, 0), c, c);
}

/* One atom; false when it is an assertion, which takes no quantifier. */
static bool pattern_atom(struct program *p)
{
	struct op probe = {.kind = OP_SET, .from = p->ranges};
	if (pattern_take(p, S("^"))) {
		emit(p, OP_START, 0);
		return false;
	}
	if (pattern_take(p, S("$"))) {
		emit(p, OP_END, 0);
		return false;
	}
	if (pattern_take(p, S("\\b"))) {
		emit(p, OP_WORD_EDGE, 0);
		return false;
	}
	if (pattern_take(p, S("\\B"))) {
		emit(p, OP_NO_EDGE, 0);
		return false;
	}
	if (pattern_take(p, S("("))) {
		pattern_group(p);
	} else if (pattern_take(p, S("["))) {
		brackets(p);
	} else if (pattern_take(p, S("."))) {
		add_ranges(p, emit(p, OP_SET, 0), line_ends, 3, true);
	} else if (take_class(p, &probe)) {
		*emit(p, OP_SET, 0) = probe;
	} else if (pattern_take(p, S("\\"))) {
		single(p, pattern_take_escape(p));
	} else {
		p->failed |= char_in(*p->rest.p, "*+?");
		single(p, pattern_point(&p->rest));
	}
	return true;
}

/* "{n}", "{n,}", "{n,m}"; anything else after '{' is plain text. */
static bool take_counts(struct program *p, int *least, int *most)
{
	struct str body = p->rest;
	size_t end = str_find(body, '}');
	int64_t n, m = ENDLESS;
	if (!str_starts(body, S("{")) || end == body.n)
		return false;
	body = (struct str){body.p + 1, end - 1};
	bool comma = str_find(body, ',') < body.n;
	struct str first = str_cut(&body, ',');
	if (!str_int(first, &n) || n < 0 || (body.n && (!str_int(body, &m) || m < 0)))
		return false;
	if (!comma)
		m = n;
	p->failed |= n > MOST || m > MOST || (m != ENDLESS && m < n);
	*least = (int)n;
	*most = (int)m;
	p->rest.p += end + 1;
	p->rest.n -= end + 1;
	return true;
}

static void append(struct program *p, const struct op *piece, unsigned n)
{
	if (p->failed || p->n + n > OPS) {
		p->failed = true;
		return;
	}
	memcpy(p->op + p->n, piece, n * sizeof *piece);
	p->n += n;
}

/* The piece from `from` to the end of the program, `least` to `most` times. */
static void repeat(struct program *p, unsigned from, int least, int most)
{
	unsigned n = p->n - from;
	struct op *piece = xalloc(n * sizeof *piece);
	memcpy(piece, p->op + from, n * sizeof *piece);
	p->n = from;
	for (int i = 0; i < least; i++)
		append(p, piece, n);
	if (most == ENDLESS) {
		emit(p, OP_SPLIT, (int)n + 2);
		append(p, piece, n);
		emit(p, OP_JUMP, -(int)n - 1);
	}
	for (int i = least; i < most; i++) {
		emit(p, OP_SPLIT, (int)n + 1);
		append(p, piece, n);
	}
	xfree(piece);
}

static void term(struct program *p)
{
	unsigned from = p->n;
	int least = 1, most = 1;
	if (!pattern_atom(p) || p->failed)
		return;
	if (pattern_take(p, S("*"))) {
		least = 0;
		most = ENDLESS;
	} else if (pattern_take(p, S("+"))) {
		most = ENDLESS;
	} else if (pattern_take(p, S("?"))) {
		least = 0;
	} else if (!take_counts(p, &least, &most)) {
		return;
	}
	pattern_take(p, S("?")); /* lazy */
	if (!p->failed)
		repeat(p, from, least, most);
}

static void sequence(struct program *p)
{
	while (!p->failed && p->rest.n && *p->rest.p != '|' && *p->rest.p != ')')
		term(p);
}

static void pattern_alternatives(struct program *p)
{
	int last = -1; /* jumps to the end, each holding the one before until the end is known */
	unsigned from = p->n;
	sequence(p);
	while (!p->failed && pattern_take(p, S("|"))) {
		unsigned n = p->n - from;
		emit(p, OP_JUMP, 0); /* makes room */
		if (p->failed)
			return;
		memmove(p->op + from + 1, p->op + from, n * sizeof *p->op);
		p->op[from] = (struct op){.kind = OP_SPLIT, .to = (int)n + 2};
		int jump = (int)p->n;
		emit(p, OP_JUMP, last);
		last = jump;
		from = p->n;
		sequence(p);
	}
	while (!p->failed && last >= 0) {
		int before = p->op[last].to;
		p->op[last].to = (int)p->n - last;
		last = before;
	}
}

/* --- running ------------------------------------------------------------------------------------------- */

struct run {
	const struct program *p;
	unsigned now[OPS], next[OPS], stack[2 * OPS + 2];
	uint32_t seen[OPS]; /* at which place an op was last reached, plus one */
	unsigned n_now, n_next;
	size_t *budget;
};

struct place {
	uint32_t at;           /* counts code points */
	bool begin, end, edge; /* edge: a word begins or ends here */
};

static bool in_set(const struct program *p, const struct op *set, uint32_t c)
{
	bool in = false;
	for (unsigned i = 0; i < set->n && !in; i++)
		in = c >= p->range[set->from + i].lo && c <= p->range[set->from + i].hi;
	return in != set->negated;
}

static void pattern_spend(size_t *budget, size_t steps)
{
	*budget -= steps < *budget ? steps : *budget;
}

/* Where the thread that stands at `op` gets without a character; true when it is done. */
static bool pattern_follow(struct run *r, unsigned first, const struct place *place)
{
	unsigned n = 0;
	r->stack[n++] = first;
	while (n) {
		unsigned at = r->stack[--n];
		const struct op *op = &r->p->op[at];
		if (r->seen[at] == place->at + 1)
			continue;
		r->seen[at] = place->at + 1;
		pattern_spend(r->budget, 1);
		switch (op->kind) {
		case OP_MATCH:
			return true;
		case OP_SET:
			r->now[r->n_now++] = at;
			break;
		case OP_SPLIT:
			r->stack[n++] = at + 1;
			r->stack[n++] = at + (unsigned)op->to;
			break;
		case OP_JUMP:
			r->stack[n++] = at + (unsigned)op->to;
			break;
		default:
			if (op->kind == OP_START ? place->begin
			    : op->kind == OP_END ? place->end
						 : (op->kind == OP_WORD_EDGE) == place->edge)
				r->stack[n++] = at + 1;
		}
	}
	return false;
}

static enum pattern_verdict run_program(struct run *r, struct str text)
{
	struct place place = {.begin = true};
	bool was_word = false;
	for (;; place.at++, place.begin = false) {
		uint32_t c = text.n ? pattern_point(&text) : UINT32_MAX;
		place.end = c == UINT32_MAX;
		place.edge = was_word != word_char(c);
		was_word = word_char(c);
		r->n_now = 0;
		bool done = pattern_follow(r, 0, &place);
		for (unsigned i = 0; i < r->n_next && !done; i++)
			done = pattern_follow(r, r->next[i], &place);
		if (done)
			return PATTERN_YES;
		if (place.end)
			return PATTERN_NO;
		if (*r->budget == 0)
			return PATTERN_UNKNOWN;
		r->n_next = 0;
		for (unsigned i = 0; i < r->n_now; i++) {
			const struct op *op = &r->p->op[r->now[i]];
			pattern_spend(r->budget, 1 + op->n);
			if (in_set(r->p, op, c))
				r->next[r->n_next++] = r->now[i] + 1;
		}
	}
}

enum pattern_verdict pattern_find(struct str pattern, struct str text, size_t *budget)
{
	struct program *p = xalloc(sizeof *p);
	enum pattern_verdict verdict = PATTERN_UNKNOWN;
	p->rest = pattern;
	pattern_alternatives(p);
	emit(p, OP_MATCH, 0);
	pattern_spend(budget, p->n);
	if (!p->failed && !p->rest.n && text.n < UINT32_MAX / 2) {
		struct run *r = xalloc(sizeof *r);
		r->p = p;
		r->budget = budget;
		verdict = run_program(r, text);
		xfree(r);
	}
	xfree(p);
	return verdict;
}
