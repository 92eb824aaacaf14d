/* truncate.h - truncation: auto. Drops the oldest messages until a prompt fits. Pure. */
#pragma once
#include "engine/prompt.h"

enum { BYTES_A_TOKEN = 3 /* few texts have less */ };

/* Drops messages until what is left of `tokens`, by its share of the bytes, is at most `goal`; at least one.
 * false: nothing more may go. */
bool truncate_prompt(struct prompt *p, int64_t tokens, int64_t goal);
/* How many tokens of a context a prompt may take, so that an answer has room. */
int64_t truncate_goal(const struct prompt *p, int64_t context);
/* llama.cpp's error on a prompt that is too long tells both numbers; false when `body` does not. */
bool overflow_read(struct str body, int64_t *tokens, int64_t *context);
/* The answer of llama.cpp's .../input_tokens or vLLM's /tokenize; 0 when it is neither. */
int64_t count_read(struct str body);
/* Tokens of a prompt whose body has so many bytes, for engines that cannot tell. */
int64_t count_estimate(const struct prompt *p, size_t body);
