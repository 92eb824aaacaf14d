/* call_judge.c - calls of hosted tools before they run: each becomes an item, or is refused and its maker told why. */
#include "turn/call_judge.h"

#include "turn/call_pair.h"
#include "turn/call_text.h"
#include "turn/turn_ask.h"
#include "turn/turn_found.h"
#include "turn/turn_output_parts.h"
#include "turn/turn_program.h"

/* A call that was run, for finding those that are made again. */
struct made_call {
	struct made_call *next;
	const struct function_tool *tool;
	yyjson_val *args;
	int64_t n;
};

static struct str names_offered(struct turn *t)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	for (size_t i = 0; i < t->prompt.n_tools; i++)
		buf_fmt(&b, "%s%.*s", i ? ", " : "", FMT(t->prompt.tools[i].name));
	struct str names = str_copy(&t->arena, buf_str(&b));
	buf_release(&b);
	return names;
}

/* {member: text} */
static yyjson_val *raw_args(struct turn *t, struct str member, struct str text)
{
	struct err none = {0};
	struct buf b;
	yyjson_val *args = NULL;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_key(&o, member);
	jo_str(&o, text);
	jo_obj_end(&o);
	json_parse(&t->arena, str_copy(&t->arena, buf_str(&b)), &args, &none);
	buf_release(&b);
	return args;
}

/* What the model wrote that cannot be run, and whether it may try again. */
static struct str mistake(struct turn *t, struct hosted_call *c)
{
	struct err syntax = {0}, e = {0};
	if (!c->tool)
		return str_fmt(&t->arena, "There is no tool '%.*s'. The tools are: %.*s.", FMT(c->name),
			       FMT(names_offered(t)));
	struct str text = c->text.n ? buf_str(&c->text) : S("{}");
	json_parse(&t->arena, str_copy(&t->arena, text), &c->args, &syntax);
	if (c->tool->hosted->text.raw && !yyjson_is_obj(c->args) && str_trim(text).n)
		c->args = raw_args(t, c->tool->hosted->text.member, text);
	if (tool_fits(c->tool->hosted, c->args, &e))
		return (struct str){0};
	if (c->tool->hosted->result.type)
		c->args = NULL; /* what was told of them stands in its item */
	return str_fmt(&t->arena,
		       "This call of '%.*s' cannot be run: %s Call it again with arguments that fit its parameters.",
		       FMT(c->name), e.msg);
}

/* How often this turn has made this very call before. */
static int64_t made_before(struct turn *t, const struct hosted_call *c)
{
	struct made_call *m = t->out.tools.made;
	while (m && !(str_eq(m->tool->name, c->tool->name) && json_same(m->args, c->args)))
		m = m->next;
	if (m)
		return m->n++;
	m = new (&t->arena, struct made_call);
	*m = (struct made_call){t->out.tools.made, c->tool, c->args, 1};
	t->out.tools.made = m;
	return 0;
}

static struct str too_much(struct turn *t, const struct hosted_call *c)
{
	struct turn_tools *tt = &t->out.tools;
	int64_t before;
	if (t->req.max_tool_calls && tt->calls >= t->req.max_tool_calls) {
		tt->off = true;
		return str_fmt(&t->arena,
			       "This call was not made: the limit of %lld calls is reached. Answer with what you have.",
			       (long long)t->req.max_tool_calls);
	}
	before = made_before(t, c);
	if (before < tools_limits.repeats)
		return (struct str){0};
	tt->off = before > tools_limits.repeats; /* it was told so before */
	return S("This call was not made again: its results are above. Use them, or ask for something else.");
}

/* Of a program's call all has to be an item, for the program is given it again and again. */
static void judge_nested(struct turn *t, struct hosted_call *c)
{
	struct turn_tools *tt = &t->out.tools;
	c->refusal = mistake(t, c);
	if (!c->refusal.p && t->req.max_tool_calls && tt->calls >= t->req.max_tool_calls)
		c->refusal = S("This call was not made: the limit of calls is reached.");
	c->asked = !c->refusal.p && turn_ask_needed(c);
	if (c->asked)
		return; /* its program waits for that */
	if (!c->refusal.p) {
		tt->calls++;
		made_before(t, c);
	}
	hosted_open(t, c);
	if (c->item && call_text_told(c))
		call_text_end(t, c);
	if (c->item && c->tool->hosted->text.arguments)
		call_text_arguments(t, c);
	if (c->item && pair_call(c->item))
		pair_written(t, c);
}

static void judge_own(struct turn *t, struct hosted_call *c)
{
	struct turn_tools *tt = &t->out.tools;
	if (c->tool && c->tool->searches) {
		c->refusal = turn_found_search(t, c);
		return;
	}
	struct str wrong = mistake(t, c);
	if (wrong.p) {
		c->refusal = wrong;
		tt->off |= ++tt->corrections > tools_limits.corrections;
	} else {
		c->refusal = too_much(t, c);
		tt->calls += !c->refusal.p;
	}
	c->asked |= !c->refusal.p && turn_ask_needed(c);
	if (c->asked) {
		tt->calls--; /* it is none yet */
		return;
	}
	if (c->tool && c->tool->hosted->ends_in) {
		if (!c->refusal.p)
			turn_program_open(t, c);
		return;
	}
	/* When nothing is left but to give up, that is an item which says so. */
	if (!c->item && (!c->refusal.p || (wrong.p && tt->off && c->tool)))
		hosted_open(t, c);
	if (c->item && call_text_told(c))
		call_text_end(t, c);
	if (c->item && c->tool->hosted->text.arguments)
		call_text_arguments(t, c);
	if (c->item && pair_call(c->item))
		pair_written(t, c);
}

void call_judge(struct turn *t, struct hosted_call *c)
{
	if (c->caller.n)
		judge_nested(t, c);
	else
		judge_own(t, c);
}

bool turn_tools_acted(const struct turn *t)
{
	for (const struct made_call *m = t->out.tools.made; m; m = m->next)
		if (!tool_again(m->tool->hosted, m->tool->hosted->item))
			return true;
	return false;
}
