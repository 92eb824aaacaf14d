/* config_test.c - settings: sources, their order, near names, ranges, YAML that is wrong. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "main/args.h"

static struct args args;
static struct err err;

/* Runs the command line `serve` plus what is given (ends with NULL). */
static bool flags(const char *const *more)
{
	char *argv[32] = {"serve"};
	int n = 1;
	for (; *more; more++)
		argv[n++] = (char *)(uintptr_t)*more;
	err = (struct err){0};
	return args_read(&args, n, argv, NULL, &err);
}
#define FLAGS(...) flags((const char *const[]){__VA_ARGS__, NULL})

static void says(const char *part)
{
	if (!strstr(err.msg, part)) {
		test_failed = 1;
		printf("# want \"%s\" in \"%s\"\n", part, err.msg);
	}
}

static const char *file_with(const char *text)
{
	static char path[] = "/tmp/antiphon-config-test.XXXXXX";
	static bool made;
	int fd = -1;
	if (!made)
		fd = mkstemp(path);
	made = true;
	if (fd >= 0)
		close(fd);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	return path;
}

static bool yaml(const char *text)
{
	return FLAGS("--config", file_with(text));
}

static void defaults(void)
{
	CHECK(flags((const char *const[]){NULL}));
	CHECK(args.config.server_listen.n == 2);
	CHECK_STR(args.config.server_listen.at[0], S("127.0.0.1:8080"));
	CHECK_STR(args.config.server_listen.at[1], S("[::1]:8080"));
	CHECK(args.config.net_head_bytes == 65536);
	CHECK(args.config.api_drain_seconds == 30);
	CHECK_STR(args.config.api_on_disconnect, S("cancel"));
	CHECK(args.config.n_aliases == 5);
	args_release(&args);
}

static void precedence(void)
{
	const char *path = file_with("net: {head_bytes: 2000, header_count: 20, idle_seconds: 5}\n");
	setenv("ANTIPHON_NET_HEADER_COUNT", "30", 1);
	setenv("ANTIPHON_NET_IDLE_SECONDS", "6", 1);
	CHECK(FLAGS("--set", "net.idle_seconds=7", "--config", path));
	CHECK(args.config.net_head_bytes == 2000);
	CHECK(args.config.net_header_count == 30);
	CHECK(args.config.net_idle_seconds == 7);
	args_release(&args);
	setenv("ANTIPHON_CONFIG", path, 1);
	CHECK(flags((const char *const[]){NULL}));
	CHECK(args.config.net_head_bytes == 2000);
	args_release(&args);
	unsetenv("ANTIPHON_CONFIG");
	unsetenv("ANTIPHON_NET_HEADER_COUNT");
	unsetenv("ANTIPHON_NET_IDLE_SECONDS");
}

static void list_flags(void)
{
	CHECK(FLAGS("--listen=127.0.0.1:0", "--engine", "http://a", "--engine", "http://b,c", "--tls-cert", "c",
		    "--tls-key=k", "--allow-anonymous"));
	CHECK(args.config.server_listen.n == 1); /* a flag replaces the default */
	CHECK(args.config.engine_url.n == 2);    /* one flag, one value: a comma is the URL's */
	CHECK_STR(args.config.engine_url.at[0], S("http://a"));
	CHECK(args.config.server_allow_anonymous);
	CHECK_STR(args.config.server_tls_key, S("k"));
	args_release(&args);
}

static void flag_errors(void)
{
	static const struct {
		const char *a, *b, *says;
	} rows[] = {
	    {"--lsten", "x", "did you mean --listen?"},
	    {"--zzzzzzzzzz", "x", "see antiphon --help"},
	    {"--set", "net.head_byte=1", "did you mean 'net.head_bytes'?"},
	    {"--set", "server.head_bytes=1", "did you mean 'net.head_bytes'?"},
	    {"--set", "bogusbogus.thing=1", "antiphon help settings"},
	    {"--set", "net.head_bytes", "section.name=value"},
	    {"--set", "net.head_bytes=1", "from 1024 to 1048576, not '1'"},
	    {"--set", "net.head_bytes=99999999999999999999999", "whole number"},
	    {"--set", "net.head_bytes=", "whole number"},
	    {"--set", "net.head_bytes=2000x", "whole number"},
	    {"--set", "server.allow_anonymous=maybe", "true or false"},
	    {"--set", "api.on_disconnect=explode", "one of cancel|finish"},
	    {"--set", "engines[1].url=x", "engines[0].url"},
	    {"--set", "engines[0].ulr=x", "did you mean 'engines.url'?"},
	    {"--set", "engines[0].temperature=3", "from -1 to 2"},
	    {"--set", "server.listen=", "server.listen is empty"},
	    {"--ctx", NULL, "--ctx needs a value"},
	    {"--tls-cert", "x", "go together"},
	    {"--config", "/nonexistent/a.yaml", "/nonexistent/a.yaml: No such file"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *const both[] = {rows[i].a, rows[i].b, NULL};
		CHECK(!flags(both));
		says(rows[i].says);
		args_release(&args);
	}
	CHECK(!FLAGS("--engine", "http://a", "--model", "x.gguf"));
	says("one of both");
	args_release(&args);
}

static void environment(void)
{
	static const struct {
		const char *name, *value, *says; /* says NULL: fine */
	} rows[] = {
	    {"ANTIPHON_API_KEY", "sk-x", NULL},
	    {"ANTIPHON_MASTER_SECRET", "x", NULL},
	    {"ANTIPHON_BIN", "/x", NULL},
	    /* What Kubernetes sets beside a service of our name. */
	    {"ANTIPHON_SERVICE_HOST", "10.0.0.1", NULL},
	    {"ANTIPHON_PORT", "tcp://10.0.0.1:80", NULL},
	    {"ANTIPHON_PORT_80_TCP_ADDR", "10.0.0.1", NULL},
	    {"ANTIPHON_SEVER_LISTEN", "x", "did you mean ANTIPHON_SERVER_LISTEN?"},
	    {"ANTIPHON_NET_HEAD_BYTES", "x", "ANTIPHON_NET_HEAD_BYTES: net.head_bytes must be"},
	    {"ANTIPHON_UNHEARD_OF_THINGS", "x", "no such setting"},
	    {"ANTIPHON_SERVER_LISTEN", "127.0.0.1:1", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		setenv(rows[i].name, rows[i].value, 1);
		CHECK(flags((const char *const[]){NULL}) == !rows[i].says);
		if (rows[i].says)
			says(rows[i].says);
		args_release(&args);
		unsetenv(rows[i].name);
	}
}

static void yaml_whole(void)
{
	CHECK(yaml("# a comment\n"
		   "server:\n"
		   "  listen: [127.0.0.1:1, '[::1]:2']\n"
		   "  cors: https://a.example, https://b.example\n"
		   "  tls_cert: ~\n"
		   "engines:\n"
		   "  - url: http://one:1/v1\n"
		   "    models: [a, 'b,c']\n"
		   "    pass: [top_k, seed]\n"
		   "    temperature: 0.5\n"
		   "    schema: prompt\n"
		   "    think_tags: [<think>, </think>]\n"
		   "    starts_thinking: yes\n"
		   "    key_env: HOME\n"
		   "  - {url: unix:/x.sock, name: two, fetches_urls: yes, pass: none}\n"
		   "aliases:\n"
		   "  special-*: b\n"
		   "  gpt-*:\n"
		   "engine:\n"));
	const struct config *c = &args.config;
	CHECK(c->server_listen.n == 2 && c->server_cors.n == 2);
	CHECK(c->n_engines == 2 && c->n_aliases == 6);
	CHECK_STR(c->aliases[0].pattern, S("special-*"));
	CHECK_STR(c->aliases[0].model, S("b"));
	CHECK(!c->aliases[1].model.p);
	struct arena a = {0};
	struct engines_config ec = config_engines(c, &a);
	CHECK(ec.n == 2);
	CHECK_STR(ec.engines[0].name, S("one:1"));
	CHECK(ec.engines[0].n_models == 2);
	CHECK_STR(ec.engines[0].models[1], S("b,c"));
	CHECK(!strcmp(ec.engines[0].pass[1], "seed") && !ec.engines[0].pass[2]);
	CHECK(ec.engines[0].schema_prompt && ec.engines[0].temperature > 0.4 && ec.engines[0].temperature < 0.6);
	CHECK_STR(ec.engines[0].think.open, S("<think>"));
	CHECK_STR(ec.engines[0].think.close, S("</think>"));
	CHECK(ec.engines[0].think.starts && !ec.engines[1].think.open.n);
	CHECK_STR(ec.engines[0].key, str_of(getenv("HOME")));
	CHECK(ec.engines[1].fetches_urls && ec.engines[1].temperature < 0 && !ec.engines[1].schema_prompt);
	CHECK(ec.engines[1].pass && !ec.engines[1].pass[0]);
	CHECK(!ec.default_model.p && !ec.engines[1].system.p);
	arena_free(&a);
	args_release(&args);
}

static void yaml_errors(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
	    {"server:\n  lisen: x\n", ":2: unknown setting 'server.lisen'; did you mean 'server.listen'?"},
	    {"sevrer:\n  listen: x\n", "did you mean 'server.listen'?"},
	    {"default_model: x\n", "did you mean 'engine.default_model'?"},
	    {"server: 3\n", ":1: 'server' must be a section"},
	    {"- a\n", "mapping of sections"},
	    {"just text\n", "mapping of sections"},
	    {"server:\n  listen: {a: b}\n", ":2: 'server.listen' must be a value or a list"},
	    {"server:\n  listen: [[a]]\n", "list of plain values"},
	    {"net:\n  head_bytes: [1, 2]\n", "takes one value"},
	    {"net:\n\n  head_bytes: many\n", ":3: net.head_bytes must be a whole number"},
	    {"net:\n  head_bytes: 2000\n  head_bytes: 2000\n", "given twice"},
	    {"net: {head_bytes: 2000}\nnet: {idle_seconds: 1}\n", "given twice"},
	    {"net:\n  head_bytes: 'a\n", "not YAML"},
	    {"a: [b\n", "not YAML"},
	    {"\t- x: y\n", "not YAML"},
	    {"engines: x\n", "list of mappings"},
	    {"engines: [x]\n", "list of mappings"},
	    {"engines:\n  - name: x\n", "engines[0] has no url"},
	    {"engines:\n  - {url: http://h, think_tags: [<think>]}\n", "engines[0].think_tags must be two tags"},
	    {"engines:\n  - {url: http://h, starts_thinking: yes}\n", "engines[0].think_tags must be two tags"},
	    {"engines:\n  - url: x\n    concurency: 2\n", ":3: unknown setting 'engines.concurency'; did you mean"},
	    {"aliases: [a]\n", "mapping of pattern"},
	    {"aliases: {a: [b]}\n", "mapping of pattern"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK(!yaml(rows[i].text));
		says(rows[i].says);
		args_release(&args);
	}
	static const char *const empty[] = {"", "# nothing\n", "~\n", "server:\nnet: ~\n"};
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		CHECK(yaml(empty[i]));
		args_release(&args);
	}
}

/* Cut anywhere, a file is read or refused, never worse. */
static void yaml_cuts(void)
{
	static const char text[] =
	    "server: {listen: [a:1, 'b:2']}\nengines:\n - url: x\n   models: [m]\naliases: {a*: b}\n";
	char piece[sizeof text];
	for (size_t n = 0; n < sizeof text; n++) {
		memcpy(piece, text, n);
		piece[n] = 0;
		bool ok = yaml(piece);
		CHECK(ok == (err.code == ERR_NONE));
		args_release(&args);
	}
}

static void words_and_own_flags(void)
{
	const char *previous = NULL;
	bool json = false;
	struct config_list files = {0};
	const struct own_flag own[] = {{"--previous", "-p", &previous, NULL, NULL},
				       {"--json", NULL, NULL, &json, NULL},
				       {"--file", "-f", NULL, NULL, &files},
				       {0}};
	char *argv[] = {"ask",      "what",   "-p", "id", "--json", "-f",  "a",
			"--file=b", "--data", "/d", "--", "--is",   "this"};
	CHECK(args_read(&args, 13, argv, own, &err));
	CHECK(args.n_words == 3 && !strcmp(args.words[1], "--is"));
	CHECK(json && previous && !strcmp(previous, "id"));
	CHECK(files.n == 2);
	CHECK_STR(files.at[1], S("b"));
	struct str dir;
	CHECK(args_data_dir(&args, &dir, &err));
	CHECK_STR(dir, S("/d"));
	args_release(&args);
	char *wrong[] = {"ask", "--previos", "x"};
	err = (struct err){0};
	CHECK(!args_read(&args, 3, wrong, own, &err));
	says("did you mean --previous?");
	args_release(&args);
}

static void data_folder(void)
{
	struct str dir;
	setenv("XDG_DATA_HOME", "/xdg", 1);
	CHECK(flags((const char *const[]){NULL}) && args_data_dir(&args, &dir, &err));
	CHECK_STR(dir, S("/xdg/antiphon/data"));
	unsetenv("XDG_DATA_HOME");
	setenv("HOME", "/h", 1);
	CHECK(args_data_dir(&args, &dir, &err));
	CHECK_STR(dir, S("/h/.local/share/antiphon/data"));
	unsetenv("HOME");
	CHECK(!args_data_dir(&args, &dir, &err));
	says("--data DIR");
	args_release(&args);
}

int main(void)
{
	static const struct test_case all[] = {
	    {"defaults", defaults},
	    {"yaml, then environment, then flags", precedence},
	    {"list flags", list_flags},
	    {"wrong flags", flag_errors},
	    {"environment", environment},
	    {"a whole yaml file", yaml_whole},
	    {"wrong yaml", yaml_errors},
	    {"yaml cut anywhere", yaml_cuts},
	    {"words and own flags", words_and_own_flags},
	    {"data folder", data_folder},
	};
	int rc = test_main(all, sizeof all / sizeof *all);
	remove(file_with(""));
	return rc;
}
