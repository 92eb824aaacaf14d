/* player.c - an engine that says what a recording has. */
#include "tape/player.h"

#include "net/exchange.h"
#include "tape/tape_answer.h"

struct player {
	struct service service; /* first: what net/ knows */
	struct server *server;
	const struct tape *tape;
};

static bool player_on_head(struct service *s, struct exchange *x, struct err *e)
{
	const struct exchange_request *q = exchange_request(x);
	bool models = q->method == METHOD_GET && str_eq(q->path, S("/v1/models"));
	bool chat = q->method == METHOD_POST && str_eq(q->path, S("/v1/chat/completions"));
	return models || chat ||
	       fail(e, ERR_NOT_FOUND, NULL, "A replay has GET /v1/models and POST /v1/chat/completions only.");
}

static void player_say_models(const struct player *p, struct buf *b)
{
	struct jout o = {b, false};
	jo_obj(&o);
	jo_kstr(&o, "object", S("list"));
	jo_key(&o, S("data"));
	jo_arr(&o);
	jo_obj(&o);
	jo_kstr(&o, "id", tape_model(p->tape));
	jo_kstr(&o, "object", S("model"));
	jo_kint(&o, "created", 0);
	jo_kstr(&o, "owned_by", S("replay"));
	jo_obj_end(&o);
	jo_arr_end(&o);
	jo_obj_end(&o);
}

static void player_refuse(struct exchange *x, int status, struct str text)
{
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_key(&o, S("error"));
	jo_obj(&o);
	jo_kstr(&o, "message", text);
	jo_kstr(&o, "type", status < 500 ? S("invalid_request_error") : S("server_error"));
	jo_obj_end(&o);
	jo_obj_end(&o);
	exchange_send(x, status, S("application/json"), buf_str(&b));
	buf_release(&b);
}

static void player_answer(const struct player *p, struct exchange *x)
{
	struct err e = {0};
	yyjson_val *request;
	struct buf b;
	if (!json_parse(exchange_arena(x), exchange_request(x)->body, &request, &e)) {
		player_refuse(x, 400, str_of(e.msg));
		return;
	}
	const struct tape_answer *a = tape_answer_to(p->tape, request);
	struct str why = json_str(json_get(json_get(tape_response(p->tape), S("error")), S("message")));
	if (!a) {
		player_refuse(x, 500, why.n ? why : S("The recording has no answer of its engine."));
		return;
	}
	bool stream = yyjson_is_true(json_get(request, S("stream")));
	buf_init(&b, SIZE_MAX / 2);
	if (stream)
		tape_stream(p->tape, a, &b);
	else
		tape_whole(p->tape, a, &b);
	exchange_send(x, 200, stream ? S("text/event-stream") : S("application/json"), buf_str(&b));
	buf_release(&b);
}

static void player_on_handle(struct service *s, struct exchange *x)
{
	struct player *p = OWNER(s, struct player, service);
	struct buf b;
	if (exchange_request(x)->method == METHOD_POST) {
		player_answer(p, x);
		return;
	}
	buf_init(&b, SIZE_MAX / 2);
	player_say_models(p, &b);
	exchange_send(x, 200, S("application/json"), buf_str(&b));
	buf_release(&b);
}

static void player_on_refuse(struct service *s, struct exchange *x, const struct err *e)
{
	player_refuse(x, err_rows[e->code].status, str_of(e->msg));
}

bool player_open(struct loop *l, const struct tape *t, const struct listen_options *at, int *port, struct player **ret,
		 struct err *e)
{
	struct player *p = xalloc(sizeof *p);
	p->service = (struct service){.head = player_on_head, .handle = player_on_handle, .refuse = player_on_refuse};
	p->tape = t;
	p->server = server_new(l, &p->service);
	if (!server_listen(p->server, at, port, e)) {
		player_free(p);
		return false;
	}
	*ret = p;
	return true;
}

void player_free(struct player *p)
{
	if (!p)
		return;
	server_free(p->server);
	xfree(p);
}
