/* forced.c - tool calls from a model whose template knows none. */
#include "engine/forced.h"

#include <string.h>

#include "engine/answer_calls.h"
#include "engine/call_names.h"

enum {
	HELD = 1 << 20, /* bytes of one call or one key */
	CALLS = 8,      /* in one list; a small model would go on for ever */
};

bool forced_needed(const struct engine_caps *caps, const struct prompt *p)
{
	return !caps->tools && p->n_tools && p->choice != CHOICE_NONE;
}

static bool has_result(const struct prompt *p)
{
	for (size_t i = p->n; i-- && p->messages[i].role != ROLE_USER;)
		if (p->messages[i].role == ROLE_TOOL)
			return true;
	return false;
}

struct forced_set forced_choose(struct arena *a, const struct chat_options *o, const struct prompt *p)
{
	struct forced_set set = {.p = p, .none = S("none")};
	if (!forced_needed(o->caps, p) || (o->small && p->choice == CHOICE_AUTO && has_result(p)))
		return set;
	set.demanded = p->choice == CHOICE_REQUIRED || p->choice == CHOICE_NAMED;
	set.several = p->parallel && p->choice != CHOICE_NAMED;
	set.tools = new_array(a, const struct function_tool *, p->n_tools);
	for (size_t i = 0; i < p->n_tools; i++) {
		if (str_eq(p->tools[i].name, set.none))
			set.none = S("no_function");
		if (p->choice != CHOICE_NAMED || str_eq(p->tools[i].name, p->choice_name))
			set.tools[set.n++] = &p->tools[i];
	}
	return set;
}

/* --- what the model is told ----------------------------------------------------------------------------- */

/* What may stand for a value in an example: the choices, the description, or the type's plainest value. */
static void put_sample(struct jout *o, yyjson_val *schema)
{
	static const struct {
		struct str type, json;
	} plain[] = {{STR("integer"), STR("0")},
		     {STR("number"), STR("0")},
		     {STR("boolean"), STR("true")},
		     {STR("array"), STR("[]")},
		     {STR("object"), STR("{}")}};
	struct str type = json_str(json_get(schema, S("type"))), text = json_str(json_get(schema, S("description")));
	yyjson_val *choices = json_get(schema, S("enum")), *val;
	size_t i, max;
	for (size_t k = 0; k < sizeof plain / sizeof *plain; k++)
		if (str_eq(type, plain[k].type)) {
			jo_raw(o, plain[k].json);
			return;
		}
	if (!yyjson_arr_size(choices) || !yyjson_is_str(yyjson_arr_get_first(choices))) {
		jo_str(o, text.n ? text : S("..."));
		return;
	}
	buf_add(o->b, o->comma ? S(", \"") : S("\""));
	yyjson_arr_foreach(choices, i, max, val)
	{
		if (i)
			buf_byte(o->b, '|');
		jo_escape(o->b, json_str(val));
	}
	buf_byte(o->b, '"');
	o->comma = true;
}

/* An example shows a call better than a schema does: a 135M model then chose the right function in 8 of 8
 * cases, with the schemas themselves in 2 of 8. */
static void describe_tool(struct buf *b, const struct function_tool *t)
{
	struct jout o = {.b = b};
	yyjson_val *key, *val;
	size_t i, max;
	buf_add(b, S("{\"name\": "));
	jo_str(&o, t->name);
	buf_add(b, S(", \"arguments\": {"));
	yyjson_obj_foreach(json_get(t->parameters, S("properties")), i, max, key, val)
	{
		if (i)
			buf_add(b, S(", "));
		o.comma = false;
		jo_str(&o, json_str(key));
		buf_add(b, S(": "));
		o.comma = false;
		put_sample(&o, val);
	}
	buf_add(b, S("}}"));
	if (t->description.n) {
		buf_add(b, S(": "));
		buf_add(b, t->description);
	}
	buf_byte(b, '\n');
}

static void describe_answer(struct buf *out, const struct forced_set *set)
{
	struct jout o = {.b = out};
	yyjson_val *schema = set->p->format.schema;
	buf_fmt(out, "{\"name\": \"%.*s\", \"answer\": ", FMT(set->none));
	if (schema) {
		buf_add(out, S("...}: Answer, in JSON that fits the schema "));
		jo_val(&o, schema);
	} else if (set->p->format.kind == FORMAT_JSON_OBJECT) {
		buf_add(out, S("{}}: Answer, in a JSON object"));
	} else {
		buf_add(out, S("\"Your answer.\"}: Chat, knowledge, jokes, writing"));
	}
	buf_byte(out, '\n');
}

/* Order chosen by trial on a 135M model (four sets of functions, 81 questions, 33 of them in need of a call; an
 * earlier wording, no list of calls). The answer first in the list: 26 calls and 17 answers right; last: 19 and 28;
 * under a key of its own ({"answer": ...}, last): 26 and 1. The order favours calls; the wording was refined since
 * on few questions, so these counts are not those of the text below. */
void forced_describe(struct buf *out, const struct forced_set *set)
{
	buf_add(out, S("You can use these functions:\n"));
	if (!set->demanded)
		describe_answer(out, set);
	for (size_t i = 0; i < set->n; i++)
		describe_tool(out, set->tools[i]);
	buf_add(out, S("\nReply with one of them as JSON."));
}

void forced_call(struct jout *o, const struct prompt_call *c)
{
	jo_obj(o);
	jo_kstr(o, "name", c->name);
	jo_kraw(o, "arguments", c->arguments);
	jo_obj_end(o);
}

/* --- the schema ----------------------------------------------------------------------------------------- */

static bool has_ref(yyjson_val *v)
{
	yyjson_val *key, *val;
	size_t i, max;
	yyjson_obj_foreach(v, i, max, key, val)
	{
		if (yyjson_is_str(val) && str_eq(json_str(key), S("$ref")))
			return true;
		if (has_ref(val))
			return true;
	}
	yyjson_arr_foreach(v, i, max, val)
	{
		if (has_ref(val))
			return true;
	}
	return false;
}

/* A schema that moves below `root` ("#/$defs/f0"): its references move with it. */
static void put_moved(struct arena *a, struct jout *o, yyjson_val *v, const char *root)
{
	yyjson_val *key, *val;
	size_t i, max;
	if (!yyjson_is_ctn(v)) {
		jo_val(o, v);
		return;
	}
	if (yyjson_is_arr(v)) {
		jo_arr(o);
		yyjson_arr_foreach(v, i, max, val) put_moved(a, o, val, root);
		jo_arr_end(o);
		return;
	}
	jo_obj(o);
	yyjson_obj_foreach(v, i, max, key, val)
	{
		struct str ref = json_str(val);
		jo_key(o, json_str(key));
		if (str_eq(json_str(key), S("$ref")) && str_starts(ref, S("#")))
			jo_str(o, str_fmt(a, "%s%.*s", root, (int)ref.n - 1, ref.p + 1));
		else
			put_moved(a, o, val, root);
	}
	jo_obj_end(o);
}

static void close_object(struct jout *o, struct str required)
{
	jo_obj_end(o);
	jo_kraw(o, "required", required);
	jo_kbool(o, "additionalProperties", false);
	jo_obj_end(o);
}

static void open_object(struct jout *o)
{
	jo_obj(o);
	jo_kstr(o, "type", S("object"));
	jo_key(o, S("properties"));
	jo_obj(o);
}

/* A schema as it stands, or a reference to its place under $defs when it has references of its own. */
static void put_schema(struct arena *a, struct jout *o, yyjson_val *schema, struct str id)
{
	if (!schema) {
		jo_raw(o, S("{\"type\":\"object\"}"));
	} else if (!has_ref(schema)) {
		jo_val(o, schema);
	} else {
		jo_obj(o);
		jo_kstr(o, "$ref", str_fmt(a, "#/$defs/%.*s", FMT(id)));
		jo_obj_end(o);
	}
}

static void put_branches(struct arena *a, struct jout *o, const struct forced_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		open_object(o);
		jo_key(o, S("name"));
		jo_obj(o);
		jo_kstr(o, "const", set->tools[i]->name);
		jo_obj_end(o);
		jo_key(o, S("arguments"));
		put_schema(a, o, set->tools[i]->parameters, str_fmt(a, "f%zu", i));
		close_object(o, S("[\"name\",\"arguments\"]"));
	}
}

static void forced_put_list(struct arena *a, struct jout *o, const struct forced_set *set)
{
	open_object(o);
	jo_key(o, S("calls"));
	jo_obj(o);
	jo_kstr(o, "type", S("array"));
	jo_key(o, S("items"));
	jo_obj(o);
	jo_key(o, S("anyOf"));
	jo_arr(o);
	put_branches(a, o, set);
	jo_arr_end(o);
	jo_obj_end(o);
	jo_kint(o, "minItems", 1);
	jo_kint(o, "maxItems", CALLS);
	jo_obj_end(o);
	close_object(o, S("[\"calls\"]"));
}

static void put_answer(struct arena *a, struct jout *o, const struct forced_set *set)
{
	const struct format *f = &set->p->format;
	open_object(o);
	jo_key(o, S("name"));
	jo_obj(o);
	jo_kstr(o, "const", set->none);
	jo_obj_end(o);
	jo_key(o, S("answer"));
	if (f->kind == FORMAT_JSON_SCHEMA)
		put_schema(a, o, f->schema, S("answer"));
	else
		jo_raw(o, f->kind == FORMAT_TEXT ? S("{\"type\":\"string\"}") : S("{\"type\":\"object\"}"));
	close_object(o, S("[\"name\",\"answer\"]"));
}

/* Schemas with references of their own stand under $defs, so that the references hold. */
static void put_defs(struct arena *a, struct jout *o, const struct forced_set *set)
{
	yyjson_val *answer = set->demanded ? NULL : set->p->format.schema;
	bool any = has_ref(answer);
	for (size_t i = 0; i < set->n; i++)
		any |= has_ref(set->tools[i]->parameters);
	if (!any)
		return;
	jo_key(o, S("$defs"));
	jo_obj(o);
	for (size_t i = 0; i < set->n; i++)
		if (has_ref(set->tools[i]->parameters)) {
			jo_key(o, str_fmt(a, "f%zu", i));
			put_moved(a, o, set->tools[i]->parameters, str_fmt(a, "#/$defs/f%zu", i).p);
		}
	if (has_ref(answer)) {
		jo_key(o, S("answer"));
		put_moved(a, o, answer, "#/$defs/answer");
	}
	jo_obj_end(o);
}

void forced_schema(struct arena *a, struct jout *o, const struct forced_set *set)
{
	jo_obj(o);
	jo_key(o, S("anyOf"));
	jo_arr(o);
	put_branches(a, o, set);
	if (set->several)
		forced_put_list(a, o, set);
	if (!set->demanded)
		put_answer(a, o, set);
	jo_arr_end(o);
	put_defs(a, o, set);
	jo_obj_end(o);
}

/* --- reading it back ------------------------------------------------------------------------------------ */

void forced_init(struct forced *f, struct arena *a, const struct forced_set *set,
		 void (*emit)(void *ctx, const struct model_event *), void *ctx)
{
	*f = (struct forced){.set = *set, .emit = emit, .ctx = ctx, .a = a};
	buf_init(&f->held, HELD);
}

void forced_release(struct forced *f)
{
	buf_release(&f->held);
}

static void forced_emit_text(struct forced *f, struct str text)
{
	struct model_event ev = {.kind = ME_TEXT, .text = text};
	if (text.n)
		f->emit(f->ctx, &ev);
}

static void emit_held(struct forced *f)
{
	forced_emit_text(f, buf_str(&f->held));
	buf_clear(&f->held);
}

static bool forced_known(const struct forced_set *set, struct str name)
{
	for (size_t i = 0; i < set->n; i++)
		if (str_eq(set->tools[i]->name, name))
			return true;
	return false;
}

/* Half a surrogate pair, which the parser refuses, stands for no character. */
static struct str without_halves(struct arena *a, struct str text)
{
	struct utf8_join join = {0};
	struct buf b, room;
	buf_init(&b, text.n + 16);
	buf_init(&room, text.n + 16);
	if (utf8_halves(text, &b))
		text = str_copy(a, utf8_join(&join, buf_str(&b), &room));
	buf_release(&b);
	buf_release(&room);
	return text;
}

static yyjson_val *read_call(struct arena *a, struct str text)
{
	struct err ignored = {0};
	yyjson_val *v = NULL;
	if (json_parse(a, text, &v, &ignored) || json_parse(a, without_halves(a, text), &v, &ignored))
		return v;
	return NULL;
}

/* The held object is complete. An engine that keeps to the schema writes nothing but calls here; what is none
 * is text, as of any model that answers in JSON. */
static void forced_take_call(struct forced *f)
{
	const struct prompt *p = f->set.p;
	struct model_event ev = {.kind = ME_CALL_BEGIN, .index = f->calls, .call_id = S("")};
	yyjson_val *v = read_call(f->a, buf_str(&f->held));
	const struct function_tool *tool = call_offered(p->tools, p->n_tools, json_str(json_get(v, S("name"))));
	if (!tool || !forced_known(&f->set, tool->name) || !yyjson_is_obj(json_get(v, S("arguments")))) {
		emit_held(f);
		return;
	}
	ev.name = tool->name;
	buf_clear(&f->held);
	if (f->calls && !f->set.several)
		return;
	f->emit(f->ctx, &ev);
	ev.kind = ME_CALL_ARGS;
	ev.text = json_text(f->a, json_get(v, S("arguments")));
	f->emit(f->ctx, &ev);
	f->calls++;
}

static bool space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool ends_with(struct str s, struct str end)
{
	return s.n >= end.n && !memcmp(s.p + s.n - end.n, end.p, end.n);
}

/* Follows brackets and strings over one byte of JSON; true when it closed the last bracket. */
static bool forced_follow(struct forced *f, char c)
{
	if (f->in_string) {
		if (f->escaped)
			f->escaped = false;
		else if (c == '\\')
			f->escaped = true;
		else if (c == '"')
			f->in_string = false;
		return false;
	}
	if (c == '"')
		f->in_string = true;
	else if (c == '{' || c == '[')
		f->depth++;
	else if (c == '}' || c == ']')
		return --f->depth == 0;
	return false;
}

/* `held` ends in a colon at depth 1: what its key says. Calls and unknown objects are held to their end. */
static void take_key(struct forced *f)
{
	struct str key = str_trim((struct str){f->held.p, f->held.n - 1});
	bool answer = ends_with(key, S("\"answer\"")), list = ends_with(key, S("\"calls\""));
	if (!answer && !list)
		return;
	f->step = list ? FORCED_LIST : f->set.p->format.kind == FORMAT_TEXT ? FORCED_OPEN : FORCED_VALUE;
	f->depth = 0;
	buf_clear(&f->held);
}

static void forced_take_text(struct forced *f, char c);

/* Half a surrogate pair: what was collected after it is read again. */
static void drop_half(struct forced *f)
{
	char rest[6];
	int n = f->n_escape - 6;
	memcpy(rest, f->escape + 6, (size_t)n);
	buf_add(&f->held, S("\xef\xbf\xbd"));
	f->n_escape = 0;
	for (int i = 0; i < n; i++)
		forced_take_text(f, rest[i]);
}

/* Decodes a whole escape, two to twelve bytes, on the stack. */
static bool decode(struct forced *f)
{
	char json[16] = {'"'}, room[1024];
	yyjson_alc alc;
	memcpy(json + 1, f->escape, (size_t)f->n_escape);
	json[f->n_escape + 1] = '"';
	yyjson_alc_pool_init(&alc, room, sizeof room);
	yyjson_doc *doc = yyjson_read_opts(json, (size_t)f->n_escape + 2, YYJSON_READ_NOFLAG, &alc, NULL);
	if (doc)
		buf_add(&f->held, json_str(yyjson_doc_get_root(doc)));
	return doc != NULL;
}

/* An escape is collected until it can be decoded; a high surrogate waits for its other half. */
static void forced_take_escape(struct forced *f, char c)
{
	f->escape[f->n_escape++] = c;
	bool u = f->n_escape > 1 && f->escape[1] == 'u';
	bool high = u && f->n_escape >= 6 && (f->escape[2] | 0x20) == 'd' && char_in(f->escape[3], "89abAB");
	if (high && ((f->n_escape == 7 && c != '\\') || (f->n_escape == 8 && c != 'u'))) {
		drop_half(f);
		return;
	}
	if (f->n_escape < (high ? 12 : u ? 6 : 2))
		return;
	if (!decode(f)) {
		if (high) {
			drop_half(f);
			return;
		}
		buf_add(&f->held, S("\xef\xbf\xbd"));
	}
	f->n_escape = 0;
}

/* The text of the answer, a JSON string. */
static void forced_take_text(struct forced *f, char c)
{
	if (f->n_escape || c == '\\')
		forced_take_escape(f, c);
	else if (c == '"')
		f->step = FORCED_END;
	else
		buf_byte(&f->held, c);
}

static void take_value(struct forced *f, char c)
{
	if (!f->depth && !f->in_string) {
		if (c == '}' || c == ',')
			f->step = FORCED_END;
		if (c == '}' || c == ',' || space(c))
			return;
	}
	forced_follow(f, c);
	buf_byte(&f->held, c);
}

static void forced_take(struct forced *f, char c)
{
	switch (f->step) {
	case FORCED_START:
		if (space(c))
			break;
		f->step = c == '{' ? FORCED_CALL : FORCED_PLAIN;
		f->depth = c == '{';
		buf_byte(&f->held, c);
		break;
	case FORCED_OPEN:
		if (c == '"')
			f->step = FORCED_TEXT;
		break;
	case FORCED_TEXT:
		forced_take_text(f, c);
		break;
	case FORCED_VALUE:
		take_value(f, c);
		break;
	case FORCED_LIST:
		if (c == ']')
			f->step = FORCED_END;
		if (c != '{')
			break;
		f->step = FORCED_CALL;
		f->list = true;
		/* fall through */
	case FORCED_CALL:
		buf_byte(&f->held, c);
		if (c == ':' && f->depth == 1 && !f->in_string && !f->list)
			take_key(f);
		if (f->step != FORCED_CALL || !forced_follow(f, c))
			break;
		f->step = f->list ? FORCED_LIST : FORCED_END;
		forced_take_call(f);
		break;
	case FORCED_PLAIN:
		buf_byte(&f->held, c);
		break;
	case FORCED_END:
		break;
	}
}

bool forced_feed(struct forced *f, struct str text, struct err *e)
{
	for (size_t i = 0; i < text.n; i++)
		forced_take(f, text.p[i]);
	if (f->step == FORCED_PLAIN || f->step == FORCED_TEXT || f->step == FORCED_VALUE || f->step == FORCED_END)
		emit_held(f);
	return f->held.over ? fail(e, ERR_ENGINE, NULL, "The model wrote a function call that is too long.") : true;
}

bool forced_end(struct forced *f, bool cut, struct err *e)
{
	if (cut)
		return true;
	if (f->step == FORCED_CALL)
		return fail(e, ERR_ENGINE, NULL, "The model stopped in the middle of a function call.");
	if (f->set.demanded && !f->calls)
		return fail(e, ERR_ENGINE, NULL, "The model made no function call although 'tool_choice' demands one.");
	return true;
}
