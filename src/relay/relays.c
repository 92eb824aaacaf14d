/* relays.c - the routes that engines answer as they are. */
#include "relay/relay.h"

#define RELAYED(handler, PATH, start, ...)                                                                             \
	void handler(struct request *rq);                                                                              \
	void handler(struct request *rq)                                                                               \
	{                                                                                                              \
		static const struct relay_kind kind = {.path = PATH_##PATH, __VA_ARGS__};                              \
		start(rq, &kind);                                                                                      \
	}
RELAYED(speech_create, SPEECH, relay_start, .count = {true, USAGE_SPEECHES})
RELAYED(transcription_create, TRANSCRIPTIONS, relay_start_form, .count = {true, USAGE_TRANSCRIPTIONS})
RELAYED(translation_create, TRANSLATIONS, relay_start_form, .count = {true, USAGE_TRANSCRIPTIONS})
RELAYED(rerank_create, RERANK, relay_start, .count = {true, USAGE_RERANKINGS})
RELAYED(score_create, SCORE, relay_start, .count = {true, USAGE_RERANKINGS})
RELAYED(old_completion_create, COMPLETIONS, relay_start)
RELAYED(moderation_create, MODERATIONS, relay_start, .count = {true, USAGE_MODERATIONS})
#undef RELAYED
