/* chat_voice.c - chat completions that answer with sound. */
#include "chat/chat_voice.h"

#include "relay/relay.h"

bool chat_voice(struct request *rq, struct err *e)
{
	static const struct relay_kind kind = {.path = PATH_VOICE};
	if (!ability_own(rq->api->api->options.engines, ABILITY_VOICE))
		return fail(
		    e, ERR_UNSUPPORTED_VALUE, "modalities",
		    "Unsupported value: 'modalities' does not support 'audio' with this model. Supported values are: "
		    "'text'. An engine that speaks is named by the setting voice.engine: start with --set "
		    "voice.engine=http://127.0.0.1:9000/v1.");
	relay_start(rq, &kind);
	return true;
}
