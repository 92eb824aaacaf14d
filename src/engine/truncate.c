/* truncate.c - truncation: auto. */
#include "engine/truncate.h"

#include "wire/json.h"

enum { MESSAGE_WEIGHT = 16 /* what a template puts around a message, in bytes */ };

static int64_t weight_of(const struct prompt *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct prompt_message *m = &p->messages[i];
		n += MESSAGE_WEIGHT + m->reasoning.n;
		for (size_t j = 0; j < m->n_parts; j++)
			n += m->parts[j].text.n;
		for (size_t j = 0; j < m->n_calls; j++)
			n += m->calls[j].name.n + m->calls[j].arguments.n;
	}
	return (int64_t)n;
}

bool truncate_prompt(struct prompt *p, int64_t tokens, int64_t goal)
{
	int64_t before = weight_of(p);
	if (!prompt_drop_oldest(p))
		return false;
	/* The share is a guess: the caller asks again when it was too hopeful. */
	while ((double)tokens * (double)weight_of(p) / (double)before > (double)goal && prompt_drop_oldest(p))
		;
	return true;
}

int64_t truncate_goal(const struct prompt *p, int64_t context)
{
	int64_t room = context / 4;
	if (p->sampling.has_max_output_tokens && p->sampling.max_output_tokens < room)
		room = p->sampling.max_output_tokens;
	return context - room - 1;
}

static int64_t number(yyjson_val *obj, struct str key)
{
	yyjson_val *v = json_get(obj, key);
	return yyjson_is_int(v) && yyjson_get_sint(v) > 0 ? yyjson_get_sint(v) : 0;
}

bool overflow_read(struct str body, int64_t *tokens, int64_t *context)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *root;
	bool ok = false;
	if (json_parse(&a, body, &root, &e)) {
		yyjson_val *error = json_get(root, S("error"));
		int64_t n = number(error, S("n_prompt_tokens")), max = number(error, S("n_ctx"));
		ok = n && max;
		if (ok) {
			*tokens = n;
			*context = max;
		}
	}
	arena_free(&a);
	return ok;
}

int64_t count_read(struct str body)
{
	struct arena a = {0};
	struct err e = {0};
	yyjson_val *root;
	int64_t n = json_parse(&a, body, &root, &e) ? number(root, S("input_tokens")) : 0;
	arena_free(&a);
	return n;
}
