/* code_interpreter.c - the hosted tool code_interpreter: runs Python in a container. */
#include <sodium.h>
#include <stdio.h>

#include "session/python.h"
#include "session/session.h"
#include "tools/container_place.h"
#include "tools/foreign.h"
#include "tools/internal.h"
#include "tools/toolrun.h"

enum { CODE_MAX = 4 << 20 /* characters */ };

static const struct field params[] = {FIELD_CHECKED("code", F_STR, .required = true, .max = CODE_MAX), FIELD_END};

/* --- what a call puts out ---------------------------------------------------------------------------------------- */

struct heard {
	struct toolrun *run;
	struct buf json, told;  /* `outputs`; the same for the model */
	struct jout o;
	struct str *pictures;
	size_t n, room;
	int64_t bytes, left_out; /* of pictures; those beyond tools.picture_bytes */
};

static void heard_text(struct heard *h, struct str text)
{
	jo_obj(&h->o);
	jo_kstr(&h->o, "type", S("logs"));
	jo_kstr(&h->o, "logs", text);
	jo_obj_end(&h->o);
	foreign_add(&h->told, text, (size_t)tools_limits.told_bytes);
	if (h->told.n && h->told.p[h->told.n - 1] != '\n')
		buf_byte(&h->told, '\n');
}

static void heard_picture(struct heard *h, struct str png)
{
	static const char head[] = "data:image/png;base64,";
	if (h->bytes + (int64_t)png.n > tools_limits.picture_bytes) {
		h->left_out++;
		return;
	}
	if (h->n == h->room) {
		size_t room = h->room ? 2 * h->room : 8;
		struct str *more = new_array(&h->run->arena, struct str, room);
		for (size_t i = 0; i < h->n; i++)
			more[i] = h->pictures[i];
		h->pictures = more;
		h->room = room;
	}
	h->bytes += (int64_t)png.n;
	h->pictures[h->n++] = str_copy(&h->run->arena, png);
	size_t n = sizeof head - 1 + sodium_base64_ENCODED_LEN(png.n, sodium_base64_VARIANT_ORIGINAL);
	char *url = xalloc(n);
	snprintf(url, n, "%s", head);
	sodium_bin2base64(url + sizeof head - 1, n - sizeof head + 1, (const unsigned char *)png.p, png.n,
			  sodium_base64_VARIANT_ORIGINAL);
	jo_obj(&h->o);
	jo_kstr(&h->o, "type", S("image"));
	jo_kstr(&h->o, "url", str_of(url));
	jo_obj_end(&h->o);
	xfree(url);
	buf_add(&h->told, S("[a picture was shown to the user]\n"));
}

static void on_output(void *ctx, enum session_kind kind, struct str bytes)
{
	if (kind == SESSION_IMAGE)
		heard_picture(ctx, bytes);
	else
		heard_text(ctx, bytes);
}

/* --- the item, and what the model is told ------------------------------------------------------------------------ */

static void call_members(struct toolrun *run, struct str container, struct str outputs)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_kstr(&o, "code", json_str(json_get(run->args, S("code"))));
	jo_kstr(&o, "container_id", container);
	jo_kraw(&o, "outputs", outputs);
	run->result.members = str_copy(&run->arena, buf_str(&b));
	buf_release(&b);
}

/* The beginning and the end of what was printed: that is where headings and errors stand. */
static void tell_text(struct buf *b, struct str text, size_t most)
{
	if (text.n <= most) {
		buf_add(b, text);
		return;
	}
	size_t head = most / 2, tail = most - head;
	while (head && ((unsigned char)text.p[head] & 0xc0) == 0x80)
		head--;
	while (tail && ((unsigned char)text.p[text.n - tail] & 0xc0) == 0x80)
		tail--;
	buf_add(b, (struct str){text.p, head});
	buf_fmt(b, "\n[%zu bytes left out]\n", text.n - head - tail);
	buf_add(b, (struct str){text.p + text.n - tail, tail});
}

static void tell_before(struct buf *b, const struct cntr_call *call, const struct session_result *r)
{
	if (call->cut)
		container_tell_cut(b);
	if (*r->before) {
		buf_add(b, str_of(r->before));
		buf_add(b, S(" Variables and imports of earlier calls are gone; files are there.\n"));
	}
}

static void tell_end(struct buf *b, const struct heard *h, const struct session_result *r)
{
	if (*r->why)
		buf_fmt(b, "\n%s", r->why);
	if (r->left_out)
		buf_fmt(b, "\n%lld bytes of output were left out.", (long long)r->left_out);
	if (h->left_out)
		buf_fmt(b, "\n%lld pictures were too large to be shown.", (long long)h->left_out);
}

static struct str code_tell(struct toolrun *run, const struct cntr_call *call, const struct heard *h,
			    const struct session_result *r, const struct cntr_found *found)
{
	struct buf b;
	buf_init(&b, (size_t)tools_limits.told_bytes * 2 + (64 << 10));
	tell_before(&b, call, r);
	tell_text(&b, buf_str(&h->told), (size_t)tools_limits.told_bytes);
	tell_end(&b, h, r);
	container_tell_files(&b, found);
	if (!b.n)
		buf_add(&b, S("It ran, and printed nothing."));
	struct str told = str_copy(&run->arena, buf_str(&b));
	buf_release(&b);
	return told;
}

/* --- a run ------------------------------------------------------------------------------------------------------- */

static bool code_failed(const struct session_result *r)
{
	return r->end == SESSION_LOST || (r->end == SESSION_INTERRUPTED && !r->left_out);
}

static void code_call(struct toolrun *run, struct cntr_call *call)
{
	struct heard h = {.run = run};
	struct cntr_found found;
	struct session_result r = {0};
	struct err e = {0}, unwritten = {0};
	struct session_ears ears = {on_output, &h};
	buf_init(&h.json, SIZE_MAX / 2);
	buf_init(&h.told, 64 << 20);
	h.o.b = &h.json;
	jo_arr(&h.o);
	call->where.folder = call->folder;
	bool ran = session_python(run->tools->options.sessions, &call->where, json_str(json_get(run->args, S("code"))),
				  toolrun_left_ms(run, tools_limits.call_ms), toolrun_flag(run), &ears, &r, &e);
	jo_arr_end(&h.o);
	bool kept = cntr_call_end(call, h.pictures, h.n, &run->arena, &found, &unwritten);
	container_sources(run, &call->of, &found);
	if (!ran)
		toolrun_fail(run, "%s", e.msg);
	else if (!kept)
		toolrun_fail(run, "It ran, but what it left could not be kept: %s", unwritten.msg);
	else {
		run->result.failed = code_failed(&r);
		run->result.said = code_tell(run, call, &h, &r, &found);
	}
	char id[ID_MAX];
	call_members(run, id_text(id, "cntr", &call->of.id), buf_str(&h.json));
	buf_release(&h.json);
	buf_release(&h.told);
}

static void code_interpreter_run(struct toolrun *run)
{
	struct container of;
	struct cntr_call call;
	struct err e = {0};
	toolrun_running(run);
	if (session_refuse(run->tools->options.sessions, &e) && container_enter(run, &of, &e) &&
	    cntr_call_begin(run->tools->options.containers, &of, toolrun_left_ms(run, tools_limits.call_ms),
			    toolrun_flag(run), &call, &e)) {
		code_call(run, &call);
		return;
	}
	toolrun_fail(run, "%s", e.msg);
	struct str id = json_str(json_get(run->settled, S("container_id")));
	call_members(run, id.p ? id : S(""), S("[]"));
}

/* --- the tool ---------------------------------------------------------------------------------------------------- */

static bool code_interpreter_serves(const struct tools_options *o, yyjson_val *given, const char *path, struct err *e)
{
	char place[128];
	field_path(place, path, "container");
	struct container_ask ask = {.container = json_get(given, S("container")), .path = place};
	return container_serves(o, "code_interpreter", &ask, path, e);
}

static bool code_interpreter_settles(const struct tools *t, struct settling *s, struct err *e)
{
	struct err why = {0};
	char place[128];
	if (!session_refuse(t->options.sessions, &why))
		return fail(e, ERR_UNSUPPORTED_VALUE, s->path, "code_interpreter cannot run here: %s", why.msg);
	field_path(place, s->path, "container");
	struct container_ask ask = {.container = json_get(s->given, S("container")), .path = place};
	return container_settle(t, s, &ask, e);
}

static void code_interpreter_describe(struct buf *b, yyjson_val *given, yyjson_val *settled)
{
	(void)given;
	container_describe(b, settled);
}

static void code_interpreter_echo(struct jout *o, yyjson_val *tool, yyjson_val *settled)
{
	container_echo(o, tool, S("container"));
}

static struct str code_interpreter_arguments(struct arena *a, yyjson_val *item)
{
	struct str code = json_str(json_get(item, S("code")));
	struct buf b;
	if (!code.p)
		return (struct str){0};
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kstr(&o, "code", code);
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* What a client sends back of it. */
static struct str code_interpreter_found(struct arena *a, yyjson_val *item)
{
	yyjson_val *outputs = json_get(item, S("outputs")), *one;
	size_t i, max;
	struct buf b;
	if (!yyjson_arr_size(outputs))
		return S("What it printed then is no longer at hand.");
	buf_init(&b, (size_t)tools_limits.told_bytes * 2);
	yyjson_arr_foreach(outputs, i, max, one)
	{
		struct str logs = json_str(json_get(one, S("logs")));
		if (logs.p)
			foreign_add(&b, logs, (size_t)tools_limits.told_bytes);
	}
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

const struct tool tool_code_interpreter = {
    .face = {.types = {STR("code_interpreter")},
	     .item = ITEM_CODE_INTERPRETER_CALL,
	     .function = STR("python"),
	     .description =
		 STR("Runs Python in a container: for computing, for reading and making files, for plots. Variables and "
		     "imports are kept from call to call; what is printed and the value of the last line come back, "
		     "and figures are shown to the user. Files lie in /mnt/data. Link to a "
		     "file that the user should have as [name](sandbox:/mnt/data/name)."),
	     .schema = STR("{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"string\",\"description\":\"Python "
			   "source.\"}},\"required\":[\"code\"]}"),
	     .params = params,
	     .events = {EV_CODE_IN_PROGRESS, EV_CODE_INTERPRETING, EV_CODE_COMPLETED},
	     .text = {.member = STR("code"), .delta = EV_CODE_DELTA, .done = EV_CODE_DONE, .raw = true},
	     .hidden = {{.include = STR("code_interpreter_call.outputs"), .member = STR("outputs"), .shown = STR("null")}},
	     .fresh = {{STR("code"), STR("\"\"")}, {STR("container_id"), {0}}, {STR("outputs"), STR("[]")}},
	     .place = STR("container_id"),
	     .pictures = {STR("outputs"), STR("url")},
	     .arguments = code_interpreter_arguments,
	     .found = code_interpreter_found,
	     .echo = code_interpreter_echo},
    .pool = POOL_SLOW,
    .serves = code_interpreter_serves,
    .settles = code_interpreter_settles,
    .unsettles = container_unsettle,
    .describe = code_interpreter_describe,
    .run = code_interpreter_run,
};
