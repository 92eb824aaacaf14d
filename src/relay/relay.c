/* relay.c - requests that an engine answers as they are: from the first byte to the last. */
#include "relay/relay.h"

#include "quota/prices.h"
#include "relay/relay_form.h"
#include "relay/relay_job.h"

enum { ERROR_MOST = 65536 };

static void relay_ask(struct relay *r);

/* --- life --- */

static void relay_free(struct relay *r)
{
	quota_end(&r->hold, NULL, 0);
	http_call_cancel(&r->call);
	relay_form_free(r);
	if (r->busy) {
		atomic_store(&r->busy->job.cancelled, true);
		r->busy->relay = NULL;
	}
	buf_release(&r->answer);
	if (r->prev)
		r->prev->next = r->next;
	else
		r->api->relays = r->next;
	if (r->next)
		r->next->prev = r->prev;
	r->api->n_turns--;
	atomic_fetch_sub(&r->api->api->running, 1);
	arena_free(&r->arena);
	xfree(r);
}

void relay_fail(struct relay *r, const struct err *e)
{
	if (!r->ended) { /* a form still comes: it is told with its next piece */
		r->error = *e;
		http_call_cancel(&r->call);
		relay_form_failed(r);
		return;
	}
	exchange_unwatch(r->rq->x);
	if (exchange_begun(r->rq->x))
		exchange_abort(r->rq->x);
	else
		answer_error(r->rq->x, e);
	relay_free(r);
}

/* Events are for this client, now: as the live API says of sound that streams, and what proxies ask for. */
static void relay_streams(struct relay *r, struct str content_type)
{
	struct str media = str_cut(&content_type, ';');
	if (!str_eq_nocase(str_trim(media), S("text/event-stream")))
		return;
	exchange_add_header(r->rq->x, S("Cache-Control"), S("no-store"));
	exchange_add_header(r->rq->x, S("X-Accel-Buffering"), S("no"));
}

void relay_answer(struct relay *r, struct str content_type, struct str body)
{
	exchange_unwatch(r->rq->x);
	relay_streams(r, content_type);
	exchange_send(r->rq->x, 200, content_type, body);
	relay_free(r);
}

void relays_cancel(struct api_loop *al)
{
	struct err e = {0};
	fail(&e, ERR_UNAVAILABLE, NULL, "The server is shutting down. Please retry in a few seconds.");
	for (struct relay *r = al->relays, *next; r; r = next) {
		next = r->next;
		relay_fail(r, &e);
	}
}

static void relay_on_gone(struct reader *reader)
{
	relay_free(OWNER(reader, struct relay, reader));
}

static void relay_on_room(struct reader *reader)
{
	http_call_resume(&OWNER(reader, struct relay, reader)->call);
}

/* --- the answer --- */

/* Its length is told where the engine tells it, so that players can show one. */
static void relay_begin_answer(struct relay *r)
{
	struct str type = http_call_header(&r->call, S("content-type")),
		   length = http_call_header(&r->call, S("content-length"));
	int64_t n = -1;
	if (!type.n)
		type = S("application/octet-stream");
	relay_streams(r, type);
	if (length.n && length.n < 16 && str_int(length, &n) && n >= 0)
		exchange_begin_sized(r->rq->x, 200, type, n, &r->reader);
	else
		exchange_begin(r->rq->x, 200, type, &r->reader);
}

static void relay_on_head(struct http_call *call, int status)
{
	struct relay *r = OWNER(call, struct relay, call);
	struct err e = {0};
	r->status = status;
	r->kept = r->probing || status != 200 || (r->kind->answer && !r->raw);
	buf_release(&r->answer);
	buf_init(&r->answer, r->probing || status != 200 ? ERROR_MOST
			     : r->kind->answer_most      ? r->kind->answer_most
							 : (size_t)engine_limits.picture_bytes * 2);
	if (!r->ended && status == 200 && !r->probing) {
		fail(&e, ERR_ENGINE, NULL, "The engine answered before it had the request.");
		relay_fail(r, &e);
	} else if (!r->kept) {
		relay_begin_answer(r);
	}
}

static void relay_on_body(struct http_call *call, struct str bytes)
{
	struct relay *r = OWNER(call, struct relay, call);
	if (r->kept) {
		buf_add(&r->answer, bytes);
		return;
	}
	exchange_write(r->rq->x, bytes);
	if (exchange_full(r->rq->x))
		http_call_pause(call);
}

/* Engines tell no usage of these, or tell it to the client alone: tokens are estimated as a fourth of the body's bytes, how
 * long a sound is stays unknown. */
static void relay_count(const struct relay *r)
{
	enum { BYTES_A_TOKEN = 4 };
	const struct relay_count *c = &r->kind->count;
	struct usage_add used = {.project = r->rq->project,
				 .key = r->rq->key.key,
				 .model = r->at.model,
				 .kind = c->as,
				 .batch = r->rq->low,
				 .n = {.requests = 1}};
	if (!c->counted)
		return;
	if (c->as == USAGE_SPEECHES)
		used.n.units = r->characters;
	else if (!r->form)
		used.n.input = (int64_t)r->body.n / BYTES_A_TOKEN;
	prices_apply(&used);
	store_add_usage(r->api->store, NULL, &used, 1);
}

static void relay_judge_answer(struct relay *r)
{
	struct err e = {0};
	if (r->status != 200) {
		ability_error(r->status, buf_str(&r->answer), r->at.model, &e);
	} else if (r->kept && r->answer.over) {
		fail(&e, ERR_ENGINE, NULL, "The engine's answer is larger than %zu bytes.", (size_t)r->answer.max);
	} else if (r->kept) {
		r->kind->answer(r);
		return;
	} else {
		relay_count(r);
		exchange_unwatch(r->rq->x);
		exchange_end(r->rq->x);
		relay_free(r);
		return;
	}
	relay_fail(r, &e);
}

/* Whether the path is there. */
static void relay_probed(struct relay *r)
{
	struct err e = {0};
	r->probing = false;
	if (ability_learn(r->api->api->options.engines, &r->at, r->kind->path, r->status, buf_str(&r->answer)) !=
	    ABILITY_NO) {
		relay_ask(r);
		return;
	}
	ability_missing(r->kind->path, &e);
	relay_fail(r, &e);
}

static void relay_on_end(struct http_call *call, const struct err *e)
{
	struct relay *r = OWNER(call, struct relay, call);
	struct err why = *e;
	if (why.code == ERR_ENGINE && !r->status)
		why.code = ERR_UNAVAILABLE; /* it could not be reached */
	if (why.code)
		relay_fail(r, &why);
	else if (r->probing)
		relay_probed(r);
	else
		relay_judge_answer(r);
}

/* --- the question --- */

static void relay_call(struct relay *r, struct str type, struct str body)
{
	struct arena *a = &r->arena;
	r->status = 0;
	r->call.on_head = relay_on_head;
	r->call.on_body = relay_on_body;
	r->call.on_end = relay_on_end;
	r->call.connect_ms = engine_limits.connect_ms;
	r->call.first_byte_ms = engine_limits.first_byte_ms;
	r->call.idle_ms = engine_limits.idle_ms;
	r->call.total_ms = engine_limits.total_ms;
	http_call_start(ability_client(r->api->engine), &r->call, r->at.target, METHOD_POST,
			http_target_path(a, r->at.target, ability_url(r->kind->path)),
			str_fmt(a, "%.*s%.*s", FMT(r->at.headers), FMT(type)), body);
}

static void relay_ask(struct relay *r)
{
	r->call.streams = r->form != NULL;
	relay_call(r,
		   r->form     ? relay_form_type(r)
		   : r->type.n ? r->type
			       : S("Content-Type: application/json\r\n"),
		   r->body);
	if (r->form)
		relay_form_go(r);
}

/* The engine is known: is the path? */
void relay_go(struct relay *r)
{
	struct err e = {0};
	enum ability_answer known = ability_known(r->api->api->options.engines, &r->at, r->kind->path);
	r->probing = known == ABILITY_UNKNOWN;
	if (known == ABILITY_YES) {
		relay_ask(r);
	} else if (r->probing) {
		r->call.streams = false;
		relay_call(r, S("Content-Type: application/json\r\n"), S("{}"));
	} else {
		ability_missing(r->kind->path, &e);
		relay_fail(r, &e);
	}
}

/* --- the request --- */

static struct relay *relay_new(struct request *rq, const struct relay_kind *kind)
{
	struct api_loop *al = rq->api;
	struct err e = {0};
	if ((int64_t)al->n_turns >= api_limits.turns) {
		e.retry_after_ms = 1000;
		fail(&e, ERR_BUSY, NULL, "Too many requests are running (api.turns = %lld). Please retry in a moment.",
		     (long long)api_limits.turns);
		answer_error(rq->x, &e);
		return NULL;
	}
	struct quota_hold hold = {0};
	if (!allowance_begin(rq, &hold, &(struct allowance_ask){.headers = true}, &e)) {
		answer_error(rq->x, &e);
		return NULL;
	}
	struct relay *r = xalloc(sizeof *r);
	*r = (struct relay){
	    .hold = hold, .kind = kind, .api = al, .rq = rq, .reader = {relay_on_gone, relay_on_room}, .next = al->relays};
	buf_init(&r->answer, ERROR_MOST);
	if (r->next)
		r->next->prev = r;
	al->relays = r;
	al->n_turns++;
	atomic_fetch_add(&al->api->running, 1);
	return r;
}

/* The body with another model, its members in their order. */
static void relay_rename(struct jout *o, yyjson_val *body, struct str model)
{
	yyjson_obj_iter it = yyjson_obj_iter_with(body);
	bool named = json_get(body, S("model"));
	jo_obj(o);
	if (!named)
		jo_kstr(o, "model", model);
	for (yyjson_val *key; (key = yyjson_obj_iter_next(&it));) {
		jo_key(o, json_str(key));
		if (str_eq(json_str(key), S("model")))
			jo_str(o, model);
		else
			jo_val(o, yyjson_obj_iter_get_val(key));
	}
	jo_obj_end(o);
}

static bool relay_write_body(struct relay *r, yyjson_val *body, struct str text, struct err *e)
{
	struct str model = json_str(json_get(body, S("model")));
	struct buf b;
	bool same = str_eq(model, r->at.model), ok = true;
	if (!r->kind->ask && (same || !r->at.model.n)) {
		r->body = text;
		return true;
	}
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {&b, false};
	if (r->kind->ask)
		ok = r->kind->ask(r, body, &o, e);
	else
		relay_rename(&o, body, r->at.model);
	r->body = str_copy(&r->arena, buf_str(&b));
	buf_release(&b);
	return ok;
}

static int64_t relay_characters(struct str text)
{
	int64_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	return n;
}

static bool relay_read(struct relay *r, struct err *e)
{
	struct str text = exchange_request(r->rq->x)->body;
	yyjson_val *body = NULL, *model;
	if (!json_parse(&r->arena, str_copy(&r->arena, text), &body, e))
		return false;
	if (!yyjson_is_obj(body))
		return fail(e, ERR_INVALID_TYPE, NULL,
			    "Invalid type for the body: expected an object, but got %s instead.", json_kind_name(body));
	r->characters = relay_characters(json_str(json_get(body, S("input"))));
	model = json_get(body, S("model"));
	if (model && !yyjson_is_null(model) && !yyjson_is_str(model))
		return field_type(model, "model", "a string", e);
	return ability_find(r->api->api->options.engines, &r->arena, r->kind->path, json_str(model), &r->at, e) &&
	       (r->kind->gather ? r->kind->gather(r, body, e) : relay_write_body(r, body, text, e));
}

void relay_start(struct request *rq, const struct relay_kind *kind)
{
	struct relay *r = relay_new(rq, kind);
	struct err e = {0};
	if (!r)
		return;
	r->ended = true;
	exchange_watch(rq->x, &r->reader);
	if (!relay_read(r, &e))
		relay_fail(r, &e);
	else if (!kind->gather)
		relay_go(r);
}

static void relay_on_body_end(struct relay *r)
{
	r->ended = true;
	exchange_watch(r->rq->x, &r->reader);
	if (r->error.code)
		relay_fail(r, &r->error);
}

static const struct relay_form_calls relay_form_events = {relay_on_body_end, relay_free};

void relay_start_form(struct request *rq, const struct relay_kind *kind)
{
	struct relay *r = relay_new(rq, kind);
	struct err e = {0};
	if (!r)
		return;
	if (ability_find(r->api->api->options.engines, &r->arena, kind->path, (struct str){0}, &r->at, &e) &&
	    relay_form_begin(r, &relay_form_events, &e)) {
		relay_go(r);
		return;
	}
	answer_error(rq->x, &e);
	relay_free(r);
}
