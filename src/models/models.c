/* models.c - /v1/models. */

#include <stdio.h>

#include <sodium.h>

#include "door/request.h"
#include "models/codex_models.h"
#include "wire/json.h"

static void write_model(struct jout *o, const struct engine_model *m)
{
	jo_obj(o);
	jo_kstr(o, "id", m->name);
	jo_kstr(o, "object", S("model"));
	jo_kint(o, "created", m->created);
	jo_kstr(o, "owned_by", m->owned_by);
	jo_obj_end(o);
}

/* Changes with the list alone. */
static void add_etag(struct request *rq, struct str body)
{
	unsigned char hash[16];
	char text[2 * sizeof hash + 3] = "\"";
	crypto_generichash(hash, sizeof hash, (const unsigned char *)body.p, body.n, NULL, 0);
	sodium_bin2hex(text + 1, 2 * sizeof hash + 1, hash, sizeof hash);
	text[2 * sizeof hash + 1] = '"';
	exchange_add_header(rq->x, S("ETag"), (struct str){text, 2 * sizeof hash + 2});
}

void models_list(struct request *rq)
{
	static const char *const known[] = {"client_version", NULL};
	struct engine_model *models;
	struct err e = {0};
	if (!query_known(rq, known, &e)) {
		answer_error(rq->x, &e);
		return;
	}
	size_t n = engine_models(rq->api->api->options.engines, exchange_arena(rq->x), &models);
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	jo_obj(&o);
	jo_kstr(&o, "object", S("list"));
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < n; i++)
		write_model(&o, &models[i]);
	jo_arr_end(&o);
	if (query_get(rq, "client_version", NULL).p) {
		jo_key(&o, S("models"));
		codex_models_write(&o, models, n);
	}
	jo_obj_end(&o);
	add_etag(rq, buf_str(&b));
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}

void model_get(struct request *rq)
{
	struct engine_model m;
	struct err e = {0};
	if (!engine_find(rq->api->api->options.engines, exchange_arena(rq->x), rq->args[0], &m, &e)) {
		struct err gone = {0};
		fail(&gone, ERR_MODEL_UNKNOWN, "model", "The model '%.*s' does not exist", FMT(rq->args[0]));
		answer_error(rq->x, &gone);
		return;
	}
	struct buf b;
	buf_init(&b, 64 * 1024);
	struct jout o = {&b, false};
	write_model(&o, &m);
	answer_json(rq, 200, buf_str(&b));
	buf_release(&b);
}
