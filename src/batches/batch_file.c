/* batch_file.c - the lines of an input file, one after the other. */
#include "batches/batch_file.h"

#include <string.h>

#include "door/options.h"
#include "store/blob.h"

enum { PIECE = 65536 };

void batch_file_start(struct batch_file *f, struct blob_in *blob, int64_t at, int64_t line)
{
	*f = (struct batch_file){.blob = blob, .at = at, .line = line};
	buf_init(&f->buf, SIZE_MAX / 2);
}

void batch_file_release(struct batch_file *f)
{
	buf_release(&f->buf);
}

/* Some more bytes of the file; *n 0: there are none. */
static bool read_piece(struct batch_file *f, ssize_t *n, struct err *e)
{
	buf_drop(&f->buf, f->pos);
	f->pos = 0;
	char *to = buf_room(&f->buf, PIECE);
	*n = blob_read_at(f->blob, f->at + (int64_t)f->buf.n, to, PIECE, e);
	f->buf.n += *n > 0 ? (size_t)*n : 0;
	return *n >= 0;
}

/* How long the next line is with its end, if it has one; 0 at the end of the file. Of one that is too long only what
 * comes last is kept. */
static bool find_line(struct batch_file *f, size_t *n, bool *over, struct err *e)
{
	size_t seen = 0;
	ssize_t got = 1;
	*over = false;
	while (got) {
		size_t ahead = f->buf.n - f->pos;
		const char *from = f->buf.p + f->pos;
		const char *end = ahead > seen ? memchr(from + seen, '\n', ahead - seen) : NULL;
		if (end) {
			*n = (size_t)(end - from) + 1;
			return true;
		}
		seen = ahead;
		if ((int64_t)ahead > api_limits.batch_line_bytes) {
			*over = true;
			f->at += (int64_t)ahead;
			f->pos = f->buf.n;
			seen = 0;
		}
		if (!read_piece(f, &got, e))
			return false;
	}
	*n = f->buf.n - f->pos;
	return true;
}

bool batch_file_next(struct batch_file *f, struct batch_file_line *ret, struct err *e)
{
	static const struct str mark = STR("\xef\xbb\xbf");
	struct str text;
	bool over;
	do {
		int64_t at = f->at;
		size_t n;
		if (!find_line(f, &n, &over, e))
			return false;
		*ret = (struct batch_file_line){.line = f->line + 1, .at = at, .end = !n && !over};
		if (ret->end)
			return true;
		text = (struct str){f->buf.p + f->pos, n};
		f->pos += n;
		f->at += (int64_t)n;
		f->line++;
		if (at == 0 && str_starts(text, mark))
			text = (struct str){text.p + mark.n, text.n - mark.n};
		text = str_trim(text);
	} while (!text.n && !over);
	ret->text = text;
	ret->over = over || (int64_t)text.n > api_limits.batch_line_bytes;
	return true;
}
