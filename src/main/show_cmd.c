/* show_cmd.c - `antiphon show ID`: where a response's time went, and what came of it. */
#include <stdio.h>
#include <string.h>

#include "main/args.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/remote.h"
#include "main/terminal.h"

enum { BAR = 40, TEXT_SHOWN = 60, ITEMS_SHOWN = 200 };

struct show {
	struct args args;
	struct remote remote;
	const char *project;
};

static bool show_ask(struct show *s, const char *id, const char *rest, yyjson_val **ret, struct err *e)
{
	struct arena *a = &s->args.config.arena;
	struct str url = str_fmt(a, "%.*s/responses/%s%s", FMT(s->remote.base), id, rest);
	struct query f = {
	    .url = url.p, .socket = s->remote.socket.p, .key = s->remote.key, .project = s->project, .total_ms = 30000};
	bool ok = query_run(&f, e);
	if (f.refused)
		*e = (struct err){.code = ERR_ENGINE,
				  .msg = "no server answers. Start one: make run (or: antiphon serve)"};
	if (ok && f.status != 200)
		ok = fail(e, ERR_ENGINE, NULL, "%.*s", FMT(query_error(a, &f)));
	ok = ok && json_parse(a, str_copy(a, buf_str(&f.out)), ret, e);
	query_release(&f);
	return ok;
}

static int64_t show_int(yyjson_val *v, const char *name)
{
	return yyjson_get_sint(json_get(v, str_of(name)));
}

/* "   51.200 ms  |  ####      |", drawn to scale */
static void print_span(const char *indent, yyjson_val *span, const char *name, int64_t total)
{
	char bar[BAR + 1];
	int64_t at = show_int(span, "start_us"), us = show_int(span, "duration_us");
	bool known = yyjson_is_int(json_get(span, S("duration_us")));
	int from = total ? (int)(at * BAR / total) : 0, to = total ? (int)((at + us) * BAR / total) : 0;
	for (int i = 0; i < BAR; i++)
		bar[i] = i >= from && i < (to > from ? to : from + (us > 0)) ? '#' : ' ';
	bar[BAR] = 0;
	printf("%s", indent);
	terminal_print(json_str(json_get(span, str_of(name))), 18 - (int)strlen(indent));
	if (known)
		printf(" %11.3f ms  |%s|\n", (double)us / 1000, bar);
	else
		printf(" %14s  |%s|\n", "", bar);
}

static void print_phases(yyjson_val *v)
{
	int64_t total = show_int(v, "total_us");
	yyjson_val *span;
	size_t i, n;
	if (!yyjson_is_int(json_get(v, S("total_us")))) {
		printf("  where its time went was not kept: an older version made it\n");
		return;
	}
	yyjson_arr_foreach(json_get(v, S("phases")), i, n, span) print_span("  ", span, "type", total);
	yyjson_arr_foreach(json_get(v, S("tools")), i, n, span) print_span("    ", span, "name", total);
	printf("  %-16s %11.3f ms\n", "total", (double)total / 1000);
}

static void print_head(yyjson_val *v, struct arena *a)
{
	yyjson_val *u = json_get(v, S("usage")), *span;
	int64_t output = show_int(u, "output_tokens"), said_us = 0;
	size_t i, n;
	terminal_print(json_str(json_get(v, S("id"))), 0);
	printf("  %.*s  ", FMT(json_str(json_get(v, S("status")))));
	terminal_print(json_str(json_get(v, S("model"))), 0);
	printf("  %s UTC\n", terminal_time(a, (int64_t)yyjson_get_num(json_get(v, S("created_at")))));
	if (!u || yyjson_is_null(u))
		return;
	yyjson_arr_foreach(json_get(v, S("phases")), i, n,
			   span) if (str_eq(json_str(json_get(span, S("type"))), S("answer"))) said_us +=
	    show_int(span, "duration_us");
	printf("  tokens: %lld in (%lld cached), %lld out (%lld reasoning)", (long long)show_int(u, "input_tokens"),
	       (long long)show_int(json_get(u, S("input_tokens_details")), "cached_tokens"), (long long)output,
	       (long long)show_int(json_get(u, S("output_tokens_details")), "reasoning_tokens"));
	if (said_us > 0 && output > 0)
		printf(", %.1f a second", (double)output * 1e6 / (double)said_us);
	printf("\n");
}

static struct str text_of_item(yyjson_val *item)
{
	static const char *const members[] = {"name", "output", "arguments", "code", "query"};
	yyjson_val *content = json_get(item, S("content"));
	struct str text = json_str(content);
	if (yyjson_is_arr(content))
		text = json_str(json_get(yyjson_arr_get_first(content), S("text")));
	for (size_t i = 0; !text.n && i < sizeof members / sizeof *members; i++)
		text = json_str(json_get(item, str_of(members[i])));
	return text;
}

static void print_items(const char *mark, yyjson_val *items)
{
	yyjson_val *item;
	size_t i, n;
	yyjson_arr_foreach(items, i, n, item)
	{
		struct str role = json_str(json_get(item, S("role")));
		if (i == ITEMS_SHOWN) {
			printf("  %s ... %zu more\n", mark, n - i);
			break;
		}
		printf("  %s ", mark);
		terminal_print(role.n ? role : json_str(json_get(item, S("type"))), 24);
		printf(" ");
		terminal_print(json_str(json_get(item, S("status"))), 11);
		printf(" ");
		terminal_line(text_of_item(item), TEXT_SHOWN);
		printf("\n");
	}
}

static bool show_run(struct show *s, struct err *e)
{
	yyjson_val *phases, *response, *input;
	const char *id = s->args.n_words == 1 ? s->args.words[0] : "";
	if (!*id || strpbrk(id, "/?#% \t\r\n"))
		return fail(e, ERR_CONFIG, NULL, "show wants the id of a response: antiphon show resp_...");
	if (!remote_find(&s->args, &s->remote, e) || !show_ask(s, id, "/phases", &phases, e) ||
	    !show_ask(s, id, "", &response, e) || !show_ask(s, id, "/input_items?limit=20", &input, e))
		return false;
	print_head(phases, &s->args.config.arena);
	printf("\n");
	print_phases(phases);
	printf("\n");
	yyjson_val *given = json_get(input, S("data"));
	if (yyjson_is_true(json_get(input, S("has_more"))))
		printf("  > ... what came before is left out\n");
	for (size_t i = yyjson_arr_size(given); i-- > 0;) { /* the newest come first */
		yyjson_val *item = yyjson_arr_get(given, i);
		printf("  > ");
		terminal_print(json_str(json_get(item, S("role"))).n ? json_str(json_get(item, S("role")))
								     : json_str(json_get(item, S("type"))),
			       24);
		printf(" ");
		terminal_line(text_of_item(item), TEXT_SHOWN + 12);
		printf("\n");
	}
	print_items("<", json_get(response, S("output")));
	struct str why = json_str(json_get(json_get(response, S("error")), S("message")));
	if (why.n) {
		printf("  ! ");
		terminal_line(why, 200);
		printf("\n");
	}
	return true;
}

int show_command(int argc, char **argv)
{
	struct show s = {0};
	struct err e = {0};
	const struct own_flag own[] = {{"--project", "-p", &s.project, NULL, NULL}, {0}};
	bool ok = args_read(&s.args, argc, argv, own, &e);
	if (ok && s.args.help)
		help_for("show");
	else
		ok = ok && show_run(&s, &e);
	if (!ok)
		complain(&e);
	args_release(&s.args);
	return ok ? 0 : 1;
}
