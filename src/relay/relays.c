/* relays.c - the routes that engines answer as they are. */
#include "relay/relay.h"

#define RELAYED(handler, PATH, start, ...)                                                                             \
	void handler(struct request *rq);                                                                              \
	void handler(struct request *rq)                                                                               \
	{                                                                                                              \
		static const struct relay_kind kind = {.path = PATH_##PATH, __VA_ARGS__};                              \
		start(rq, &kind);                                                                                      \
	}
RELAYED(speech_create, SPEECH, relay_start)
RELAYED(transcription_create, TRANSCRIPTIONS, relay_start_form)
RELAYED(translation_create, TRANSLATIONS, relay_start_form)
RELAYED(rerank_create, RERANK, relay_start)
RELAYED(score_create, SCORE, relay_start)
RELAYED(old_completion_create, COMPLETIONS, relay_start)
RELAYED(moderation_create, MODERATIONS, relay_start)
#undef RELAYED
