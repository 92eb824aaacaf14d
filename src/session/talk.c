/* talk.c - what the driver in a box says, put in order. */
#include "session/talk.h"

#include <string.h>

#include "session/limits.h"
#include "wire/utf8.h"

enum { LINE = 64, MARK = TALK_NONCE + 3, PIECE = 65536 }; /* NUL, nonce, kind, line feed */

void talk_init(struct talk *t)
{
	*t = (struct talk){0};
	/* Two of the largest things fit: so where there is no room, one of them is whole. */
	size_t thing = (size_t)(session_limits.image_bytes > session_limits.output_bytes ? session_limits.image_bytes
											 : session_limits.output_bytes);
	buf_init(&t->control, 2 * (thing + LINE) + PIECE);
	buf_init(&t->output, MARK);
	buf_init(&t->printed, (size_t)session_limits.output_bytes);
}

void talk_release(struct talk *t)
{
	buf_release(&t->control);
	buf_release(&t->output);
	buf_release(&t->printed);
}

void talk_begin(struct talk *t, const struct session_ears *ears, const char *nonce)
{
	t->ears = ears;
	memcpy(t->nonce, nonce, TALK_NONCE);
	buf_clear(&t->control);
	buf_clear(&t->output);
	buf_clear(&t->printed);
	t->told = t->left_out = t->images = 0;
	t->ended = t->raised = false;
}

/* --- things ------------------------------------------------------------------------------------------------ */

enum talk_word { WORD_READY, WORD_VALUE, WORD_IMAGE, WORD_END, WORDS };
struct talk_thing {
	enum talk_word word;
	bool raised;
	size_t head, length;
};

static bool talk_head(struct str line, struct talk_thing *ret)
{
	static const char *const words[] = {"ready", "value", "image", "end"};
	struct str word = str_cut(&line, ' ');
	int64_t length = 0;
	for (ret->word = 0; ret->word < WORDS && !str_eq(word, str_of(words[ret->word])); ret->word++)
		;
	ret->raised = str_eq(line, S("raised"));
	switch (ret->word) {
	case WORD_READY:
		return line.n == 0;
	case WORD_END:
		return ret->raised || str_eq(line, S("ok"));
	case WORD_VALUE:
	case WORD_IMAGE:
		if (!str_int(line, &length) || length < 0 ||
		    length > (ret->word == WORD_VALUE ? session_limits.output_bytes : session_limits.image_bytes))
			return false;
		ret->length = (size_t)length;
		return true;
	default:
		return false;
	}
}

/* The first thing, when it is whole. */
static bool talk_first(struct talk *t, struct talk_thing *ret)
{
	struct str all = buf_str(&t->control);
	size_t line = str_find(all, '\n');
	*ret = (struct talk_thing){.head = line + 1};
	if (line == all.n ? all.n >= LINE : line >= LINE || !talk_head((struct str){all.p, line}, ret))
		t->bad = true;
	return !t->bad && line < all.n && all.n - ret->head >= ret->length;
}

char *talk_room(struct talk *t, size_t *n)
{
	size_t room = t->control.max - t->control.n;
	*n = room < PIECE ? room : PIECE;
	return *n && !t->bad ? buf_room(&t->control, *n) : NULL;
}

void talk_control(struct talk *t, size_t n)
{
	struct talk_thing thing;
	t->control.n += n;
	if (!t->ready && t->control.n && talk_first(t, &thing)) {
		t->ready = thing.word == WORD_READY;
		t->bad |= !t->ready;
		buf_drop(&t->control, thing.head);
	} else if (t->control.n)
		talk_first(t, &thing); /* garbage is noticed when it comes */
}

/* --- what is printed --------------------------------------------------------------------------------------- */

static void talk_tell(struct talk *t, enum session_kind kind, struct str bytes)
{
	if (bytes.n && t->ears)
		t->ears->on_output(t->ears->ctx, kind, bytes);
}

static void talk_tell_text(struct talk *t, enum session_kind kind, struct str text)
{
	struct buf b;
	int64_t most = session_limits.output_bytes - t->told;
	if ((int64_t)text.n > most) {
		t->left_out += (int64_t)text.n - most;
		text.n = (size_t)most;
	}
	t->told += (int64_t)text.n;
	buf_init(&b, 3 * text.n + 16); /* a byte that is none becomes three */
	session_mend(text, &b);
	talk_tell(t, kind, buf_str(&b));
	buf_release(&b);
}

static void talk_flush(struct talk *t)
{
	if (t->printed.n)
		talk_tell_text(t, SESSION_PRINTED, buf_str(&t->printed));
	buf_clear(&t->printed);
	t->printed.over = false;
}

static void talk_print(struct talk *t, struct str s)
{
	size_t room = t->printed.max - t->printed.n;
	if (s.n > room) {
		t->left_out += (int64_t)(s.n - room);
		s.n = room;
	}
	buf_add(&t->printed, s);
}

static bool talk_is_picture(struct str s)
{
	return str_starts(s, S("\x89PNG\r\n\x1a\n"));
}

/* A mark; where nothing waits for it, it was forged. */
static void talk_mark(struct talk *t, char kind)
{
	struct talk_thing thing;
	talk_flush(t);
	if (!t->control.n || !talk_first(t, &thing))
		return;
	struct str body = {t->control.p + thing.head, thing.length};
	if (kind == 'v' && thing.word == WORD_VALUE)
		talk_tell_text(t, SESSION_VALUE, body);
	else if (kind == 'i' && thing.word == WORD_IMAGE && talk_is_picture(body) &&
		 t->images++ < session_limits.images)
		talk_tell(t, SESSION_IMAGE, body);
	else if (kind == 'e' && thing.word == WORD_END) {
		t->ended = true;
		t->raised = thing.raised;
	} else if (kind != 'i' || thing.word != WORD_IMAGE)
		t->bad = true;
	buf_drop(&t->control, thing.head + thing.length);
}

/* How much of a mark `s` begins with: MARK, a part when `s` ends in it, or 0. */
static size_t talk_mark_at(const struct talk *t, struct str s)
{
	char whole[MARK + 1] = {0};
	memcpy(whole + 1, t->nonce, TALK_NONCE);
	size_t known = s.n < 1 + TALK_NONCE ? s.n : 1 + TALK_NONCE;
	if (memcmp(s.p, whole, known))
		return 0;
	if (s.n < MARK)
		return s.n;
	return s.p[MARK - 1] == '\n' ? MARK : 0;
}

/* Takes what is no part of a mark at the end. */
static size_t talk_scan(struct talk *t, struct str s)
{
	size_t at = 0;
	while (at < s.n && !t->ended) {
		size_t text = str_find((struct str){s.p + at, s.n - at}, 0);
		talk_print(t, (struct str){s.p + at, text});
		at += text;
		if (at == s.n)
			break;
		size_t mark = talk_mark_at(t, (struct str){s.p + at, s.n - at});
		if (mark == MARK)
			talk_mark(t, s.p[at + MARK - 2]);
		else if (mark)
			return at;
		else
			talk_print(t, (struct str){s.p + at, 1});
		at += mark ? mark : 1;
	}
	return at;
}

void talk_output(struct talk *t, struct str bytes)
{
	/* What waits is shorter than a mark: with the next bytes it is one, or none. */
	while (t->output.n && bytes.n && !t->ended) {
		buf_add(&t->output, (struct str){bytes.p, 1});
		bytes.p++;
		bytes.n--;
		buf_drop(&t->output, talk_scan(t, buf_str(&t->output)));
	}
	size_t taken = t->ended ? bytes.n : talk_scan(t, bytes);
	if (!t->ended)
		buf_add(&t->output, (struct str){bytes.p + taken, bytes.n - taken});
}

void talk_finish(struct talk *t)
{
	if (t->output.n)
		talk_print(t, buf_str(&t->output));
	buf_clear(&t->output);
	talk_flush(t);
}

/* --- text -------------------------------------------------------------------------------------------------- */

/* An escape sequence of terminals (ECMA-48): ESC [ parameters final; ESC ] text BEL; ESC and one byte. Its length. */
static size_t talk_escape(struct str s)
{
	size_t at = 2;
	if (s.n < 2)
		return s.n;
	if (s.p[1] == '[')
		while (at < s.n && at < LINE && s.p[at] >= ' ' && s.p[at] < '@')
			at++;
	else if (s.p[1] == ']')
		while (at < s.n && at < 256 && s.p[at] != '\a' && s.p[at] != '\x1b' && s.p[at] != '\n')
			at++;
	else
		return (unsigned char)s.p[1] < 0x80 && s.p[1] >= ' ' ? 2 : 1;
	return at < s.n && s.p[at] != '\n' ? at + 1 : at;
}

/* Is `c` one of C1 (U+0080 to U+009F), as UTF-8? */
static bool talk_is_c1(const char *p, size_t n)
{
	return n == 2 && (unsigned char)p[0] == 0xc2 && (unsigned char)p[1] < 0xa0;
}

void session_mend(struct str in, struct buf *out)
{
	for (size_t at = 0; at < in.n;) {
		const unsigned char *p = (const unsigned char *)in.p + at;
		size_t bad = 1, n = *p < 0x80 ? 1 : utf8_len(p, in.n - at, &bad);
		char c = in.p[at];
		if (!n)
			buf_add(out, S("\xef\xbf\xbd"));
		else if (c == '\x1b')
			n = talk_escape((struct str){in.p + at, in.n - at});
		else if (c == '\r') /* a line that is written anew is another line */
			buf_add(out, at + 1 < in.n && in.p[at + 1] == '\n' ? S("") : S("\n"));
		else if (((unsigned char)c >= ' ' && c != 0x7f && !talk_is_c1(in.p + at, n)) || c == '\n' || c == '\t')
			buf_add(out, (struct str){in.p + at, n});
		at += n ? n : bad;
	}
}
