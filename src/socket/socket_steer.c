/* socket_steer.c - what is to be said to a response that runs on a WebSocket. */
#include "socket/socket_steer.h"

#include <string.h>

/* --- lists ------------------------------------------------------------------------------------------------------- */

void steers_init(struct steers *ss)
{
	*ss = (struct steers){.last = &ss->first};
}

struct steer *steers_add(struct steers *ss, struct str parent, yyjson_val *input)
{
	struct arena a = {0};
	struct str json = json_text(&a, input);
	struct steer *st = xalloc(sizeof *st + json.n + parent.n);
	memcpy(st->text, json.p, json.n);
	memcpy(st->text + json.n, parent.p, parent.n);
	st->input = (struct str){st->text, json.n};
	st->parent = (struct str){st->text + json.n, parent.n};
	st->id = id_random(st->id_text, "steer");
	arena_free(&a);
	*ss->last = st;
	ss->last = &st->next;
	ss->n++;
	ss->bytes += st->input.n;
	return st;
}

void steers_move(struct steers *to, struct steers *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->n += from->n;
	to->bytes += from->bytes;
	steers_init(from);
}

void steers_free(struct steers *ss)
{
	while (ss->first) {
		struct steer *st = ss->first;
		ss->first = st->next;
		xfree(st);
	}
	steers_init(ss);
}

/* --- the input --------------------------------------------------------------------------------------------------- */

static bool only(yyjson_val *obj, const char *const *names)
{
	size_t i, max;
	yyjson_val *key, *val;
	yyjson_obj_foreach(obj, i, max, key, val)
	{
		const char *const *n = names;
		while (*n && !str_eq(json_str(key), str_of(*n)))
			n++;
		if (!*n)
			return false;
	}
	return true;
}

static bool parts_fit(yyjson_val *parts)
{
	static const struct str kinds[] = {STR("input_text"), STR("input_image"), STR("input_file")};
	size_t i, max;
	yyjson_val *part;
	yyjson_arr_foreach(parts, i, max, part)
	{
		struct str type = json_str(json_get(part, S("type")));
		size_t k = 0;
		while (k < sizeof kinds / sizeof *kinds && !str_eq(kinds[k], type))
			k++;
		if (k == sizeof kinds / sizeof *kinds)
			return false;
	}
	return true;
}

static bool message_is_users(yyjson_val *m, const char **why)
{
	static const char *const names[] = {"type", "role", "content", NULL};
	yyjson_val *type = json_get(m, S("type")), *content = json_get(m, S("content"));
	*why = "Steering takes messages with the role 'user' alone, which have only 'type', 'role' and 'content'.";
	if (!yyjson_is_obj(m) || !only(m, names) || !str_eq(json_str(json_get(m, S("role"))), S("user")) ||
	    (type && !str_eq(json_str(type), S("message"))))
		return false;
	*why = "The content of a steering message is a string, or an array of input_text, input_image and input_file "
	       "parts.";
	return yyjson_is_str(content) || (yyjson_is_arr(content) && parts_fit(content));
}

bool steer_input_fits(yyjson_val *body, const char **why)
{
	static const char *const names[] = {"type", "previous_response_id", "input", NULL};
	yyjson_val *input = json_get(body, S("input")), *m;
	size_t i, max;
	*why = "A response.steer has only 'type', 'previous_response_id' and 'input'.";
	if (!only(body, names))
		return false;
	*why =
	    "The input of a response.steer is a string that is not empty, or an array of messages that is not empty.";
	if (yyjson_is_str(input))
		return yyjson_get_len(input) > 0;
	if (!yyjson_is_arr(input) || !yyjson_arr_size(input))
		return false;
	yyjson_arr_foreach(input, i, max, m) if (!message_is_users(m, why)) return false;
	return true;
}

/* --- the body ---------------------------------------------------------------------------------------------------- */

/* The elements of an input: of a text the message that it stands for. */
static void elements_write(struct jout *o, yyjson_val *input)
{
	size_t i, max;
	yyjson_val *one;
	if (yyjson_is_str(input)) {
		jo_obj(o);
		jo_kstr(o, "type", S("message"));
		jo_kstr(o, "role", S("user"));
		jo_kstr(o, "content", json_str(input));
		jo_obj_end(o);
	}
	yyjson_arr_foreach(input, i, max, one) jo_val(o, one);
}

static void input_write(struct jout *o, struct arena *a, const struct steers *ss, yyjson_val *own)
{
	struct err e = {0};
	yyjson_val *v;
	jo_key(o, S("input"));
	jo_arr(o);
	for (const struct steer *st = ss->first; st; st = st->next)
		if (json_parse(a, st->input, &v, &e))
			elements_write(o, v);
	if (own)
		elements_write(o, own);
	jo_arr_end(o);
}

void steers_body(struct buf *b, struct str body, const struct steers *ss, struct str parent)
{
	struct arena a = {0};
	struct err e = {0};
	struct jout o = {b, false};
	yyjson_val *v = NULL, *key, *val;
	size_t i, max;
	json_parse(&a, body, &v, &e); /* it was read before */
	jo_obj(&o);
	yyjson_obj_foreach(v, i, max, key, val)
	{
		struct str name = json_str(key);
		if (str_eq(name, S("input")) || (parent.n && str_eq(name, S("previous_response_id"))))
			continue;
		jo_key(&o, name);
		jo_val(&o, val);
	}
	if (parent.n)
		jo_kstr(&o, "previous_response_id", parent);
	input_write(&o, &a, ss, parent.n ? NULL : json_get(v, S("input")));
	jo_obj_end(&o);
	arena_free(&a);
}

/* --- events ------------------------------------------------------------------------------------------------------ */

static void event_begin(struct jout *o, const char *type, int64_t seq)
{
	jo_obj(o);
	jo_kstr(o, "type", str_of(type));
	jo_kint(o, "sequence_number", seq);
}

static void event_end(struct jout *o, struct str stream_id)
{
	if (stream_id.n)
		jo_kstr(o, "stream_id", stream_id);
	jo_obj_end(o);
}

static void steer_names(struct jout *o, struct str id, struct str parent)
{
	if (id.n)
		jo_kstr(o, "id", id);
	jo_kstr(o, "previous_response_id", parent);
}

void steer_accepted_write(struct buf *b, int64_t seq, const struct steer *st, struct str stream_id)
{
	struct jout o = {b, false};
	event_begin(&o, "response.steer.accepted", seq);
	jo_key(&o, S("steer"));
	jo_obj(&o);
	steer_names(&o, st->id, st->parent);
	jo_obj_end(&o);
	event_end(&o, stream_id);
}

void steer_pending_write(struct buf *b, int64_t seq, const struct steer *st, struct str required, struct str stream_id)
{
	struct jout o = {b, false};
	event_begin(&o, "response.steer.pending", seq);
	jo_kstr(&o, "reason", S("waiting_for_required_input"));
	jo_key(&o, S("required_input"));
	jo_arr(&o);
	jo_raw(&o, required);
	jo_arr_end(&o);
	jo_key(&o, S("steer"));
	jo_obj(&o);
	steer_names(&o, st->id, st->parent);
	jo_obj_end(&o);
	event_end(&o, stream_id);
}

void steer_failed_write(struct buf *b, int64_t seq, const struct steer_failure *f, struct str stream_id)
{
	struct jout o = {b, false};
	event_begin(&o, "response.steer.failed", seq);
	jo_key(&o, S("error"));
	jo_obj(&o);
	jo_kstr(&o, "code", str_of(f->code));
	jo_kstr(&o, "message", f->message);
	jo_kstr(&o, "type", S("invalid_request_error"));
	jo_obj_end(&o);
	jo_key(&o, S("steer"));
	jo_obj(&o);
	steer_names(&o, f->id, f->parent);
	jo_kraw(&o, "input", f->input);
	jo_obj_end(&o);
	event_end(&o, stream_id);
}
