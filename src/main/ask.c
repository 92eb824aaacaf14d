/* ask.c - `antiphon ask`: a small client of the running server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/attach.h"
#include "main/remote.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/paths.h"
#include "wire/sse.h"

enum { BODY_MAX = 128 << 20, EVENT_MAX = 64 << 20 };
/* Exit status; help_for("ask") lists them. */
enum { ASK_COMPLETED, ASK_FAILED, ASK_USAGE, ASK_INCOMPLETE, ASK_CANCELLED, ASK_NO_SERVER };

struct ask {
	struct args args;
	struct remote remote;
	const char *model, *previous;
	bool go_on, json;
	struct config_list files;
	char last_id[128]; /* of the last answer; "" none */
};

/* One answer as it comes in. */
struct answer {
	struct arena *a;
	struct sse sse;
	struct err err; /* the stream itself is broken */
	char id[128], model[128], status[32], why[1024];
	int64_t tokens;
	bool newline; /* text ended in one */
};

static void ask_copy(char *to, size_t room, struct str s)
{
	if (s.p)
		snprintf(to, room, "%.*s", FMT(s));
}

static void ask_take_error(struct answer *w, yyjson_val *error)
{
	ask_copy(w->why, sizeof w->why, json_str(json_get(error, S("message"))));
}

/* The response object of a terminal event, or of a JSON answer. */
static void take_response(struct answer *w, yyjson_val *r)
{
	ask_copy(w->id, sizeof w->id, json_str(json_get(r, S("id"))));
	ask_copy(w->model, sizeof w->model, json_str(json_get(r, S("model"))));
	ask_copy(w->status, sizeof w->status, json_str(json_get(r, S("status"))));
	w->tokens = yyjson_get_sint(json_get(json_get(r, S("usage")), S("output_tokens")));
	ask_take_error(w, json_get(r, S("error")));
	struct str reason = json_str(json_get(json_get(r, S("incomplete_details")), S("reason")));
	if (reason.p)
		ask_copy(w->why, sizeof w->why, reason);
}

static void ask_show(struct answer *w, struct str text)
{
	if (!text.n)
		return;
	fwrite(text.p, 1, text.n, stdout);
	fflush(stdout);
	w->newline = text.p[text.n - 1] == '\n';
}

static bool ask_on_event(void *ctx, struct str event, struct str data)
{
	struct answer *w = ctx;
	struct arena a = {0};
	struct err ignore = {0};
	yyjson_val *v;
	if (data.n && data.p[0] == '{' && json_parse(&a, data, &v, &ignore)) {
		struct str type = json_str(json_get(v, S("type")));
		if (str_eq(type, S("response.output_text.delta")) || str_eq(type, S("response.refusal.delta")))
			ask_show(w, json_str(json_get(v, S("delta"))));
		else if (str_eq(type, S("error")))
			ask_take_error(w, yyjson_is_obj(json_get(v, S("error"))) ? json_get(v, S("error")) : v);
		else if (yyjson_is_obj(json_get(v, S("response"))))
			take_response(w, json_get(v, S("response")));
	}
	arena_free(&a);
	return true;
}

static bool ask_on_piece(void *ctx, struct str piece)
{
	struct answer *w = ctx;
	return sse_feed(&w->sse, piece, ask_on_event, w, &w->err);
}

/* The server's first model; an alias when it has none to show yet. */
static struct str ask_choose_model(struct ask *k)
{
	struct arena *a = &k->args.config.arena;
	const char *named = k->model ? k->model : getenv("OPENAI_MODEL");
	if (named && *named)
		return str_of(named);
	struct str url = str_fmt(a, "%.*s/models", FMT(k->remote.base)), found = {0};
	struct query f = {.url = url.p, .socket = k->remote.socket.p, .key = k->remote.key, .total_ms = 10000};
	struct err e = {0};
	yyjson_val *v;
	if (query_run(&f, &e) && f.status == 200 && json_parse(a, str_copy(a, buf_str(&f.out)), &v, &e))
		found = json_str(json_get(yyjson_arr_get_first(json_get(v, S("data"))), S("id")));
	query_release(&f);
	return found.n ? found : S("gpt-4.1-mini");
}

static bool make_body(struct ask *k, struct arena *a, struct str text, struct buf *b, struct err *e)
{
	struct jout o = {b, false};
	jo_obj(&o);
	jo_kstr(&o, "model", str_of(k->model));
	if (*k->last_id)
		jo_kstr(&o, "previous_response_id", str_of(k->last_id));
	jo_kbool(&o, "stream", !k->json);
	jo_key(&o, S("input"));
	jo_arr(&o);
	jo_obj(&o);
	jo_kstr(&o, "role", S("user"));
	jo_key(&o, S("content"));
	jo_arr(&o);
	for (size_t i = 0; i < k->files.n; i++)
		if (!attach_part(a, &o, k->files.at[i], e))
			return false;
	if (text.n) {
		jo_obj(&o);
		jo_kstr(&o, "type", S("input_text"));
		jo_kstr(&o, "text", text);
		jo_obj_end(&o);
	}
	jo_arr_end(&o);
	jo_obj_end(&o);
	jo_arr_end(&o);
	jo_obj_end(&o);
	return !b->over || fail(e, ERR_CONFIG, NULL, "that is more than 128 MB");
}

static int no_server(const struct ask *k)
{
	fprintf(stderr, "antiphon: no server answers at %.*s. Start one: make run (or: antiphon serve)\n",
		FMT(k->remote.base));
	return ASK_NO_SERVER;
}

static int report(struct ask *k, const struct answer *w, int64_t began_us)
{
	static const struct {
		const char *status;
		int exit;
	} exits[] = {{"completed", ASK_COMPLETED}, {"incomplete", ASK_INCOMPLETE}, {"cancelled", ASK_CANCELLED}};
	double seconds = (double)(clock_mono_us() - began_us) / 1e6;
	if (!w->newline)
		printf("\n");
	fflush(stdout);
	ask_copy(k->last_id, sizeof k->last_id, str_of(w->id));
	if (w->why[0])
		fprintf(stderr, "antiphon: %s: %s\n", *w->status ? w->status : "failed", w->why);
	fprintf(stderr, "[%s, %lld tokens, %.1f s, %s]\n", *w->model ? w->model : "?", (long long)w->tokens, seconds,
		*w->id ? w->id : "no id");
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		if (!strcmp(exits[i].status, w->status))
			return exits[i].exit;
	return ASK_FAILED;
}

/* A whole answer that did not stream: an error, or with --json the response. */
static bool ask_take_whole(struct ask *k, struct answer *w, const struct query *f)
{
	yyjson_val *v;
	struct err bad = {0};
	if (f->status == 200 && !k->json)
		return true;
	if (f->status == 200) {
		fwrite(f->out.p, 1, f->out.n, stdout);
		w->newline = f->out.n && f->out.p[f->out.n - 1] == '\n';
		if (json_parse(w->a, buf_str(&f->out), &v, &bad))
			take_response(w, v);
		return true;
	}
	fprintf(stderr, "antiphon: %.*s\n", FMT(query_error(w->a, f)));
	if (f->status == 401)
		fprintf(stderr, "A key is needed: antiphon keys create NAME, then export OPENAI_API_KEY=...\n");
	return false;
}

/* Asks once; remembers the answer's id. Returns the exit status. */
static int ask_once(struct ask *k, struct str text)
{
	struct arena a = {0};
	struct err e = {0};
	struct buf body;
	struct answer w = {.a = &a, .newline = true};
	int64_t began = clock_mono_us();
	int status = ASK_FAILED;
	buf_init(&body, BODY_MAX);
	sse_init(&w.sse, EVENT_MAX, NULL);
	struct str url = str_fmt(&a, "%.*s/responses", FMT(k->remote.base));
	struct query f = {.url = url.p,
			  .socket = k->remote.socket.p,
			  .key = k->remote.key,
			  .on_body = k->json ? NULL : ask_on_piece,
			  .ctx = &w};
	if (!make_body(k, &a, text, &body, &e)) {
		complain(&e);
		status = ASK_USAGE;
	} else {
		f.body = buf_str(&body);
		bool ok = query_run(&f, &e);
		if (!ok && f.refused)
			status = no_server(k);
		else if (!ok || w.err.code)
			complain(w.err.code ? &w.err : &e);
		else if (ask_take_whole(k, &w, &f))
			status = report(k, &w, began);
	}
	query_release(&f);
	sse_release(&w.sse);
	buf_release(&body);
	arena_free(&a);
	return status;
}

/* --- the last answer, for -c --- */

static struct str last_file(struct ask *k)
{
	struct arena *a = &k->args.config.arena;
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct err e = {0};
	struct str dir = {0};
	if (state && *state == '/')
		dir = str_fmt(a, "%s/antiphon", state);
	else if (home && *home)
		dir = str_fmt(a, "%s/.local/state/antiphon", home);
	return dir.n && folder_make(dir, &e) ? str_fmt(a, "%.*s/last", FMT(dir)) : (struct str){0};
}

static void last_read(struct ask *k)
{
	struct str path = last_file(k);
	FILE *f = path.n ? fopen(path.p, "re") : NULL;
	if (!f)
		return;
	if (fgets(k->last_id, sizeof k->last_id, f))
		k->last_id[strcspn(k->last_id, "\n")] = 0;
	fclose(f);
}

static void last_write(struct ask *k)
{
	struct str path = *k->last_id ? last_file(k) : (struct str){0};
	FILE *f = path.n ? fopen(path.p, "we") : NULL;
	if (!f)
		return; /* then -c has nothing to go on from; the answer was given */
	fprintf(f, "%s\n", k->last_id);
	fclose(f);
}

static int talk(struct ask *k)
{
	char *line = NULL;
	size_t room = 0;
	int status = ASK_COMPLETED;
	fprintf(stderr, "Ctrl-D ends.\n");
	for (;;) {
		fprintf(stderr, "> ");
		ssize_t n = getline(&line, &room, stdin);
		if (n < 0)
			break;
		struct str text = str_trim((struct str){line, (size_t)n});
		if (!text.n)
			continue;
		status = ask_once(k, text);
		k->files.n = 0; /* sent with the first question */
		last_write(k);
	}
	fprintf(stderr, "\n");
	free(line); /* getline's own */
	return status;
}

static bool gather_text(struct ask *k, struct str *ret, struct err *e)
{
	struct arena *a = &k->args.config.arena;
	struct str text = S(""), more = {0};
	for (int i = 0; i < k->args.n_words; i++)
		text = str_fmt(a, "%.*s%s%s", FMT(text), i ? " " : "", k->args.words[i]);
	if (attach_stdin() && !attach_read(a, "-", &more, e))
		return false;
	if (str_trim(more).n)
		text = str_fmt(a, "%.*s%s%.*s", FMT(text), text.n ? "\n\n" : "", FMT(more));
	*ret = text;
	return true;
}

static int ask_run(struct ask *k)
{
	struct err e = {0};
	struct str text;
	if (!remote_find(&k->args, &k->remote, &e) || !gather_text(k, &text, &e)) {
		complain(&e);
		return ASK_USAGE;
	}
	if (k->go_on)
		last_read(k);
	if (k->previous)
		ask_copy(k->last_id, sizeof k->last_id, str_of(k->previous));
	bool conversation = !text.n && isatty(STDIN_FILENO);
	if (!text.n && !k->files.n && !conversation) {
		fprintf(stderr, "antiphon: ask what? antiphon ask TEXT\n");
		return ASK_USAGE;
	}
	k->model = str_copy(&k->args.config.arena, ask_choose_model(k)).p;
	if (conversation)
		return talk(k);
	int status = ask_once(k, text);
	last_write(k);
	return status;
}

int ask_command(int argc, char **argv)
{
	struct ask k = {0};
	const struct own_flag own[] = {
	    {"--previous", "-p", &k.previous, NULL, NULL}, {"--continue", "-c", NULL, &k.go_on, NULL},
	    {"--file", "-f", NULL, NULL, &k.files},        {"--model", "-m", &k.model, NULL, NULL},
	    {"--json", NULL, NULL, &k.json, NULL},         {0},
	};
	struct err e = {0};
	int status = ASK_USAGE;
	if (!args_read(&k.args, argc, argv, own, &e))
		complain(&e);
	else if (k.args.help)
		status = help_for("ask");
	else
		status = ask_run(&k);
	args_release(&k.args);
	return status;
}
