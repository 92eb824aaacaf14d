/* truncate.c - truncation: auto. */
#include "engine/truncate.h"
#include "engine/prompt_tidy.h"

#include <string.h>

#include "wire/json.h"

enum {
	MESSAGE_WEIGHT = 16,   /* what a template puts around a message, in bytes */
	ATTACHED_TOKENS = 800, /* a picture, sound or file of middle size, where nobody counts */
};

/* Of the messages [from, end). */
static double weight_of(const struct prompt *p, size_t from, size_t end)
{
	size_t n = 0;
	for (; from < end; from++) {
		const struct prompt_message *m = &p->messages[from];
		n += MESSAGE_WEIGHT + m->reasoning.n;
		for (size_t j = 0; j < m->n_parts; j++)
			n += m->parts[j].text.n;
		for (size_t j = 0; j < m->n_calls; j++)
			n += m->calls[j].name.n + m->calls[j].arguments.n;
	}
	return (double)n;
}

/* The oldest turn that can go, from message `from` on: [*first, *end) is a user message with the answers to it;
 * within the last turn one step: a call with its outputs; never system, never the last user message. false when
 * nothing can go. Leaves no tool result without its call. `last`: of prompt_last_user(). */
static bool truncate_oldest(const struct prompt *p, size_t last, size_t from, size_t *first, size_t *end)
{
	while (from < p->n && (p->messages[from].role == ROLE_SYSTEM || from + 1 == last))
		from++;
	if (from >= p->n || (!last && from + 1 == p->n))
		return false;
	*first = from;
	/* `last` is one past the last user message; what stands before it goes by whole turns. */
	for (*end = from + 1; *end < p->n; ++*end) {
		enum role role = p->messages[*end].role;
		if (role == ROLE_SYSTEM || role == ROLE_USER || (from + 1 > last && role != ROLE_TOOL))
			break;
	}
	return true;
}

/* Moves the messages [from, end) to the place `to`, and gives the place behind them. */
static size_t truncate_keep(struct prompt *p, size_t to, size_t from, size_t end)
{
	memmove(p->messages + to, p->messages + from, (end - from) * sizeof *p->messages);
	return to + end - from;
}

bool truncate_prompt(struct prompt *p, int64_t tokens, int64_t goal)
{
	double before = weight_of(p, 0, p->n), left = before;
	size_t last = prompt_last_user(p), from = 0, kept = 0, first, end;
	/* The share is a guess: the caller asks again when it was too hopeful. */
	while ((from == 0 || (double)tokens * left / before > (double)goal) &&
	       truncate_oldest(p, last, from, &first, &end)) {
		left -= weight_of(p, first, end);
		kept = truncate_keep(p, kept, from, first); /* each message moves once: there may be very many */
		from = end;
	}
	p->n = truncate_keep(p, kept, from, p->n);
	return from > 0;
}

int64_t truncate_goal(const struct prompt *p, int64_t context)
{
	int64_t room = context / 4;
	if (p->sampling.has_max_output_tokens && p->sampling.max_output_tokens < room)
		room = p->sampling.max_output_tokens;
	return context - room - 1;
}

static int64_t truncate_number(yyjson_val *obj, struct str key)
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
		int64_t n = truncate_number(error, S("n_prompt_tokens")), max = truncate_number(error, S("n_ctx"));
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
	int64_t n = 0;
	if (json_parse(&a, body, &root, &e)) {
		n = truncate_number(root, S("input_tokens"));
		if (!n)
			n = truncate_number(root, S("count"));
	}
	arena_free(&a);
	return n;
}

int64_t count_estimate(const struct prompt *p, size_t body)
{
	int64_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->messages[i].n_parts; j++) {
			const struct prompt_part *part = &p->messages[i].parts[j];
			if (part->kind == PART_TEXT)
				continue;
			n += ATTACHED_TOKENS;
			body -= part->text.n < body ? part->text.n : body;
		}
	return n + (int64_t)body / BYTES_A_TOKEN + 1;
}
