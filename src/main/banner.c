/* banner.c - who answers and what else there is, on standard error. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "main/banner.h"
#include "main/query.h"
#include "wire/json.h"

/* Where other engines usually listen (Ollama, LM Studio, vLLM). */
static const struct {
	int port;
	const char *who;
} usual_ports[] = {{11434, "Ollama"}, {1234, "LM Studio"}, {8000, "vLLM"}};
enum { N_PORTS = sizeof usual_ports / sizeof *usual_ports };

struct offers {
	pthread_t thread;
	struct app *app;
	atomic_bool stop;
};

/* "4,096" */
static struct str banner_context_of(const struct app *app, struct arena *a)
{
	long long set = app->args->config.engine_context, n = set ? set : 4096;
	return n < 1000 ? str_fmt(a, "%lld", n) : str_fmt(a, "%lld,%03lld", n / 1000, n % 1000);
}

/* Who answers when a client asks for gpt-...: a model of the settings' aliases, or `otherwise`. */
static struct str gpt_model(const struct app *app, struct str otherwise)
{
	const struct config *c = &app->args->config;
	for (size_t i = 0; i < c->n_aliases; i++)
		if (str_eq(c->aliases[i].pattern, S("gpt-*")) && c->aliases[i].model.n)
			return c->aliases[i].model;
	return otherwise;
}

struct str banner_line(const struct app *app, struct arena *a)
{
	const struct engines_config *c = &app->engines_config;
	if (app->managed && !app->args->config.engine_model.n)
		return str_fmt(
		    a,
		    "%.*s: a demonstration model, fluent, often wrong, %.*s tokens. gpt-* names are answered by it. "
		    "Better: --model your.gguf or --engine URL.",
		    FMT(app->managed_model), FMT(banner_context_of(app, a)));
	if (app->managed)
		return str_fmt(a, "%.*s, from %.*s. gpt-* names are answered by it.", FMT(app->managed_model),
			       FMT(app->args->config.engine_model));
	struct str line = S("engine ");
	for (size_t i = 0; i < c->n; i++)
		line = str_fmt(a, "%.*s%s%.*s", FMT(line), i ? ", " : "", FMT(c->engines[i].url));
	return str_fmt(a, "%.*s. gpt-* names are answered by %.*s.", FMT(line),
		       FMT(gpt_model(app, c->default_model.n ? c->default_model : S("its first model"))));
}

void banner_print(const struct app *app)
{
	const struct config *c = &app->args->config;
	struct arena a = {0};
	FILE *out = stderr;
	if (str_eq(c->server_log_format, S("json")))
		return; /* machines read this log */
	bool keys = key_any(app->store);
	fprintf(out, "antiphon %s\n", ANTIPHON_VERSION);
	fprintf(out, "  %.*s\n", FMT(banner_line(app, &a)));
	for (size_t i = 0; i < app->addresses.n; i++) {
		struct str url = address_url(&a, &app->addresses.at[i], app->tls != NULL);
		fprintf(out, "  %s %.*s%s\n", i ? "          and" : "base URL:    ", FMT(url),
			str_starts(url, S("unix:")) ? "" : "/v1");
	}
	fprintf(out, "  state:        %.*s (kept)\n", FMT(app->data));
	fprintf(out, "  API keys:     %s\n",
		keys                        ? "needed"
		: c->server_allow_anonymous ? "none; EVERYBODY who can connect may use this (--allow-anonymous)"
					    : "none made; any key is accepted from this machine");
	if (!str_starts(app->base_url, S("unix:")))
		fprintf(out, "  console:      %.*s/console%s\n", (int)(app->base_url.n - 3), app->base_url.p,
			keys ? "   (antiphon console prints a link that signs in)" : "");
	fprintf(out, "  try:          %s ask \"What is the capital of France?\"   (for OpenAI's clients: %s env)\n",
		program_invocation_name, program_invocation_name);
	arena_free(&a);
}

static bool is_own_port(const struct app *app, int port)
{
	for (size_t i = 0; i < app->addresses.n; i++)
		if (app->addresses.at[i].port == port)
			return true;
	return false;
}

/* What a stranger says goes to a terminal. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] == 0x7f)
			return false;
	return true;
}

/* One line when an engine with models answers there. */
static void offer_port(struct offers *o, int port, const char *who)
{
	struct arena a = {0};
	struct err e = {0};
	char base[64], url[96];
	yyjson_val *v = NULL;
	snprintf(base, sizeof base, "http://127.0.0.1:%d", port);
	snprintf(url, sizeof url, "%s/v1/models", base);
	struct query f = {.url = url, .local = true, .connect_ms = 300, .total_ms = 1000, .stop = &o->stop};
	if (query_run(&f, &e) && f.status == 200 && json_parse(&a, buf_str(&f.out), &v, &e)) {
		yyjson_val *data = json_get(v, S("data"));
		struct str first = json_str(json_get(yyjson_arr_get_first(data), S("id")));
		size_t n = yyjson_arr_size(data);
		if (first.n && first.n < 200 && is_plain(first))
			fprintf(
			    stderr,
			    "An engine answers on port %d (%s?) with %zu model%s (%.*s%s). To use it: --engine %s\n",
			    port, who, n, n == 1 ? "" : "s", FMT(first), n == 1 ? "" : ", ...", base);
	}
	query_release(&f);
	arena_free(&a);
}

static void *offers_run(void *arg)
{
	struct offers *o = arg;
	for (int i = 0; i < N_PORTS && !atomic_load(&o->stop); i++)
		if (!is_own_port(o->app, usual_ports[i].port))
			offer_port(o, usual_ports[i].port, usual_ports[i].who);
	return NULL;
}

void offers_start(struct app *app)
{
	if (!app->managed || !app->args->config.engine_offer)
		return;
	struct offers *o = xalloc(sizeof *o);
	o->app = app;
	if (pthread_create(&o->thread, NULL, offers_run, o)) {
		xfree(o);
		return;
	}
	app->offers = o;
}

void offers_stop(struct app *app)
{
	struct offers *o = app->offers;
	if (!o)
		return;
	atomic_store(&o->stop, true);
	pthread_join(o->thread, NULL);
	xfree(o);
	app->offers = NULL;
}
