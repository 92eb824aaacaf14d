/* script.c - a program in JavaScript, run in a box: the server's side. */
#include "script/script.h"

#include <stdio.h>

#include "base/buf.h"
#include "sandbox/host.h"
#include "sandbox/sandbox.h"
#include "script/limits.h"

enum {
	ENGINE_MEMORY = 256 << 20, /* address space of the engine itself, beside what the program may take */
	CALL_HEAD = 48,            /* bytes of "NAME ARGS\n" at most */
	WHY_MOST = 4096
};

bool script_there(struct err *e)
{
	return script_bytes_n || fail(e, ERR_CONFIG, NULL,
				      "this server was built without a JavaScript engine; install libquickjs (tools/install.sh does) "
				      "and build again");
}

bool script_refuse(struct err *e)
{
	return script_there(e) && (sandbox_limits_only || host_refuse(e));
}

/* --- what goes in: script_main.c reads it ------------------------------------------------------------------------ */

static void script_write(struct buf *b, const struct script *s)
{
	for (size_t i = 0; i < s->n_tools; i++) {
		buf_fmt(b, "f %d %zu %zu\n", s->tools[i].text, s->tools[i].name.n, s->tools[i].members.n);
		buf_add(b, s->tools[i].name);
		buf_add(b, s->tools[i].members);
	}
	for (size_t i = 0; i < s->n_answers; i++) {
		const struct script_answer *one = &s->answers[i];
		buf_fmt(b, "a %d %d %zu %zu %zu\n", one->kind, one->maybe, one->name.n, one->args.n, one->value.n);
		buf_add(b, one->name);
		buf_add(b, one->args);
		buf_add(b, one->value);
	}
	buf_fmt(b, "p %zu\n", s->code.n);
	buf_add(b, s->code);
}

/* --- what comes out ----------------------------------------------------------------------------------------------- */

static bool script_take(struct str *from, int64_t n, struct str *ret)
{
	if (n < 0 || (size_t)n > from->n)
		return false;
	*ret = (struct str){from->p, (size_t)n};
	from->p += n;
	from->n -= (size_t)n;
	return true;
}

/* "NAME ARGS\n", both as so many bytes. */
static bool read_call(struct str *said, struct script_call *ret)
{
	struct str head = str_cut(said, '\n');
	int64_t name, args;
	return str_int(str_cut(&head, ' '), &name) && str_int(head, &args) && script_take(said, name, &ret->name) &&
	       script_take(said, args, &ret->args);
}

static bool read_end(struct str word, enum script_end *ret)
{
	static const struct str words[] = {[SCRIPT_CALLS] = STR("calls"), [SCRIPT_DONE] = STR("done"), [SCRIPT_FAILED] = STR("failed")};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (str_eq(word, words[i])) {
			*ret = (enum script_end)i;
			return true;
		}
	return false;
}

/* "END TEXT WHY CALLS\n", two texts as so many bytes, and the calls. */
bool script_read(struct arena *a, struct str said, struct script_result *ret)
{
	int64_t text, why, calls;
	*ret = (struct script_result){0};
	said = str_copy(a, said);
	struct str head = str_cut(&said, '\n');
	if (!read_end(str_cut(&head, ' '), &ret->end) || !str_int(str_cut(&head, ' '), &text) ||
	    !str_int(str_cut(&head, ' '), &why) || !str_int(head, &calls) || !script_take(&said, text, &ret->text) ||
	    !script_take(&said, why, &ret->why) || calls < 0 || calls > script_limits.calls ||
	    (calls > 0) != (ret->end == SCRIPT_CALLS))
		return false;
	ret->calls = new_array(a, struct script_call, (size_t)calls + 1);
	while (ret->n_calls < (size_t)calls)
		if (!read_call(&said, &ret->calls[ret->n_calls++]))
			return false;
	return said.n == 0;
}

/* --- a run --------------------------------------------------------------------------------------------------------- */

static bool failed(struct script_result *ret, struct str why)
{
	*ret = (struct script_result){.end = SCRIPT_FAILED, .text = S(""), .why = why};
	return true;
}

/* A box that fell silent, or ended by itself, is the end of its program and of nothing else. */
static bool script_judge(struct arena *a, const struct script *s, const struct buf *out, const struct err *why,
			 struct script_result *ret, struct err *e)
{
	if (s->cancelled && atomic_load(s->cancelled))
		return fail(e, ERR_REQUEST_TIMEOUT, NULL, "cancelled");
	if (why->code == ERR_CONFIG || why->code == ERR_INTERNAL) {
		*e = *why;
		return false;
	}
	if (why->code == ERR_REQUEST_TIMEOUT)
		return failed(ret, str_fmt(a, "The program ran longer than %lld seconds.", (long long)script_limits.seconds));
	if (why->code || out->over || !script_read(a, buf_str(out), ret))
		return failed(ret, S("The program took more memory than it may, or broke its engine."));
	return true;
}

bool script_run(struct arena *a, const struct script *s, struct script_result *ret, struct err *e)
{
	char now[24], steps[24], memory[24], calls[24], output[24];
	struct err why = {0};
	struct buf in, out;
	if (!script_refuse(e))
		return false;
	snprintf(now, sizeof now, "%lld", (long long)s->now);
	snprintf(steps, sizeof steps, "%lld", (long long)script_limits.steps);
	snprintf(memory, sizeof memory, "%lld", (long long)script_limits.memory);
	snprintf(calls, sizeof calls, "%lld", (long long)script_limits.calls);
	snprintf(output, sizeof output, "%lld", (long long)script_limits.output_bytes);
	buf_init(&in, SIZE_MAX / 2);
	buf_init(&out, (size_t)script_limits.output_bytes + (size_t)script_limits.calls * CALL_HEAD + 2 * WHY_MOST);
	script_write(&in, s);
	struct sandbox box = {.argv = {"antiphon-script", now, steps, memory, calls, output},
			      .program = {(const char *)script_bytes, script_bytes_n},
			      .input = buf_str(&in),
			      .seconds = script_limits.seconds,
			      .memory = script_limits.memory + ENGINE_MEMORY,
			      .cancelled = s->cancelled};
	sandbox_run(&box, &out, &why);
	bool ok = script_judge(a, s, &out, &why, ret, e);
	buf_release(&in);
	buf_release(&out);
	return ok;
}
