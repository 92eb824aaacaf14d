/* wishes.h - what a request wishes for an answer without changing what is asked. Included by request.h. */
#pragma once
#include <stdbool.h>

#include "base/str.h"

struct sampling { /* has_x false: not given, the engine's default rules */
	double temperature, top_p, frequency_penalty, presence_penalty;
	bool has_temperature, has_top_p, has_frequency_penalty, has_presence_penalty;
	int64_t max_output_tokens, top_logprobs;
	bool has_max_output_tokens, has_top_logprobs;
	struct str effort; /* reasoning.effort, {0} when not given */
	struct str pass;   /* JSON members that go to the engine as they are: "\"top_k\":40,\"seed\":1", or {0} */
};

/* background_options: how long a background response may wait for others, and what it belongs with. */
struct background_wish {
	int64_t window; /* seconds; 0: as soon as may be */
	struct str continuation; /* {0}: none */
};
