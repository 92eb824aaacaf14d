/* exporter.c - the thread that sends spans to a collector. */
#include "trace/exporter.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "measure/measure.h"
#include "net/fetch.h"
#include "wire/jout.h"

enum { ANSWER_MAX = 65536, WARN_US = 60000000, LEAVE_MS = 3000 };

struct trace_limits trace_limits = {
#define LIMIT(name, def, least, largest, help) .name = def,
#include "trace/limits.def"
#undef LIMIT
};

/* Spans of one trace on their way. */
struct parcel {
	struct parcel *next;
	size_t n, bytes;
	char text[];
};

static struct exporter {
	struct arena arena;
	struct str url, service;
	struct str *headers;
	size_t n_headers;
	bool on, content;
	pthread_t thread;
	atomic_bool hurry;    /* it ends: what is under way may take a moment */
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	struct parcel *first, **last;
	size_t n, bytes;
	bool closing;
	int64_t warned_us;
} exporter = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void spans_count(size_t n, bool ok)
{
	MEASURE(SPANS, (int64_t)n, measure_result(ok));
}

/* --- the queue --------------------------------------------------------------------------------------------------- */

bool exporter_on(void)
{
	return exporter.on;
}

bool exporter_content(void)
{
	return exporter.content;
}

void exporter_add(struct str spans, size_t n)
{
	struct exporter *x = &exporter;
	if (!x->on)
		return;
	struct parcel *p = xalloc(sizeof *p + spans.n);
	p->n = n;
	p->bytes = spans.n;
	memcpy(p->text, spans.p, spans.n);
	pthread_mutex_lock(&x->lock);
	bool room = x->n + n <= (size_t)trace_limits.queue && x->bytes + spans.n <= (size_t)trace_limits.queue_bytes;
	if (room) {
		*x->last = p;
		x->last = &p->next;
		x->n += n;
		x->bytes += spans.n;
		pthread_cond_signal(&x->wake);
	}
	pthread_mutex_unlock(&x->lock);
	if (room)
		return;
	xfree(p);
	spans_count(n, false);
}

/* With the lock. At least one, if there is any. */
static struct parcel *take_batch(struct exporter *x, size_t *n)
{
	struct parcel *first = x->first, **end = &x->first;
	*n = 0;
	while (*end && (*n == 0 || *n + (*end)->n <= (size_t)trace_limits.batch)) {
		*n += (*end)->n;
		x->bytes -= (*end)->bytes;
		end = &(*end)->next;
	}
	x->n -= *n;
	x->first = *end;
	*end = NULL;
	if (!x->first)
		x->last = &x->first;
	return first;
}

/* --- the thread -------------------------------------------------------------------------------------------------- */

static void put_attribute(struct jout *o, struct str key, struct str value)
{
	jo_obj(o);
	jo_kstr(o, "key", key);
	jo_key(o, S("value"));
	jo_obj(o);
	jo_kstr(o, "stringValue", value);
	jo_obj_end(o);
	jo_obj_end(o);
}

/* ExportTraceServiceRequest. */
static void put_batch(const struct exporter *x, const struct parcel *batch, struct buf *b)
{
	struct jout o = {b, false};
	jo_obj(&o);
	jo_key(&o, S("resourceSpans"));
	jo_arr(&o);
	jo_obj(&o);
	jo_key(&o, S("resource"));
	jo_obj(&o);
	jo_key(&o, S("attributes"));
	jo_arr(&o);
	put_attribute(&o, S("service.name"), x->service);
	put_attribute(&o, S("service.version"), S(ANTIPHON_VERSION));
	jo_arr_end(&o);
	jo_obj_end(&o);
	jo_key(&o, S("scopeSpans"));
	jo_arr(&o);
	jo_obj(&o);
	jo_key(&o, S("scope"));
	jo_obj(&o);
	jo_kstr(&o, "name", S("antiphon"));
	jo_obj_end(&o);
	jo_key(&o, S("spans"));
	jo_arr(&o);
	for (const struct parcel *p = batch; p; p = p->next)
		jo_raw(&o, (struct str){p->text, p->bytes});
	jo_arr_end(&o);
	jo_obj_end(&o);
	jo_arr_end(&o);
	jo_obj_end(&o);
	jo_arr_end(&o);
	jo_obj_end(&o);
}

static void warn(struct exporter *x, const struct fetch_answer *a, size_t n)
{
	int64_t now = clock_mono_us();
	if (x->warned_us && now - x->warned_us < WARN_US)
		return;
	x->warned_us = now;
	log_at(LOG_WARN, "the collector of traces does not take them", "status=%d spans=%zu why=\"%s\"", a->status, n,
	       a->why);
}

static void send_batch(struct exporter *x, const struct parcel *batch, size_t n)
{
	struct fetch_answer answer;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	put_batch(x, batch, &b);
	struct fetch f = {
	    .url = x->url,
	    .headers = x->headers,
	    .n_headers = x->n_headers,
	    .body = buf_str(&b),
	    .max_bytes = ANSWER_MAX,
	    .connect_ms = trace_limits.timeout_ms,
	    .timeout_ms = trace_limits.timeout_ms,
	    .keep = S("otel"),
	    .cancelled = &x->hurry,
	};
	fetch_run(&f, &answer);
	bool ok = answer.fault == FETCH_OK && answer.status >= 200 && answer.status < 300;
	spans_count(n, ok);
	if (!ok)
		warn(x, &answer, n);
	fetch_release(&answer);
	buf_release(&b);
}

static void parcels_free(struct parcel *p)
{
	for (struct parcel *next; p; p = next) {
		next = p->next;
		xfree(p);
	}
}

/* Others may follow the first soon. With the lock. */
static void wait_for_more(struct exporter *x)
{
	struct timespec until;
	int64_t ns = trace_limits.batch_ms * 1000000;
	clock_gettime(CLOCK_REALTIME, &until);
	ns += until.tv_nsec;
	until.tv_sec += ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	while (!x->closing && x->n < (size_t)trace_limits.batch && !pthread_cond_timedwait(&x->wake, &x->lock, &until))
		;
}

static void *exporter_main(void *arg)
{
	struct exporter *x = arg;
	size_t n;
	pthread_mutex_lock(&x->lock);
	for (;;) {
		while (!x->first && !x->closing)
			pthread_cond_wait(&x->wake, &x->lock);
		if (!x->first)
			break;
		wait_for_more(x);
		struct parcel *batch = take_batch(x, &n);
		pthread_mutex_unlock(&x->lock);
		if (atomic_load(&x->hurry))
			spans_count(n, false);
		else
			send_batch(x, batch, n);
		parcels_free(batch);
		pthread_mutex_lock(&x->lock);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

bool exporter_open(const struct exporter_options *o, struct err *e)
{
	struct exporter *x = &exporter;
	struct arena *a = &x->arena;
	struct str at = o->endpoint;
	if (!at.n)
		return true;
	if (!str_starts(at, S("http://")) && !str_starts(at, S("https://")))
		return fail(e, ERR_CONFIG, NULL, "otel.endpoint: '%.*s' is not http://... or https://...", FMT(at));
	while (at.n && at.p[at.n - 1] == '/')
		at.n--;
	x->url = str_fmt(a, "%.*s/v1/traces", FMT(at));
	x->service = str_copy(a, o->service);
	x->headers = new_array(a, struct str, o->n_headers + 1);
	x->headers[x->n_headers++] = S("Content-Type: application/json");
	for (size_t i = 0; i < o->n_headers; i++)
		x->headers[x->n_headers++] = str_copy(a, o->headers[i]);
	x->content = o->content;
	x->last = &x->first;
	if (pthread_create(&x->thread, NULL, exporter_main, x))
		return fail(e, ERR_INTERNAL, NULL, "cannot start the thread that sends traces: %m");
	pthread_setname_np(x->thread, "traces");
	x->on = true;
	return true;
}

void exporter_close(void)
{
	struct exporter *x = &exporter;
	struct timespec until;
	if (!x->on)
		return;
	x->on = false;
	pthread_mutex_lock(&x->lock);
	x->closing = true;
	pthread_cond_broadcast(&x->wake);
	pthread_mutex_unlock(&x->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LEAVE_MS / 1000;
	if (pthread_timedjoin_np(x->thread, NULL, &until)) {
		atomic_store(&x->hurry, true); /* each batch that is left fails at once */
		pthread_join(x->thread, NULL);
	}
	arena_free(&x->arena);
}
