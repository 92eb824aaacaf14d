/* embedder.c - who makes vectors of texts. */
#include "index/embedder.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "index/embed_host.h"
#include "index/vectors.h"
#include "net/fetch.h"
#include "wire/json.h"

enum { BATCH = 64, BATCH_OWN = 4 /* a fifth of a second on two cores */ };
enum { TIMEOUT_MS = 120000, ANSWER_BYTES = 256 << 20 };

struct embedder {
	struct embed_options options;
	struct arena arena;
	struct str url, unix_path;
	pthread_mutex_t lock; /* over `space` until it is known */
	struct embed_space space;
};

struct embedder *embedder_new(const struct embed_options *o)
{
	struct embedder *m = xalloc(sizeof *m);
	m->options = *o;
	pthread_mutex_init(&m->lock, NULL);
	if (o->kind == EMBED_MANAGED) {
		m->url = S("http://localhost/v1/embeddings");
		m->space = (struct embed_space){
		    str_fmt(&m->arena, "managed %.*s %d", FMT(embed_host_model), EMBED_HOST_DIMS), EMBED_HOST_DIMS};
	}
	if (o->kind != EMBED_URL)
		return m;
	struct str base = o->url, bare;
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	if (str_starts(base, S("unix:"))) {
		m->unix_path = str_copy(&m->arena, (struct str){base.p + 5, base.n - 5});
		base = S("http://localhost");
	}
	bare = (struct str){base.p + 8, base.n > 8 ? base.n - 8 : 0}; /* behind "https://", or one letter of a host */
	m->url = str_fmt(&m->arena, "%.*s%s/embeddings", FMT(base), str_find(bare, '/') < bare.n ? "" : "/v1");
	return m;
}

void embedder_free(struct embedder *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	arena_free(&m->arena);
	xfree(m);
}

static struct str embedder_body_of(const struct embedder *m, const struct embed_ask *ask, struct buf *b)
{
	struct jout o = {b, false};
	jo_obj(&o);
	if (m->options.model.n)
		jo_kstr(&o, "model", m->options.model);
	jo_key(&o, S("input"));
	if (ask->input) {
		jo_val(&o, ask->input);
	} else {
		jo_arr(&o);
		for (size_t i = 0; i < ask->n; i++)
			jo_str(&o, ask->texts[i]);
		jo_arr_end(&o);
	}
	if (ask->dimensions)
		jo_kint(&o, "dimensions", ask->dimensions);
	jo_kstr(&o, "encoding_format", S("float"));
	jo_obj_end(&o);
	return buf_str(b);
}

/* Engines have no code for it; llama.cpp even answers 500. */
static bool is_too_long(struct str why)
{
	static const char *const words[] = {"too large", "too long", "maximum context", "maximum input", "exceed"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (memmem(why.n ? why.p : "", why.n, words[i], strlen(words[i])))
			return true;
	return false;
}

/* What an engine says of a failure, cut. */
static bool embedder_refused(const struct fetch_answer *got, struct err *e)
{
	struct arena a = {0};
	struct err none = {0};
	yyjson_val *v = NULL;
	json_parse(&a, buf_str(&got->body), &v, &none);
	struct str why = json_str(json_get(json_get(v, S("error")), S("message")));
	enum { QUOTED = 300 };
	if (why.n > QUOTED)
		why.n = QUOTED;
	bool later = got->status == 429 || got->status == 503;
	enum err_code code = is_too_long(why)     ? ERR_CONTEXT_LENGTH
			     : later              ? ERR_UNAVAILABLE
			     : got->status == 400 ? ERR_BAD_REQUEST /* such as token ids that it does not have */
						  : ERR_ENGINE;
	fail(e, code, NULL, "The embedder answered %d: %.*s", got->status, FMT(why));
	arena_free(&a);
	return false;
}

/* ret->dims 0: not known yet. ret->vectors NULL: made in `a` when the first tells how large they are. */
static bool embedder_take_one(yyjson_val *one, size_t n, struct arena *a, struct embed_answer *ret, struct err *e)
{
	yyjson_val *list = json_get(one, S("embedding")), *x;
	size_t at = (size_t)yyjson_get_uint(json_get(one, S("index"))), got = yyjson_arr_size(list), i, max;
	if (at >= n || !got || got > VECTOR_DIMS_MAX || (ret->dims && got != ret->dims))
		return fail(e, ERR_ENGINE, NULL, "The embedder's vectors have %zu numbers, not %zu.", got, ret->dims);
	ret->dims = got;
	if (!ret->vectors)
		ret->vectors = new_array(a, float, n *got);
	yyjson_arr_foreach(list, i, max, x)
	{
		if (!yyjson_is_num(x))
			return fail(e, ERR_ENGINE, NULL, "The embedder's vectors are no numbers.");
		ret->vectors[at * got + i] = (float)yyjson_get_num(x);
	}
	return true;
}

static bool embedder_take_all(const struct fetch_answer *got, size_t n, struct arena *a, struct embed_answer *ret,
			      struct err *e)
{
	struct arena tmp = {0};
	struct err why = {0};
	yyjson_val *v = NULL, *list, *one;
	size_t i, max;
	bool ok = json_parse(&tmp, buf_str(&got->body), &v, &why);
	list = json_get(v, S("data"));
	if (!ok || yyjson_arr_size(list) != n)
		ok = fail(e, ERR_ENGINE, NULL, "The embedder's answer is no list of %zu embeddings.", n);
	yyjson_arr_foreach(list, i, max, one)
	{
		ok = ok && embedder_take_one(one, n, a, ret, e);
	}
	ret->tokens = yyjson_get_sint(json_get(json_get(v, S("usage")), S("prompt_tokens")));
	arena_free(&tmp);
	return ok;
}

/* `unix_path` NULL: by the network. */
static bool embedder_ask_at(struct embedder *m, const char *unix_path, const struct embed_ask *ask, struct arena *to,
			    struct embed_answer *ret, struct err *e)
{
	struct arena a = {0};
	struct buf b;
	struct str headers[2] = {STR("Content-Type: application/json")};
	struct fetch_answer got;
	buf_init(&b, SIZE_MAX / 2);
	if (m->options.key.n)
		headers[1] = str_fmt(&a, "Authorization: Bearer %.*s", FMT(m->options.key));
	struct fetch f = {.url = m->url,
			  .headers = headers,
			  .n_headers = m->options.key.n ? 2 : 1,
			  .body = embedder_body_of(m, ask, &b),
			  .max_bytes = ANSWER_BYTES,
			  .timeout_ms = TIMEOUT_MS,
			  .unix_path = unix_path,
			  .no_proxy = unix_path != NULL,
			  .cancelled = ask->cancelled};
	fetch_run(&f, &got);
	bool ok;
	if (got.fault != FETCH_OK)
		ok = fail(e, ERR_UNAVAILABLE, NULL, "The embedder cannot be asked (%s): %s",
			  fetch_fault_name(got.fault), got.why);
	else if (got.status != 200)
		ok = embedder_refused(&got, e);
	else
		ok = embedder_take_all(&got, ask->n, to, ret, e);
	fetch_release(&got);
	buf_release(&b);
	arena_free(&a);
	return ok;
}

static bool ask_engine(struct embedder *m, const struct embed_ask *ask, struct arena *to, struct embed_answer *ret,
		       struct err *e)
{
	struct str socket;
	if (m->options.kind != EMBED_MANAGED)
		return embedder_ask_at(m, m->unix_path.p, ask, to, ret, e);
	if (!embed_host_take(m->options.host, ask->fetch_ms, ask->cancelled, &socket, e))
		return false;
	bool ok = embedder_ask_at(m, socket.p, ask, to, ret, e);
	embed_host_give(m->options.host);
	return ok;
}

bool embedder_ready(struct embedder *m, int64_t fetch_ms, const _Atomic bool *cancelled, struct err *e)
{
	struct embed_space space;
	struct str socket;
	if (m->options.kind != EMBED_MANAGED)
		return embedder_space(m, &space, e);
	if (!embed_host_take(m->options.host, fetch_ms, cancelled, &socket, e))
		return false;
	embed_host_give(m->options.host);
	return true;
}

bool embedder_absent(struct embedder *m)
{
	return m->options.kind == EMBED_NONE ||
	       (m->options.kind == EMBED_MANAGED && embed_host_failed(m->options.host));
}

bool embedder_answer(struct embedder *m, const struct embed_ask *ask, struct arena *a, struct embed_answer *ret,
		     struct err *e)
{
	*ret = (struct embed_answer){0};
	return ask_engine(m, ask, a, ret, e);
}

bool embedder_space(struct embedder *m, struct embed_space *ret, struct err *e)
{
	struct str text = S("a");
	struct embed_ask ask = {.texts = &text, .n = 1};
	struct embed_answer got;
	struct arena tmp = {0};
	bool ok = true;
	*ret = (struct embed_space){0};
	if (m->options.kind == EMBED_NONE)
		return true;
	pthread_mutex_lock(&m->lock);
	if (!m->space.dims) {
		ok = embedder_answer(m, &ask, &tmp, &got, e);
		if (ok)
			m->space = (struct embed_space){
			    str_fmt(&m->arena, "%.*s %.*s %zu", FMT(m->options.url), FMT(m->options.model), got.dims),
			    got.dims};
	}
	*ret = m->space;
	pthread_mutex_unlock(&m->lock);
	arena_free(&tmp);
	return ok;
}

bool embedder_run(struct embedder *m, const struct embed_ask *ask, float *ret, struct err *e)
{
	struct embed_space space;
	struct arena tmp = {0};
	if (!embedder_space(m, &space, e))
		return false;
	struct embed_answer got = {.vectors = ret, .dims = space.dims};
	bool ok = ask_engine(m, ask, &tmp, &got, e);
	arena_free(&tmp);
	return ok;
}

/* The mean of two directions, in `ret`. */
static void embedder_mean(float *ret, const float *other, size_t dims)
{
	double square = 0;
	for (size_t i = 0; i < dims; i++) {
		ret[i] = (ret[i] + other[i]) / 2;
		square += (double)ret[i] * (double)ret[i];
	}
	for (size_t i = 0; i < dims && square > 0; i++)
		ret[i] = (float)(ret[i] / sqrt(square));
}

static bool embedder_one(struct embedder *m, const struct embed_ask *ask, struct str text, size_t dims, float *ret,
			 struct err *e)
{
	enum { LEAST = 16 };
	struct embed_ask one = *ask;
	struct err why = {0};
	one.texts = &text;
	one.n = 1;
	if (embedder_run(m, &one, ret, &why))
		return true;
	size_t half = text.n / 2;
	while (half && ((unsigned char)text.p[half] & 0xc0) == 0x80)
		half--;
	if (why.code != ERR_CONTEXT_LENGTH || text.n < LEAST || !half)
		return fail(e, why.code, NULL, "%s", why.msg);
	float *other = xalloc(dims * sizeof *other);
	bool ok = embedder_one(m, ask, (struct str){text.p, half}, dims, ret, e) &&
		  embedder_one(m, ask, (struct str){text.p + half, text.n - half}, dims, other, e);
	if (ok)
		embedder_mean(ret, other, dims);
	xfree(other);
	return ok;
}

bool embedder_windows(struct embedder *m, const struct embed_ask *ask, float *ret, struct err *e)
{
	size_t most = m->options.kind == EMBED_MANAGED ? BATCH_OWN : BATCH;
	struct embed_space space;
	if (!embedder_space(m, &space, e))
		return false;
	for (size_t at = 0; at < ask->n; at += most) {
		struct embed_ask some = *ask;
		struct err why = {0};
		some.texts = ask->texts + at;
		some.n = ask->n - at < most ? ask->n - at : most;
		bool ok = embedder_run(m, &some, ret + at * space.dims, &why);
		if (!ok && why.code != ERR_CONTEXT_LENGTH)
			return fail(e, why.code, NULL, "%s", why.msg);
		for (size_t i = 0; !ok && i < some.n; i++)
			if (!embedder_one(m, ask, some.texts[i], space.dims, ret + (at + i) * space.dims, e))
				return false;
	}
	return true;
}
