/* embeddings.c - POST /v1/embeddings: by the engine that has the model, else by the embedder of vector stores. */
#include <sodium.h>

#include "base/log.h"
#include "engine/engine.h"
#include "index/embedder.h"
#include "door/allowance.h"
#include "door/errand.h"
#include "quota/prices.h"
#include "wire/fields.h"

enum { FETCH_MS = 60000 }; /* how long the first who asks waits while the embedder is fetched */
enum { INPUTS_MOST = 2048, TOKENS_MOST = 300000, TOKEN_BYTES = 4 };

struct embedding_ask {
	struct embed_options engine; /* url {0}: the embedder */
	struct embed_ask ask;
	struct str model;
	int64_t dimensions;
	int64_t key; /* of who asks */
	struct quota_hold hold;
	bool base64, batch;
};

/* --- the body ---------------------------------------------------------------------------------------------------- */

static const char *const formats[] = {"float", "base64", NULL};

static bool is_token(yyjson_val *v)
{
	return yyjson_is_uint(v) && yyjson_get_uint(v) <= INT32_MAX;
}

/* A text, or a list of token ids. */
static bool one_input(yyjson_val *v, const char *path, size_t *tokens, struct err *e)
{
	size_t i, max;
	yyjson_val *t;
	if (yyjson_is_str(v)) {
		*tokens += json_str(v).n / TOKEN_BYTES;
		return json_str(v).n ||
		       fail(e, ERR_BAD_REQUEST, path, "Invalid '%s': input cannot be an empty string.", path);
	}
	if (!yyjson_is_arr(v))
		return field_type(v, path, "a string or an array of token ids", e);
	if (!yyjson_arr_size(v))
		return fail(e, ERR_EMPTY_ARRAY, path, "Invalid '%s': empty array. Expected an array of token ids.",
			    path);
	*tokens += yyjson_arr_size(v);
	yyjson_arr_foreach(v, i, max, t)
	{
		char place[128];
		field_index(place, path, i);
		if (!is_token(t))
			return field_type(t, place, "a token id", e);
	}
	return true;
}

static bool embeddings_input_check(yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	size_t i, max, n = yyjson_arr_size(v), tokens = 0;
	yyjson_val *one;
	bool ok = true;
	if (!yyjson_is_arr(v) || (n && yyjson_is_num(yyjson_arr_get_first(v))))
		ok = one_input(v, path, &tokens, e);
	else if (!n)
		ok = fail(e, ERR_EMPTY_ARRAY, path,
			  "Invalid '%s': empty array. Expected an array with minimum length 1.", path);
	else if (n > INPUTS_MOST)
		ok = fail(
		    e, ERR_ARRAY_TOO_LONG, path,
		    "Invalid '%s': array too long. Expected an array with maximum length %d, but got an array with "
		    "length %zu instead.",
		    path, INPUTS_MOST, n);
	else
		yyjson_arr_foreach(v, i, max, one)
		{
			char place[128];
			field_index(place, path, i);
			ok = ok && one_input(one, place, &tokens, e);
		}
	return ok && (tokens <= TOKENS_MOST ||
		      fail(e, ERR_CONTEXT_LENGTH, path, "Invalid '%s': at most %d tokens are taken in one request.",
			   path, TOKENS_MOST));
}

static const struct field embedding_fields[] = {
    FIELD_CHECKED("input", F_ANY, .required = true, .check = embeddings_input_check),
    FIELD_CHECKED("model", F_STR, .required = true, .min = 1, .max = 256),
    FIELD_CHECKED("encoding_format", F_ENUM, .nullable = true, .values = formats),
    FIELD_CHECKED("dimensions", F_INT, .nullable = true, .min = 1, .max = 65536),
    FIELD_CHECKED("user", F_STR, .nullable = true, .max = 512),
    FIELD_END,
};

/* One input becomes a list of one. */
static bool input_list(struct arena *a, yyjson_val *input, struct embed_ask *ask, struct err *e)
{
	bool several = yyjson_is_arr(input) && !yyjson_is_num(yyjson_arr_get_first(input));
	struct str text = json_text(a, input);
	ask->input = input;
	ask->n = several ? yyjson_arr_size(input) : 1;
	return several || json_parse(a, str_fmt(a, "[%.*s]", FMT(text)), &ask->input, e);
}

static bool embedding_body_read(struct errand *er, struct embedding_ask *ask, struct err *e)
{
	yyjson_val *dimensions = json_get(er->body, S("dimensions"));
	if (yyjson_is_int(dimensions) && yyjson_get_sint(dimensions) < 1)
		return fail(e, ERR_BAD_REQUEST, NULL, "%lld is less than the minimum of 1 - 'dimensions'",
			    (long long)yyjson_get_sint(dimensions));
	if (!fields_read(embedding_fields, er->body, "", NULL, NULL, NULL, e))
		return false;
	ask->model = json_str(json_get(er->body, S("model")));
	ask->base64 = str_eq(json_str(json_get(er->body, S("encoding_format"))), S("base64"));
	ask->dimensions = (int64_t)yyjson_get_num(dimensions);
	ask->ask.dimensions = ask->dimensions;
	ask->ask.fetch_ms = FETCH_MS;
	ask->ask.cancelled = &er->job.cancelled;
	return input_list(&er->arena, json_get(er->body, S("input")), &ask->ask, e);
}

/* An engine's own model first; any other name is the embedder's, where there is one. */
static bool embeddings_choose(struct request *rq, struct errand *er, struct embedding_ask *ask, struct err *e)
{
	struct engines *engines = rq->api->api->options.engines;
	struct engine_model m;
	struct err none = {0};
	bool found = engine_find(engines, &er->arena, ask->model, &m, &none) && !m.aliased && !m.pending;
	if (!found && search_words_only(er->search))
		return fail(e, ERR_MODEL_UNKNOWN, "model",
			    "The model '%.*s' does not exist or you do not have access to it.", FMT(ask->model));
	if (!found)
		return true;
	ask->engine.kind = EMBED_URL;
	ask->engine.model = ask->model;
	engine_address(engines, &er->arena, m.index, &ask->engine.url, &ask->engine.key);
	return true;
}

/* --- the answer -------------------------------------------------------------------------------------------------- */

/* Little-endian float32, as the processor has them. */
static void vector_write(struct jout *o, const float *v, size_t n, bool base64, struct arena *a)
{
	jo_key(o, S("embedding"));
	if (base64) {
		size_t room = sodium_base64_ENCODED_LEN(n * sizeof *v, sodium_base64_VARIANT_ORIGINAL);
		char *text = arena_bytes(a, room);
		sodium_bin2base64(text, room, (const unsigned char *)v, n * sizeof *v, sodium_base64_VARIANT_ORIGINAL);
		jo_str(o, (struct str){text, room - 1});
		return;
	}
	jo_arr(o);
	for (size_t i = 0; i < n; i++)
		jo_num(o, (double)v[i]);
	jo_arr_end(o);
}

static void embeddings_write(struct errand *er, const struct embedding_ask *ask, const struct embed_answer *got)
{
	struct jout o = errand_out(er);
	jo_obj(&o);
	jo_kstr(&o, "object", S("list"));
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < ask->ask.n; i++) {
		jo_obj(&o);
		jo_kstr(&o, "object", S("embedding"));
		jo_kint(&o, "index", (int64_t)i);
		vector_write(&o, got->vectors + i * got->dims, got->dims, ask->base64, &er->arena);
		jo_obj_end(&o);
	}
	jo_arr_end(&o);
	jo_kstr(&o, "model", ask->model);
	jo_key(&o, S("usage"));
	jo_obj(&o);
	jo_kint(&o, "prompt_tokens", got->tokens);
	jo_kint(&o, "total_tokens", got->tokens);
	jo_obj_end(&o);
	jo_obj_end(&o);
}

/* What cannot be counted is answered all the same. */
static void embeddings_count(struct errand *er, struct embedding_ask *ask, int64_t tokens)
{
	struct usage_add used = {.project = er->project,
				 .key = ask->key,
				 .model = ask->model,
				 .kind = USAGE_EMBEDDINGS,
				 .batch = ask->batch,
				 .n = {.requests = 1, .input = tokens}};
	struct err e = {0};
	prices_apply(&used);
	quota_end(&ask->hold, &used, 1);
	if (!usage_keep(er->store, &used, &e))
		log_at(LOG_ERROR, "usage could not be counted", "of=embeddings error=\"%s\"", e.msg);
}

static bool embeddings_work(struct errand *er, struct err *e)
{
	struct embedding_ask *ask = er->more;
	struct embedder *m = ask->engine.url.p ? embedder_new(&ask->engine) : search_embedder(er->search);
	struct embed_answer got;
	bool ok = embedder_answer(m, &ask->ask, &er->arena, &got, e);
	if (ask->engine.url.p)
		embedder_free(m);
	if (ok)
		embeddings_count(er, ask, got.tokens);
	if (ok && ask->dimensions && (int64_t)got.dims != ask->dimensions)
		return fail(e, ERR_INVALID_VALUE, "dimensions",
			    "This model does not support specifying dimensions: its embeddings have %zu.", got.dims);
	if (ok)
		embeddings_write(er, ask, &got);
	return ok;
}

static void embeddings_let_go(void *hold)
{
	quota_end(hold, NULL, 0);
}

static bool embeddings_may(struct errand *er, struct embedding_ask *ask, struct err *e)
{
	struct allowance_ask want = {.bytes = exchange_request(er->rq->x)->body.n, .headers = true};
	arena_defer(&er->arena, embeddings_let_go, &ask->hold);
	return allowance_begin(er->rq, &ask->hold, &want, e);
}

static bool embedding_ask_read(struct errand *er, void *more, struct err *e)
{
	struct embedding_ask *ask = more;
	ask->key = er->rq->key.key;
	ask->batch = er->rq->low;
	return embedding_body_read(er, more, e) && embeddings_choose(er->rq, er, more, e) && embeddings_may(er, ask, e);
}

void embeddings_create(struct request *rq)
{
	errand_begin(rq, embeddings_work, sizeof(struct embedding_ask), embedding_ask_read);
}
