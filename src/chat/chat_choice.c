/* chat_choice.c - a choice of a chat completion, as it gathers. */
#include "chat/chat_choice.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "engine/marks.h"
#include "model/call_input.h"
#include "model/origin.h"

void chat_choice_init(struct chat_choice *c, struct arena *a, const struct prompt *prompt, int64_t index, size_t max)
{
	*c = (struct chat_choice){.index = index, .prompt = prompt, .a = a, .max = max};
	buf_init(&c->text, max);
	buf_init(&c->refusal, max);
	buf_init(&c->reasoning, max);
	buf_init(&c->logprobs, max);
	buf_init(&c->notes, max);
	buf_init(&c->marks, SIZE_MAX / 2); /* the engine's bound holds: engine.marks_bytes */
}

void chat_choice_release(struct chat_choice *c)
{
	buf_release(&c->text);
	buf_release(&c->refusal);
	buf_release(&c->reasoning);
	buf_release(&c->logprobs);
	buf_release(&c->marks);
	buf_release(&c->notes);
	for (size_t i = 0; i < c->n_calls; i++) {
		buf_release(&c->calls[i].arguments);
		buf_release(&c->calls[i].raw);
		buf_release(&c->calls[i].marks);
	}
	c->n_calls = 0;
}

static bool choice_id_fits(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!isalnum((unsigned char)id.p[i]) && !char_in(id.p[i], "_-.:"))
			return false;
	return id.n && id.n < ID_MAX;
}

static bool choice_id_taken(const struct chat_choice *c, struct str id)
{
	for (size_t i = 0; i < c->n_calls; i++)
		if (str_eq(str_of(c->calls[i].id), id))
			return true;
	for (size_t i = 0; i < c->prompt->n; i++)
		for (size_t k = 0; k < c->prompt->messages[i].n_calls; k++)
			if (str_eq(c->prompt->messages[i].calls[k].call_id, id))
				return true;
	return false;
}

/* The engine's own id where its model reads it again, since only the client can bring it back; else ours: engines repeat
 * theirs, and clients tell calls apart by them. */
static void choice_id(const struct chat_choice *c, const struct model_event *ev, char ret[ID_MAX])
{
	if (origin_id_speaks(ev->call_id, ev->name) && choice_id_fits(ev->call_id) && !choice_id_taken(c, ev->call_id))
		snprintf(ret, ID_MAX, "%.*s", FMT(ev->call_id));
	else
		id_random(ret, "call");
}

static void choice_begin_call(struct chat_choice *c, const struct model_event *ev)
{
	if (c->n_calls == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 4;
		struct chat_call *calls = new_array(c->a, struct chat_call, cap);
		if (c->n_calls)
			memcpy(calls, c->calls, c->n_calls * sizeof *calls);
		c->calls = calls;
		c->cap = cap;
	}
	struct chat_call *call = &c->calls[c->n_calls];
	choice_id(c, ev, call->id);
	c->n_calls++;
	const struct function_tool *tool = call_tool(c->prompt->tools, c->prompt->n_tools, ev->name);
	call->tool = tool && tool->kind == CALL_CUSTOM ? tool : NULL;
	call->name = call->tool ? tool->own : str_copy(c->a, ev->name.p ? ev->name : S(""));
	buf_init(&call->arguments, c->max);
	buf_init(&call->raw, c->max);
	buf_init(&call->marks, SIZE_MAX / 2);
	if (ev->marks.n)
		json_piece(&call->marks, ev->marks);
}

/* An array's elements join those before. */
static void add_logprobs(struct chat_choice *c, struct str array)
{
	struct str inside = str_trim(array);
	if (inside.n < 2)
		return;
	inside = str_trim((struct str){inside.p + 1, inside.n - 2});
	if (!inside.n)
		return;
	if (c->logprobs.n)
		buf_byte(&c->logprobs, ',');
	buf_add(&c->logprobs, inside);
}

static bool choice_too_long(const struct chat_choice *c, struct err *e)
{
	return fail(e, ERR_ENGINE, NULL, "The engine's answer is longer than %zu bytes.", c->max);
}

/* A custom tool's input is told as far as the arguments tell it. */
static void choice_add_input(struct chat_choice *c, struct chat_call *call, struct str arguments)
{
	size_t from = call->arguments.n;
	buf_add(&call->raw, arguments);
	call_text_more(buf_str(&call->raw), S("input"), &call->read, &call->arguments);
	if (call->arguments.n > from)
		c->told = (struct str){call->arguments.p + from, call->arguments.n - from};
	else
		c->told = (struct str){0};
}

bool chat_choice_close_call(struct chat_choice *c, size_t at, struct err *e)
{
	struct chat_call *call = &c->calls[at];
	struct str input;
	c->told = (struct str){0};
	if (!call->tool || c->finish == FINISH_LENGTH || c->finish == FINISH_FILTER)
		return true;
	if (!call_input(c->a, call->tool, buf_str(&call->raw), &input, e))
		return false;
	struct str rest = call_untold(buf_str(&call->arguments), input);
	buf_clear(&call->arguments);
	buf_add(&call->arguments, input);
	if (rest.n)
		c->told = rest;
	return !call->arguments.over || choice_too_long(c, e);
}

bool chat_choice_add(struct chat_choice *c, const struct model_event *ev, struct err *e)
{
	struct chat_call *call = ev->index >= 0 && (size_t)ev->index < c->n_calls ? &c->calls[ev->index] : NULL;
	c->begun = true;
	c->told = ev->text.p ? ev->text : S("");
	switch (ev->kind) {
	case ME_TEXT:
		buf_add(&c->text, ev->text);
		add_logprobs(c, ev->logprobs);
		return (!c->text.over && !c->logprobs.over) || choice_too_long(c, e);
	case ME_REFUSAL:
		buf_add(&c->refusal, ev->text);
		return !c->refusal.over || choice_too_long(c, e);
	case ME_REASONING:
		buf_add(&c->reasoning, ev->text);
		return !c->reasoning.over || choice_too_long(c, e);
	case ME_CALL_BEGIN:
		if (ev->index < 0 || (size_t)ev->index != c->n_calls)
			return fail(e, ERR_ENGINE, NULL, "The engine's calls are not in order.");
		choice_begin_call(c, ev);
		return true;
	case ME_CALL_ARGS:
		if (!call)
			return fail(e, ERR_ENGINE, NULL, "The engine gave arguments for a call that never began.");
		if (call->tool)
			choice_add_input(c, call, ev->text);
		else
			buf_add(&call->arguments, ev->text);
		return (!call->arguments.over && !call->raw.over) || choice_too_long(c, e);
	case ME_MARKS:
		json_piece(call ? &call->marks : &c->marks, ev->text);
		return true;
	}
	return true;
}

struct str chat_finish_name(const struct chat_choice *c, const struct chat_create *req)
{
	if (c->finish == FINISH_LENGTH)
		return S("length");
	if (c->finish == FINISH_FILTER)
		return S("content_filter");
	if (!c->n_calls || c->named) /* a call that was forced is no choice of the model's: as live */
		return S("stop");
	return req->functions ? S("function_call") : S("tool_calls");
}

void chat_usage_add(struct usage *sum, const struct usage *one)
{
	if (one->input > sum->input)
		sum->input = one->input;
	if (one->cached > sum->cached)
		sum->cached = one->cached;
	sum->output += one->output;
	sum->reasoning += one->reasoning;
}
