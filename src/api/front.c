/* front.c - what is not the API proper: GET /, /health, /ready. */
#include "door/request.h"
#include "store/nodes.h"
#include "store/store.h"

static const struct str plain_type = STR("text/plain; charset=utf-8");

void root_get(struct request *rq)
{
	const struct api_options *o = &rq->api->api->options;
	struct str text = str_fmt(exchange_arena(rq->x),
	                          "Antiphon " ANTIPHON_VERSION ": OpenAI's Responses API in your own house.\n\n"
	                          "Base URL  %.*s\n"
	                          "Answers   %.*s\n"
	                          "Models    GET %.*s/models\n"
	                          "State     GET /health (alive), GET /ready (store open, an engine answers)\n\n"
	                          "  export OPENAI_BASE_URL=%.*s OPENAI_API_KEY=any\n"
	                          "  python3 -c 'import openai; print(openai.OpenAI().responses.create(model=\"gpt-4o\", "
	                          "input=\"What is the capital of France?\").output_text)'\n",
	                          FMT(o->base_url), FMT(o->default_banner), FMT(o->base_url), FMT(o->base_url));
	exchange_send(rq->x, 200, plain_type, text);
}

void health_get(struct request *rq)
{
	answer_json(rq, 200, S("{\"status\":\"ok\"}"));
}

void ready_get(struct request *rq)
{
	struct api *api = rq->api->api;
	struct err why = {0};
	if (atomic_load(&api->draining))
		fail(&why, ERR_UNAVAILABLE, NULL, "The server is shutting down.");
	else if (store_draining(api->options.store))
		fail(&why, ERR_UNAVAILABLE, NULL, "This node was asked to drain (antiphon nodes).");
	if (why.code || !store_healthy(api->options.store, &why) || !engines_ready(api->options.engines, &why)) {
		why.code = ERR_UNAVAILABLE;
		if (!why.retry_after_ms)
			why.retry_after_ms = 1000;
		answer_error(rq->x, &why);
		return;
	}
	answer_json(rq, 200, S("{\"status\":\"ready\"}"));
}
