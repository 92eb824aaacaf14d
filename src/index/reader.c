/* reader.c - bytes of strangers as text, in a box: the server's side. */
#include "index/reader.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/sandbox.h"

enum { HEAD_MOST = 64, SPARE = 8192 };

void reader_part(struct buf *b, int kind, struct str bytes)
{
	if (b->over || bytes.n + HEAD_MOST > b->max - b->n) {
		b->over = true;
		return;
	}
	buf_fmt(b, "%c %zu\n", kind, bytes.n);
	buf_add(b, bytes);
}

/* "ok CUT TITLE TEXT\n", the two as so many bytes; or "no WHY\n". The program was overcome perhaps: nothing of it is
 * believed but that it is text of some length. */
static bool reader_answer(struct arena *a, struct str said, size_t max, struct reader_text *ret, struct err *e)
{
	struct str head = str_cut(&said, '\n'), word = str_cut(&head, ' ');
	int64_t cut, title, text;
	if (str_eq(word, S("no")))
		return fail(e, ERR_FILE_PARSE, NULL, "%s",
			    str_eq(head, S("dtd"))   ? "its XML has a DTD"
			    : str_eq(head, S("xml")) ? "its XML is damaged"
						     : "it is too deep or too large");
	if (!str_eq(word, S("ok")) || !str_int(str_cut(&head, ' '), &cut) || !str_int(str_cut(&head, ' '), &title) ||
	    !str_int(head, &text) || title < 0 || text < 0 || (size_t)text > max || (size_t)title > said.n ||
	    (size_t)text != said.n - (size_t)title)
		return fail(e, ERR_FILE_PARSE, NULL, "its reader failed");
	ret->cut = cut != 0;
	ret->title = title ? str_copy(a, (struct str){said.p, (size_t)title}) : (struct str){0};
	ret->text = str_copy(a, (struct str){said.p + title, (size_t)text});
	return true;
}

bool reader_run(struct arena *a, const struct reader_job *job, struct reader_text *ret, struct err *e)
{
	char mode[] = {(char)job->mode, 0}, max[24];
	struct buf out;
	struct str charset = str_copy(a, job->charset.n ? job->charset : S("UTF-8"));
	snprintf(max, sizeof max, "%zu", job->max);
	struct sandbox s = {.argv = {"antiphon-reader", mode, max, charset.p},
			    .program = {(const char *)reader_bytes, reader_bytes_n},
			    .input = job->bytes,
			    .seconds = job->seconds,
			    .memory = job->memory,
			    .cancelled = job->cancelled};
	*ret = (struct reader_text){0};
	buf_init(&out, job->max + SPARE);
	bool ok = sandbox_run(&s, &out, e) && reader_answer(a, buf_str(&out), job->max, ret, e);
	buf_release(&out);
	return ok;
}
