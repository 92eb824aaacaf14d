/* blob_content.c - a stored file's bytes as an answer, read by a worker as the client takes them. */
#include "door/blob_content.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "door/file_threads.h"
#include "store/blob.h"

enum { PIECE = 256 * 1024 };

/* On the heap: it may outlive its client by the job that runs. */
struct content {
	struct request *rq; /* NULL: the client left */
	struct reader reader;
	struct blob_file file;
	struct job job;
	bool busy, waits; /* waits: for room at the client's */
	int64_t sent;
	/* the job's, while it runs */
	struct store *store;
	struct blob_in *blob; /* NULL: not open, or file.fd is read instead */
	size_t n;
	struct err error;
	char *piece;
};

static void content_free(struct content *c)
{
	if (c->file.fd)
		close(c->file.fd);
	blob_close(c->blob);
	xfree(c->piece);
	xfree(c);
}

static void blob_content_on_gone(struct reader *r)
{
	struct content *c = OWNER(r, struct content, reader);
	c->rq = NULL;
	if (!c->busy)
		content_free(c);
}

/* Of a file that is no blob. */
static ssize_t blob_content_read(struct content *c)
{
	size_t have = 0;
	ssize_t n = 1;
	while (have < PIECE && n) {
		n = read(c->file.fd, c->piece + have, PIECE - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			fail(&c->error, ERR_STORE, NULL, "A file could not be read: %m.");
			break;
		}
		have += (size_t)n;
	}
	return (ssize_t)have;
}

static void blob_content_on_run(struct job *j)
{
	struct content *c = OWNER(j, struct content, job);
	ssize_t n = 0;
	if (c->file.fd)
		n = blob_content_read(c);
	else if (c->blob || (c->blob = blob_open(c->store, c->file.key, &c->error)))
		n = blob_read_at(c->blob, c->sent, c->piece, PIECE, &c->error);
	c->n = n > 0 ? (size_t)n : 0;
}

static void blob_content_on_done(struct job *j);

static void blob_content_read_more(struct content *c)
{
	struct err busy = {.retry_after_ms = 1000};
	c->busy = true;
	c->job.run = blob_content_on_run;
	c->job.done = blob_content_on_done;
	if (job_start(disk_workers(c->rq->api), c->rq->api->loop, &c->job))
		return;
	struct exchange *x = c->rq->x;
	fail(&busy, ERR_BUSY, NULL, "Too many files are being read. Please retry in a moment.");
	exchange_unwatch(x);
	if (exchange_begun(x))
		exchange_abort(x);
	else
		answer_error(x, &busy);
	content_free(c);
}

static void blob_content_on_room(struct reader *r)
{
	struct content *c = OWNER(r, struct content, reader);
	if (!c->waits)
		return;
	c->waits = false;
	blob_content_read_more(c);
}

/* A browser that is led here shall save it, never show it. */
static void blob_content_begin(struct content *c)
{
	struct exchange *x = c->rq->x;
	struct buf b;
	buf_init(&b, 4096);
	buf_add(&b, S("attachment; "));
	if (c->file.plain.n)
		buf_fmt(&b, "filename=\"%.*s\"; ", FMT(c->file.plain));
	buf_add(&b, S("filename*=UTF-8''"));
	for (size_t i = 0; i < c->file.filename.n; i++) {
		unsigned char ch = (unsigned char)c->file.filename.p[i];
		bool plain = ((ch | 32) >= 'a' && (ch | 32) <= 'z') || (ch >= '0' && ch <= '9') || char_in((char)ch, ".-_");
		buf_fmt(&b, plain ? "%c" : "%%%02X", ch);
	}
	exchange_add_header(x, S("Content-Disposition"), buf_str(&b));
	exchange_add_header(x, S("X-Content-Type-Options"), S("nosniff"));
	buf_release(&b);
	exchange_begin_sized(x, 200, c->file.type.n ? c->file.type : S("application/octet-stream"), c->file.bytes, &c->reader);
}

/* The head has told how much comes: what is not whole is cut, so that the client sees it. */
static void cut(struct content *c, const char *why)
{
	log_at(LOG_ERROR, "a file could not be read", "key=%lld reason=\"%s\"", (long long)c->file.key, why);
	exchange_unwatch(c->rq->x);
	exchange_abort(c->rq->x);
	content_free(c);
}

static void blob_content_on_done(struct job *j)
{
	struct content *c = OWNER(j, struct content, job);
	c->busy = false;
	if (!c->rq) {
		content_free(c);
		return;
	}
	struct exchange *x = c->rq->x;
	if (c->error.code && !exchange_begun(x)) {
		exchange_unwatch(x);
		answer_error(x, &c->error);
		content_free(c);
		return;
	}
	if (!exchange_begun(x))
		blob_content_begin(c);
	int64_t left = c->file.bytes - c->sent;
	bool head = exchange_request(x)->method == METHOD_HEAD;
	if (!head && (c->error.code || (int64_t)c->n > left || (!c->n && left))) {
		cut(c, c->error.code ? c->error.msg : "its length is not what was kept");
		return;
	}
	exchange_write(x, (struct str){c->piece, c->n});
	c->sent += (int64_t)c->n;
	if (head || c->sent == c->file.bytes) {
		exchange_unwatch(x);
		exchange_end(x);
		content_free(c);
	} else if (exchange_full(x)) {
		c->waits = true;
	} else {
		blob_content_read_more(c);
	}
}

void blob_content(struct request *rq, const struct blob_file *f)
{
	struct content *c = xalloc(sizeof *c);
	*c = (struct content){.rq = rq, .reader = {blob_content_on_gone, blob_content_on_room}, .file = *f, .store = rq->api->api->options.store};
	c->piece = xrealloc(NULL, PIECE);
	exchange_watch(rq->x, &c->reader);
	blob_content_read_more(c);
}
