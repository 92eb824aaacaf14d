/* answer_calls.c - the function calls of a streamed answer, from the pieces that engines send. */
#include "engine/answer_calls.h"

#include <string.h>

#include "engine/call_names.h"
#include "engine/marks.h"

enum {
	ID_KEPT = 65536,     /* bytes of an id; some gateways put signatures into it */
	CALLS_MAX = 128,
	ARGS_MAX = 64 << 20, /* bytes of one piece; what feeds it is bounded by less */
	HELD_MAX = 1 << 20,  /* of arguments before a name */
	NAME_MAX_RAW = 1024, /* of a name with all its trimmings */
};

void answer_calls_init(struct answer_calls *c, struct arena *a, const struct prompt *p,
		       void (*emit)(void *ctx, const struct model_event *), void *ctx)
{
	*c = (struct answer_calls){.a = a, .p = p, .emit = emit, .ctx = ctx};
	buf_init(&c->joined, ARGS_MAX);
}

void answer_calls_release(struct answer_calls *c)
{
	buf_release(&c->joined);
	for (int i = 0; i < c->n; i++) {
		buf_release(&c->list[i].name);
		buf_release(&c->list[i].held);
		buf_release(&c->list[i].marks);
	}
	c->n = 0;
}

/* --- out ------------------------------------------------------------------------------------------------ */

static void answer_calls_emit_args(struct answer_calls *c, struct answer_call *one, struct str text)
{
	struct model_event ev = {.kind = ME_CALL_ARGS, .index = one->shown, .text = text};
	if (text.n && !one->dropped)
		c->emit(c->ctx, &ev);
}

static void join_args(struct answer_calls *c, struct answer_call *one, struct str text)
{
	answer_calls_emit_args(c, one, utf8_join(&one->join, text, &c->joined));
}

static void answer_calls_begin_call(struct answer_calls *c, struct answer_call *one)
{
	const struct function_tool *tool = call_offered(c->p->tools, c->p->n_tools, buf_str(&one->name));
	struct str name = tool ? tool->name : call_clean(c->a, buf_str(&one->name));
	struct model_event ev = {.kind = ME_CALL_BEGIN, .index = c->shown, .name = name, .call_id = one->id};
	struct buf marks;
	one->begun = true;
	one->dropped = !call_allowed(c->p, name, c->shown);
	if (one->dropped)
		return;
	one->shown = c->shown++;
	buf_init(&marks, (size_t)engine_limits.marks_bytes * 2);
	if (json_sum(&(struct jout){.b = &marks}, buf_str(&one->marks)))
		ev.marks = buf_str(&marks);
	c->emit(c->ctx, &ev);
	buf_release(&marks);
	buf_release(&one->marks);
	join_args(c, one, buf_str(&one->held));
	buf_release(&one->held);
}

/* Those before call `end` whose name is known: they begin in the order in which they came. */
static void begin_named(struct answer_calls *c, int end)
{
	for (int i = 0; i < end; i++)
		if (!c->list[i].begun && str_trim(buf_str(&c->list[i].name)).n)
			answer_calls_begin_call(c, &c->list[i]);
}

void answer_calls_settle(struct answer_calls *c)
{
	begin_named(c, c->n);
}

/* --- pieces --------------------------------------------------------------------------------------------- */

static void answer_calls_follow(struct answer_call *one, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char x = text.p[i];
		if (one->escaped)
			one->escaped = false;
		else if (one->in_string && x == '\\')
			one->escaped = true;
		else if (x == '"')
			one->in_string = !one->in_string;
		else if (!one->in_string && (x == '{' || x == '['))
			one->depth++;
		else if (!one->in_string && (x == '}' || x == ']'))
			one->complete |= --one->depth <= 0;
	}
	one->any |= str_trim(text).n != 0;
}

static bool add_args(struct answer_calls *c, int at, struct str text, struct err *e)
{
	struct answer_call *one = &c->list[at];
	if (!text.n)
		return true;
	if (!one->begun && str_trim(buf_str(&one->name)).n)
		begin_named(c, at + 1);
	answer_calls_follow(one, text);
	if (one->begun) {
		join_args(c, one, text);
		return true;
	}
	buf_add(&one->held, text);
	return !one->held.over || fail(e, ERR_ENGINE, NULL, "The engine sent a function call without a name.");
}

struct piece {
	int64_t index; /* -1: none */
	struct str id, name;
	yyjson_val *args;
	bool empty; /* no arguments */
};

static struct piece read_piece(yyjson_val *piece, yyjson_val *function)
{
	yyjson_val *index = json_get(piece, S("index")), *args = json_get(function, S("arguments"));
	struct piece p = {
	    .index = yyjson_is_int(index) && yyjson_get_sint(index) >= 0 ? yyjson_get_sint(index) : -1,
	    .id = json_str(json_get(piece, S("id"))),
	    .name = json_str(json_get(function, S("name"))),
	    .args = args ? args : json_get(function, S("parameters")),
	};
	if (!utf8_valid(p.id) || p.id.n > ID_KEPT) /* an id that could not be told back is none */
		p.id = (struct str){0};
	p.empty = !yyjson_is_obj(p.args) && !str_trim(json_str(p.args)).n;
	return p;
}

static int with_id(const struct answer_calls *c, struct str id)
{
	for (int i = c->n - 1; id.n && i >= 0; i--)
		if (str_eq(c->list[i].id, id))
			return i;
	return -1;
}

/* The call that was sent last under what the piece says of itself, or -1. A call that began without an index takes the
 * first index that goes on with it. */
static int sent_before(struct answer_calls *c, const struct piece *p)
{
	int at;
	if (p->index < 0)
		return (at = with_id(c, p->id)) >= 0 || !c->n ? at : c->last;
	for (int i = c->n - 1; i >= 0; i--)
		if (c->list[i].index == p->index)
			return i;
	at = with_id(c, p->id);
	if (at < 0 && c->n && !p->id.n && !p->name.n && c->list[c->last].index < 0 && !c->list[c->last].complete)
		at = c->last;
	if (at >= 0 && c->list[at].index >= 0 && p->name.n)
		return -1;
	if (at >= 0 && c->list[at].index < 0)
		c->list[at].index = p->index;
	return at;
}

/* Two names that are both offered are two calls, not one name in pieces. */
static bool other_tool(const struct answer_calls *c, const struct answer_call *one, struct str name)
{
	const struct prompt *p = c->p;
	struct str have = buf_str(&one->name);
	return !one->any && !str_eq(name, have) && !str_starts(name, have) && call_tool(p->tools, p->n_tools, name) &&
	       call_tool(p->tools, p->n_tools, have);
}

/* The call that a piece goes on with, or -1: it starts one. */
static int call_of(struct answer_calls *c, struct piece *p)
{
	int at = sent_before(c, p);
	if (at < 0)
		return -1;
	struct answer_call *one = &c->list[at];
	bool same = str_eq(p->name, buf_str(&one->name)), other_id = p->id.n && one->id.n && !str_eq(p->id, one->id);
	if (!p->name.n) {
		if (!one->complete || !one->again || p->empty)
			return at;
		one->again = false; /* these are the arguments of another call, whose name came before */
		p->name = buf_str(&one->name);
		return -1;
	}
	if (other_id) /* ids that are made anew for each piece go on with what is open */
		return same && one->any && !one->complete ? at : -1;
	if (!one->complete)
		return other_tool(c, one, p->name) ? -1 : at;
	if (p->index >= 0 && p->id.n)
		return at;
	one->again = same && p->empty && (p->index >= 0 || p->id.n);
	return one->again ? at : -1;
}

static int new_call(struct answer_calls *c, int64_t index, struct err *e)
{
	if (c->n == CALLS_MAX) {
		fail(e, ERR_ENGINE, NULL, "The engine made more than %d function calls at once.", CALLS_MAX);
		return -1;
	}
	begin_named(c, c->n);
	if (c->n == c->cap) {
		int cap = c->cap ? c->cap * 2 : 4;
		struct answer_call *more = new_array(c->a, struct answer_call, (size_t)cap);
		if (c->n)
			memcpy(more, c->list, (size_t)c->n * sizeof *more);
		c->list = more;
		c->cap = cap;
	}
	c->list[c->n].index = index;
	buf_init(&c->list[c->n].name, NAME_MAX_RAW);
	buf_init(&c->list[c->n].held, HELD_MAX);
	buf_init(&c->list[c->n].marks, (size_t)engine_limits.marks_bytes * 2);
	return c->n++;
}

/* Pieces add up, but for a name that is said once more, or said whole after its beginning. */
static void add_name(struct answer_calls *c, struct answer_call *one, struct str name)
{
	struct str have = buf_str(&one->name);
	if (one->begun || str_eq(name, have))
		return;
	if (str_starts(name, have) && call_tool(c->p->tools, c->p->n_tools, name))
		buf_clear(&one->name);
	buf_add(&one->name, name);
}

/* Ollama and others send the arguments as an object, of a depth that they choose. */
static bool take_arguments(struct answer_calls *c, int at, yyjson_val *v, struct err *e)
{
	size_t n = 0;
	if (!yyjson_is_obj(v))
		return add_args(c, at, json_str(v), e);
	char *text = json_render(v, &n);
	bool ok = add_args(c, at, (struct str){text, n}, e);
	xfree(text);
	return ok;
}

static void add_marks(struct answer_calls *c, struct answer_call *one, struct str marks)
{
	struct model_event ev = {.kind = ME_MARKS, .index = one->shown, .text = marks};
	if (!one->begun)
		json_piece(&one->marks, marks);
	else if (!one->dropped)
		c->emit(c->ctx, &ev);
}

bool answer_calls_take(struct answer_calls *c, yyjson_val *piece, yyjson_val *function, struct str marks, struct err *e)
{
	struct piece p = read_piece(piece, function);
	int at = call_of(c, &p);
	if (at < 0 && p.empty && !p.id.n && !p.name.n)
		return true;
	if (at < 0 && (at = new_call(c, p.index, e)) < 0)
		return false;
	struct answer_call *one = &c->list[at];
	c->last = at;
	if (!one->id.n && p.id.n)
		one->id = str_copy(c->a, p.id);
	add_name(c, one, p.name);
	if (marks.n)
		add_marks(c, one, marks);
	return take_arguments(c, at, p.args, e);
}

/* --- the end -------------------------------------------------------------------------------------------- */

/* A call whose name never came is that of the only function there is; arguments that never came are none. */
bool answer_calls_end(struct answer_calls *c, bool cut, struct err *e)
{
	if (cut) {
		for (int i = 0; i < c->n; i++)
			if (c->list[i].begun)
				answer_calls_emit_args(c, &c->list[i], utf8_join_end(&c->list[i].join));
		return true;
	}
	begin_named(c, c->n);
	for (int i = 0; i < c->n; i++) {
		struct answer_call *one = &c->list[i];
		if (!one->begun && !one->any)
			continue; /* it brought nothing */
		if (!one->begun && c->p->n_tools != 1)
			return fail(e, ERR_ENGINE, NULL, "The engine sent a function call without a name.");
		if (!one->begun) {
			buf_clear(&one->name);
			buf_add(&one->name, c->p->tools[0].name);
			answer_calls_begin_call(c, one);
		}
		answer_calls_emit_args(c, one, one->any ? utf8_join_end(&one->join) : S("{}"));
	}
	return true;
}
