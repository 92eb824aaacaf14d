/* shell.c - the hosted tool shell: runs commands in a container. Where the environment is the client's, so is the tool
 * (model/calls.def). */
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "model/call.h"
#include "model/call_kinds.h"
#include "model/tell_shell.h"
#include "session/limits.h"
#include "session/shell.h"
#include "session/talk.h"
#include "tools/container_place.h"
#include "tools/foreign.h"
#include "tools/internal.h"
#include "tools/toolrun.h"

enum { NOT_RUN = 126, KILLED = 137 /* as shells have it */ };

static const struct field command = {.kind = F_STR};
static const struct field params[] = {
    FIELD_CHECKED("commands", F_ARRAY, .required = true, .min = 1, .item = &command),
    FIELD_CHECKED("timeout_ms", F_INT, .nullable = true, .min = 1),
    FIELD_CHECKED("max_output_length", F_INT, .nullable = true, .min = 0),
    FIELD_END,
};

/* --- commands ------------------------------------------------------------------------------------------------------- */

struct shell_one {
	struct str command;
	bool ran, over; /* over: there was no time left to run it */
	struct session_shell got;
	struct err e;
};

struct shell_all {
	struct toolrun *run;
	struct cntr_call *call;
	struct shell_one *at;
	size_t n;
	_Atomic size_t next;
	int64_t until_ms, budget_ms;
};

static void shell_one_run(struct shell_all *all, struct shell_one *one)
{
	int64_t left = all->until_ms - clock_mono_us() / 1000;
	one->over = left <= 0;
	if (!one->over)
		one->ran = session_shell(all->run->tools->options.sessions, &all->call->where, one->command, left,
					 toolrun_flag(all->run), &one->got, &one->e);
	one->over |= !one->ran && one->e.code == ERR_REQUEST_TIMEOUT;
}

static void *shell_some_run(void *ctx)
{
	struct shell_all *all = ctx;
	for (size_t i; (i = atomic_fetch_add(&all->next, 1)) < all->n;)
		shell_one_run(all, &all->at[i]);
	return NULL;
}

/* Side by side, but for those that are too many at once: they follow. */
static void shell_all_run(struct shell_all *all)
{
	pthread_t *threads = new_array(&all->run->arena, pthread_t, all->n + 1);
	size_t n = 0;
	while (n + 1 < all->n && n + 1 < (size_t)tools_limits.commands_parallel &&
	       pthread_create(&threads[n], NULL, shell_some_run, all) == 0)
		n++;
	shell_some_run(all);
	while (n)
		pthread_join(threads[--n], NULL);
}

/* Their time is one for all; what was asked for is bounded. */
static void shell_all_init(struct shell_all *all, struct toolrun *run, struct cntr_call *call)
{
	yyjson_val *commands = json_get(run->args, S("commands")), *one, *asked = json_get(run->args, S("timeout_ms"));
	size_t i, max;
	*all = (struct shell_all){.run = run, .call = call, .n = yyjson_arr_size(commands)};
	all->budget_ms = toolrun_left_ms(run, yyjson_is_int(asked) ? yyjson_get_sint(asked) : session_limits.call_ms);
	all->until_ms = clock_mono_us() / 1000 + all->budget_ms;
	all->at = new_array(&run->arena, struct shell_one, all->n + 1);
	yyjson_arr_foreach(commands, i, max, one)
	{
		all->at[i].command = json_str(one);
		kept_init(&all->at[i].got.out, (size_t)session_limits.output_bytes);
		kept_init(&all->at[i].got.err, (size_t)session_limits.output_bytes);
	}
}

static void shell_all_release(struct shell_all *all)
{
	for (size_t i = 0; i < all->n; i++) {
		kept_release(&all->at[i].got.out);
		kept_release(&all->at[i].got.err);
	}
}

/* --- what they put out ---------------------------------------------------------------------------------------------- */

static size_t shell_characters(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first n characters. */
static size_t shell_bytes(struct str s, size_t n)
{
	size_t i = 0;
	while (i < s.n && (n || ((unsigned char)s.p[i] & 0xc0) == 0x80))
		n -= ((unsigned char)s.p[i++] & 0xc0) != 0x80;
	return i;
}

/* One stream as text. Where bytes of it were left out, `tail` is what came behind them. */
struct shell_text {
	struct buf head, tail;
	int64_t lost;
};

static size_t shell_text_characters(const struct shell_text *x)
{
	return shell_characters(buf_str(&x->head)) + shell_characters(buf_str(&x->tail));
}

/* At most so many characters: of what is longer its beginning and its end. */
static void shell_cut(struct buf *b, const struct shell_text *x, size_t most)
{
	struct str head = buf_str(&x->head), tail = x->lost ? buf_str(&x->tail) : head;
	size_t n = shell_text_characters(x), left_out = n <= most ? 0 : n - most;
	if (left_out) { /* of a head that is all, the end is at its end */
		size_t ends = shell_characters(tail), skip = shell_bytes(tail, ends < most / 2 ? 0 : ends - most / 2);
		tail = (struct str){tail.p + skip, tail.n - skip};
		head.n = shell_bytes(head, most - most / 2);
		left_out = n - shell_characters(head) - shell_characters(tail);
	}
	buf_add(b, head);
	if (left_out && x->lost)
		buf_fmt(b, "\n[%zu characters and %lld bytes left out]\n", left_out, (long long)x->lost);
	else if (left_out)
		buf_fmt(b, "\n[%zu characters left out]\n", left_out);
	else if (x->lost)
		buf_fmt(b, "\n[%lld bytes left out]\n", (long long)x->lost);
	if (left_out || x->lost)
		buf_add(b, tail);
}

struct shell_texts {
	struct shell_text out, err;
};

/* Characters that were cut in two at the bytes left out are left out with them. */
static struct str shell_whole(struct str s, bool begins, int64_t *lost)
{
	size_t n = 0;
	while (n < 3 && n < s.n && ((unsigned char)s.p[begins ? n : s.n - 1 - n] & 0xc0) == 0x80)
		n++;
	if (begins) {
		*lost += (int64_t)n;
		return (struct str){s.p + n, s.n - n};
	}
	unsigned char lead = n < s.n ? (unsigned char)s.p[s.n - 1 - n] : 0;
	size_t needs = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
	if (needs <= n)
		return s;
	*lost += (int64_t)n + 1;
	return (struct str){s.p, s.n - n - 1};
}

static void shell_text_make(struct shell_text *x, const struct kept *k)
{
	struct buf all;
	buf_init(&x->head, (k->head.n + k->ring.n) * 4 + 4096);
	buf_init(&x->tail, k->ring.n * 4 + 4096);
	buf_init(&all, k->head.n + k->ring.n + 1);
	x->lost = k->left_out;
	if (x->lost)
		session_mend(shell_whole(buf_str(&k->head), false, &x->lost), &x->head);
	else
		buf_add(&all, buf_str(&k->head));
	kept_end(k, &all);
	session_mend(x->lost ? shell_whole(buf_str(&all), true, &x->lost) : buf_str(&all), x->lost ? &x->tail : &x->head);
	buf_release(&all);
}

/* As text, with what the server has to say of it. */
static void shell_texts_make(struct shell_texts *x, const struct shell_one *one)
{
	shell_text_make(&x->out, &one->got.out);
	shell_text_make(&x->err, &one->got.err);
	struct buf *end = x->err.lost ? &x->err.tail : &x->err.head;
	if (*one->got.why)
		buf_add(end, str_of(one->got.why));
	if (!one->ran && !one->over)
		buf_add(end, str_of(one->e.msg));
}

static void shell_texts_release(struct shell_texts *x)
{
	buf_release(&x->out.head);
	buf_release(&x->out.tail);
	buf_release(&x->err.head);
	buf_release(&x->err.tail);
}

static void shell_outcome(struct jout *o, bool timeout, int code)
{
	jo_key(o, S("outcome"));
	jo_obj(o);
	jo_kstr(o, "type", timeout ? S("timeout") : S("exit"));
	if (!timeout)
		jo_kint(o, "exit_code", code);
	jo_obj_end(o);
}

static void shell_text_write(struct jout *o, struct str key, const struct shell_text *x, size_t most, bool told)
{
	struct buf cut, plain;
	buf_init(&cut, x->head.n + x->tail.n + 256);
	buf_init(&plain, (x->head.n + x->tail.n) * 4 + 1024);
	shell_cut(&cut, x, most);
	if (told)
		foreign_add(&plain, buf_str(&cut), cut.n);
	jo_key(o, key);
	jo_str(o, told ? buf_str(&plain) : buf_str(&cut));
	buf_release(&cut);
	buf_release(&plain);
}

/* `most`: characters of both texts together; each has half of them, or what the other leaves. */
static void shell_entry(struct jout *o, const struct shell_one *one, size_t most, bool told)
{
	struct shell_texts x;
	shell_texts_make(&x, one);
	size_t out = shell_text_characters(&x.out), err = shell_text_characters(&x.err), errs = err < most / 2 ? err : most / 2;
	if (out < most - errs)
		errs = most - out;
	jo_obj(o);
	shell_outcome(o, one->over || one->got.timed_out, one->ran ? one->got.exit_code : NOT_RUN);
	shell_text_write(o, S("stderr"), &x.err, errs, told);
	shell_text_write(o, S("stdout"), &x.out, out < most - errs ? out : most - errs, told);
	jo_obj_end(o);
	shell_texts_release(&x);
}

static size_t shell_most(const struct shell_all *all)
{
	yyjson_val *asked = json_get(all->run->args, S("max_output_length"));
	return yyjson_is_int(asked) ? (size_t)yyjson_get_uint(asked) : SIZE_MAX / 2;
}

static struct str shell_members(const struct shell_all *all)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_member_or_null(&o, all->run->args, S("max_output_length"));
	jo_key(&o, S("output"));
	jo_arr(&o);
	for (size_t i = 0; i < all->n; i++)
		shell_entry(&o, &all->at[i], shell_most(all), false);
	jo_arr_end(&o);
	struct str members = str_copy(&all->run->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

/* The same, within the bounds of what a model is told, and what has become of the container. */
static struct str shell_said(const struct shell_all *all, const struct cntr_found *found)
{
	size_t most = shell_most(all), share = (size_t)tools_limits.told_bytes / (all->n + 1);
	bool over = false;
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_arr(&o);
	for (size_t i = 0; i < all->n; i++) {
		shell_entry(&o, &all->at[i], most < share ? most : share, true);
		over |= all->at[i].over || all->at[i].got.timed_out;
	}
	jo_arr_end(&o);
	if (over)
		buf_fmt(&b, "\nThe time was over: %lld ms.", (long long)all->budget_ms);
	if (all->call->cut)
		container_tell_cut(&b);
	container_tell_files(&b, found);
	struct str said = str_copy(&all->run->arena, buf_str(&b));
	buf_release(&b);
	return said;
}

/* --- a run ---------------------------------------------------------------------------------------------------------- */

static void shell_call(struct toolrun *run, struct cntr_call *call)
{
	struct shell_all all;
	struct cntr_found found;
	struct err unwritten = {0};
	bool failed = true;
	call->where.folder = call->folder;
	shell_all_init(&all, run, call);
	shell_all_run(&all);
	bool kept = cntr_call_end(call, NULL, 0, &run->arena, &found, &unwritten);
	container_sources(run, &call->of, &found);
	for (size_t i = 0; i < all.n; i++)
		failed &= !all.at[i].ran && !all.at[i].over;
	if (kept) {
		run->result.failed = failed;
		run->result.said = shell_said(&all, &found);
		run->result.members = shell_members(&all);
	} else {
		toolrun_fail(run, "It ran, but what it left could not be kept: %s", unwritten.msg);
	}
	shell_all_release(&all);
}

static void shell_run(struct toolrun *run)
{
	struct container of;
	struct cntr_call call;
	struct err e = {0};
	if (!session_refuse(run->tools->options.sessions, &e) || !container_enter(run, &of, &e) ||
	    !cntr_call_begin(run->tools->options.containers, &of, toolrun_left_ms(run, tools_limits.shell_ms), toolrun_flag(run),
			     &call, &e)) {
		toolrun_fail(run, "%s", e.msg);
		return;
	}
	toolrun_running(run);
	shell_call(run, &call);
}

/* --- the tool ------------------------------------------------------------------------------------------------------- */

static bool shell_claims(yyjson_val *v)
{
	struct str type = json_str(json_get(json_get(v, S("environment")), S("type")));
	return str_eq(type, S("container_auto")) || str_eq(type, S("container_reference"));
}

/* What the element says of its container. */
static struct container_ask shell_ask(yyjson_val *given, const char *path, char place[128])
{
	yyjson_val *environment = json_get(given, S("environment")), *id = json_get(environment, S("container_id"));
	field_path(place, path, "environment");
	return (struct container_ask){.container = id ? id : environment, .path = place, .now = true};
}

static bool shell_serves(const struct tools_options *o, yyjson_val *given, const char *path, struct err *e)
{
	char place[128];
	struct container_ask ask = shell_ask(given, path, place);
	return container_serves(o, "shell", &ask, path, e);
}

static bool shell_settles(const struct tools *t, struct settling *s, struct err *e)
{
	struct err why = {0};
	char place[128];
	struct container_ask ask = shell_ask(s->given, s->path, place);
	if (!session_refuse(t->options.sessions, &why))
		return fail(e, ERR_UNSUPPORTED_VALUE, s->path, "shell cannot run here: %s", why.msg);
	return container_settle(t, s, &ask, e);
}

static bool shell_fits(yyjson_val *args, struct err *e)
{
	return (int64_t)yyjson_arr_size(json_get(args, S("commands"))) <= tools_limits.commands ||
	       fail(e, ERR_INVALID_VALUE, NULL, "At most %lld commands may be run at once.", (long long)tools_limits.commands);
}

static void shell_describe(struct buf *b, yyjson_val *given, yyjson_val *settled)
{
	buf_fmt(b, " All commands of a call share %lld seconds, or timeout_ms, which may be %lld at most.",
		(long long)session_limits.call_ms / 1000, (long long)tools_limits.shell_ms);
	container_describe(b, settled);
}

/* As live: from the first event on it is the container that it means. */
static void shell_echo(struct jout *o, yyjson_val *tool, yyjson_val *settled)
{
	struct str container = json_str(json_get(settled, S("container_id")));
	size_t i, max;
	yyjson_val *key, *val;
	if (!container.n) {
		container_echo(o, tool, S("environment"));
		return;
	}
	jo_obj(o);
	yyjson_obj_foreach(tool, i, max, key, val)
	{
		if (str_eq(json_str(key), S("environment")))
			call_environment(o, container);
		else
			jo_member(o, tool, json_str(key));
	}
	jo_obj_end(o);
}

static void shell_blank(struct jout *o, yyjson_val *args, struct str why, bool begun)
{
	size_t n = yyjson_arr_size(json_get(args, S("commands")));
	jo_member_or_null(o, args, S("max_output_length"));
	jo_key(o, S("output"));
	jo_arr(o);
	for (size_t i = 0; i < n || i == 0; i++) {
		jo_obj(o);
		shell_outcome(o, false, begun ? KILLED : NOT_RUN);
		jo_kstr(o, "stderr", why);
		jo_kstr(o, "stdout", S(""));
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

const struct tool tool_shell = {
    .face = {.types = {STR("shell")},
	     .claims = shell_claims,
	     .item = ITEM_SHELL_CALL,
	     .result = {.type = ITEM_SHELL_CALL_OUTPUT,
			.fresh = {{STR("max_output_length"), STR("null")}, {STR("output"), STR("[]")}},
			.tell = tell_shell_output,
			.blank = shell_blank},
	     .function = STR("shell"),
	     .description =
		 STR("Runs commands of a shell in a container of Linux, each in a shell of its own and side by side, and returns "
		     "what they print and how they ended: what has to come one after the other is one command, with &&. "
		     "They begin in /mnt/data, without a terminal; there are python3 and the usual tools. Files in /mnt/data "
		     "are kept from call to call. Link to a file that the user should have as "
		     "[name](sandbox:/mnt/data/name)."),
	     .schema = STR("{\"type\":\"object\",\"properties\":{\"commands\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
			   "\"timeout_ms\":{\"type\":\"integer\"},\"max_output_length\":{\"type\":\"integer\",\"description\":"
			   "\"Characters of output to return of each command.\"}},\"required\":[\"commands\"]}"),
	     .params = params,
	     .text = {.member = STR("commands"),
		      .added = EV_SHELL_COMMAND_ADDED,
		      .delta = EV_SHELL_COMMAND_DELTA,
		      .done = EV_SHELL_COMMAND_DONE},
	     .place = STR("container_id"),
	     .place_in = STR("environment"),
	     .echo = shell_echo},
    .pool = POOL_SLOW,
    .call_ms = &tools_limits.shell_ms,
    .serves = shell_serves,
    .settles = shell_settles,
    .unsettles = container_unsettle,
    .fits = shell_fits,
    .describe = shell_describe,
    .run = shell_run,
};
