/* told.h - what an engine says of its own load, in the text of GET /metrics. Pure. */
#pragma once
#include "base/str.h"

struct told_load {
	int64_t running, waiting; /* calls */
};
/* vLLM, SGLang and llama.cpp each have names of their own for it (told.c); of several series of one name the sum. false: it says nothing of it. */
bool told_read(struct str text, struct told_load *ret);
