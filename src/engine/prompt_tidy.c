/* prompt_tidy.c - a prompt in the form that templates of models take. */
#include "engine/prompt_tidy.h"

#include <string.h>

#include "base/map.h"

/* Reasoning with nothing that it led to: a turn that was cut off. */
static bool hollow(const struct prompt_message *m)
{
	return m->role == ROLE_ASSISTANT && !m->n_parts && !m->n_calls;
}

/* Room in `to` for the messages from `m` on that will join it, an empty part between each two: they may be very many. */
static void tidy_room(struct arena *a, struct prompt_message *to, const struct prompt_message *m, const struct prompt_message *end)
{
	size_t parts = 0, calls = 0;
	if ((!m->n_parts || to->n_parts + m->n_parts < to->cap_parts) && to->n_calls + m->n_calls <= to->cap_calls)
		return;
	for (enum role role = m->role; m < end && m->role == role; m++) {
		parts += m->n_parts ? m->n_parts + 1 : 0;
		calls += m->n_calls;
	}
	prompt_room(a, to, parts, calls);
}

/* `m` joins `to`. The empty part between them makes an empty line where parts are joined by line breaks. */
static void merge(struct arena *a, struct prompt_message *to, const struct prompt_message *m, const struct prompt_message *end)
{
	tidy_room(a, to, m, end);
	if (to->n_parts && m->n_parts && to->parts[to->n_parts - 1].kind == PART_TEXT && m->parts[0].kind == PART_TEXT)
		prompt_add_text(a, to, S(""));
	for (size_t i = 0; i < m->n_parts; i++)
		prompt_add_part(a, to, m->parts[i]);
	for (size_t i = 0; i < m->n_calls; i++)
		prompt_add_call(a, to, m->calls[i]);
	for (size_t i = 0; i < m->n_origins; i++)
		prompt_add_origin(a, to, m->origins[i]);
	prompt_add_thought(a, to, m->reasoning);
}

static bool blank_part(const struct prompt_part *part)
{
	return part->kind == PART_TEXT && !str_trim(part->text).n;
}

/* White space at the ends of what stands beside calls; behind a result all of it, where there is nothing else. Engines
 * put line breaks around and between calls (vLLM's parsers for DeepSeek, Qwen, GLM): as a message behind a result such
 * a break would have to be answered by a user's "Continue.". */
static void drop_blanks(struct prompt_message *m, bool behind_result)
{
	size_t first = 0, n = m->n_parts;
	if (m->role != ROLE_ASSISTANT || !(m->n_calls || behind_result))
		return;
	while (first < n && blank_part(&m->parts[first]))
		first++;
	while (n > first && blank_part(&m->parts[n - 1]))
		n--;
	if (n == first || m->n_calls) {
		m->parts += n == first ? 0 : first;
		m->cap_parts = 0; /* the next part copies them */
		m->n_parts = n - first;
	}
}

/* Assistant messages side by side become one before results are moved to their calls, or these would part them. */
static void join_answers(struct arena *a, struct prompt *p)
{
	size_t n = 0;
	struct prompt_message *out = p->messages; /* n <= i: what is written was read */
	for (size_t i = 0; i < p->n; i++) {
		if (n && p->messages[i].role == ROLE_ASSISTANT && out[n - 1].role == ROLE_ASSISTANT)
			merge(a, &out[n - 1], &p->messages[i], p->messages + p->n);
		else
			out[n++] = p->messages[i];
	}
	for (size_t i = 0; i < n; i++)
		drop_blanks(&out[i], i && out[i - 1].role == ROLE_TOOL);
	p->n = n;
}

/* Puts each tool result behind the message that called, results in the order they came. next[i] chains the
 * results of message i; a call id used twice means its latest call. */
static void gather_outputs(struct arena *a, struct prompt *p)
{
	struct map callers = {0};
	size_t n = p->n, k = 0, calls = 0;
	for (size_t i = 0; i < n; i++)
		calls += p->messages[i].n_calls;
	if (!calls)
		return;
	struct chain {
		struct prompt_message *caller;
		size_t first, last, next; /* index + 1 */
	} *c = new_array(a, struct chain, n + 1);
	bool moved = false;
	for (size_t i = 0; i < n; i++) {
		struct prompt_message *m = &p->messages[i];
		for (size_t j = 0; j < m->n_calls; j++)
			map_put(&callers, m->calls[j].call_id, m);
		if (m->role != ROLE_TOOL || !(c[i].caller = map_get(&callers, m->call_id)))
			continue;
		size_t owner = (size_t)(c[i].caller - p->messages);
		if (c[owner].last)
			c[c[owner].last - 1].next = i + 1;
		else
			c[owner].first = i + 1;
		moved |= (c[owner].last ? c[owner].last : owner + 1) != i;
		c[owner].last = i + 1;
	}
	map_release(&callers);
	if (!moved)
		return;
	struct prompt_message *out = new_array(a, struct prompt_message, n);
	for (size_t i = 0; i < n; i++) {
		if (c[i].caller)
			continue;
		out[k++] = p->messages[i];
		for (size_t o = c[i].first; o; o = c[o - 1].next)
			out[k++] = p->messages[o - 1];
	}
	p->messages = out;
	p->cap = n;
}

/* The model does not wait for an asynchronous call, but its template does: until the output comes, this stands for it. */
static void answer_async(struct arena *a, struct prompt *p)
{
	struct map answered = {0};
	for (size_t i = 0; i < p->n; i++)
		if (p->messages[i].role == ROLE_TOOL)
			map_put(&answered, p->messages[i].call_id, p);
	for (size_t i = 0; i < p->n; i++) /* those that it adds call nothing */
		for (size_t j = 0; j < p->messages[i].n_calls; j++) {
			struct prompt_call call = p->messages[i].calls[j];
			if (!call.async || map_get(&answered, call.call_id))
				continue;
			prompt_add(a, p, ROLE_TOOL)->call_id = call.call_id;
			prompt_add_text(a, &p->messages[p->n - 1], S("This call still runs. Its result will come later; go on without it."));
		}
	map_release(&answered);
}

size_t prompt_last_user(const struct prompt *p)
{
	size_t last = p->n;
	while (last && p->messages[last - 1].role != ROLE_USER)
		last--;
	return last;
}

static void drop_old_reasoning(struct prompt *p)
{
	size_t last = prompt_last_user(p);
	for (size_t i = 0; i < last; i++)
		p->messages[i].reasoning = (struct str){0};
}

void prompt_tidy(struct arena *a, struct prompt *p)
{
	struct prompt_message system = {.role = ROLE_SYSTEM};
	size_t n = 0;
	if (!p->reasoning_all)
		drop_old_reasoning(p);
	answer_async(a, p);
	join_answers(a, p);
	gather_outputs(a, p);
	struct prompt_message *out = p->messages; /* n <= i, as above */
	for (size_t i = 0; i < p->n; i++) {
		struct prompt_message *m = &p->messages[i];
		if (m->role == ROLE_SYSTEM) {
			merge(a, &system, m, p->messages + p->n);
			continue;
		}
		if (n && hollow(&out[n - 1]) && m->role != ROLE_ASSISTANT)
			n--;
		if (n && out[n - 1].role == m->role && m->role != ROLE_TOOL)
			merge(a, &out[n - 1], m, p->messages + p->n);
		else if (m->n_parts || m->n_calls || m->reasoning.n || m->role == ROLE_TOOL)
			out[n++] = *m;
	}
	n -= n && hollow(&out[n - 1]);
	if (system.n_parts) { /* it was one of them, so there is room for it */
		memmove(out + 1, out, n * sizeof *out);
		out[0] = system;
		n++;
	}
	p->n = p->cap = n;
	p->settled = 0;
}

const struct function_tool *prompt_forced(const struct prompt *p)
{
	if (p->choice == CHOICE_NAMED)
		return call_tool(p->tools, p->n_tools, p->choice_name);
	return p->choice == CHOICE_REQUIRED && p->n_tools == 1 ? &p->tools[0] : NULL;
}
