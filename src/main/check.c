/* check.c - `antiphon check`: what is wrong, and how to mend it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/managed.h"
#include "index/embedder.h"
#include "main/app.h"
#include "main/check_engine.h"
#include "main/check_files.h"
#include "main/check_fleets.h"
#include "main/commands.h"
#include "main/help.h"
#include "main/cpu.h"
#include "main/address.h"
#include "main/remote.h"
#include "main/sealing.h"
#include "main/serve.h"
#include "net/listen.h"
#include "sandbox/host.h"
#include "script/script.h"
#include "session/packages.h"
#include "store/check.h"
#include "store/postgres_check.h"

enum { SPACE_BAD_MB = 50, SPACE_LOW_MB = 500 };

/* true when the folder is there and may be written. */
static bool check_folder(struct check *c, struct str dir)
{
	struct str path = str_copy(c->arena, dir);
	struct stat s;
	struct statvfs v;
	if (stat(path.p, &s)) {
		check_say(c, errno == ENOENT ? NOTE : BAD, "data folder",
			  "antiphon serve makes it; or name another with --data DIR", "%s: %s", path.p,
			  strerror(errno));
		return false;
	}
	if (!S_ISDIR(s.st_mode) || access(path.p, R_OK | W_OK | X_OK)) {
		check_say(c, BAD, "data folder",
			  "give it to the user who runs antiphon (chown -R), or name another: --data DIR",
			  "%s can't be written by user %d", path.p, (int)getuid());
		return false;
	}
	check_say(c, s.st_mode & 077 ? NOTE : FINE, "data folder", "chmod 700 it: others can read what is kept", "%.*s",
		  FMT(dir));
	if (!statvfs(path.p, &v)) {
		unsigned long long mb = (unsigned long long)v.f_bavail * v.f_frsize >> 20;
		check_say(c,
			  mb < SPACE_BAD_MB   ? BAD
			  : mb < SPACE_LOW_MB ? NOTE
					      : FINE,
			  "disk space", "free some, or move the folder; a full disk fails every stored turn",
			  "%llu MB free", mb);
	}
	return true;
}

/* Who holds the folder's lock; 0: nobody. */
static int lock_holder(struct check *c, struct str dir)
{
	struct str path = str_fmt(c->arena, "%.*s/antiphon.lock", FMT(dir));
	int fd = open(path.p, O_RDONLY | O_CLOEXEC), pid = 0;
	char text[32] = "";
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) && read(fd, text, sizeof text - 1) > 0)
		pid = (int)strtol(text, NULL, 10);
	close(fd);
	return pid;
}

static void check_sealing(struct check *c, struct str socket)
{
	yyjson_val *v;
	struct err e = {0};
	if (!remote_admin(c->args, socket, "/admin/sealing", (struct str){0}, &v, NULL, &e))
		return;
	bool failed = yyjson_get_sint(json_get(v, S("failed"))) > 0;
	check_say(c, failed ? BAD : FINE, "encryption", failed ? "those rows were changed outside the server: antiphon help sealing" : NULL,
		  "%.*s", FMT(sealing_say(c->arena, v)));
}

/* The running server's own word about itself; false: none runs. */
static bool check_server(struct check *c, struct str dir)
{
	struct str socket;
	yyjson_val *v;
	struct err e = {0}, gone = {0};
	int holder = lock_holder(c, dir);
	bool there = remote_socket(c->args, &socket, &e) &&
		     remote_admin(c->args, socket, "/admin/info", (struct str){0}, &v, NULL, &gone);
	if (!there && holder) {
		check_say(c, BAD, "server", "look at its log; if it hangs: kill it, nothing acknowledged is lost",
			  "process %d holds the data folder but does not answer: %s", holder, gone.msg);
		return true;
	}
	if (!there) {
		check_say(c, NOTE, "server", "make run (or antiphon serve)", "none runs on this data folder");
		return false;
	}
	check_say(c, FINE, "server", NULL, "antiphon %.*s answers on %.*s, process %lld",
		  FMT(json_str(json_get(v, S("version")))), FMT(json_str(json_get(v, S("base_url")))),
		  (long long)yyjson_get_sint(json_get(v, S("pid"))));
	if (yyjson_get_bool(json_get(v, S("ready"))))
		check_say(c, FINE, "engine", NULL, "answers, %zu model(s)", yyjson_arr_size(json_get(v, S("models"))));
	else
		check_say(c, BAD, "engine", "is it started? antiphon check --engine URL tries it", "%.*s",
			  FMT(json_str(json_get(v, S("why")))));
	check_sealing(c, socket);
	check_states(c, socket);
	check_say(c, FINE, "API keys", NULL, "%s",
		  yyjson_get_bool(json_get(v, S("keys"))) ? "needed"
							  : "none made: any key is accepted from this machine");
	return true;
}

#define MEND_DATABASE "stop the server, keep a copy of the folder, then: sqlite3 antiphon.db .recover | sqlite3 new.db"

static void wrong_row(void *ctx, const char *line)
{
	check_say(ctx, BAD, "database", MEND_DATABASE, "%s", line);
}

static void wrong_postgres_row(void *ctx, const char *line)
{
	check_say(ctx, BAD, "rows", "go back to a backup (docs/postgres.md); please report it", "%s", line);
}

static void check_postgres(struct check *c, const char *url)
{
	char is[256];
	struct err e = {0}, none = {0};
	bool sound = false;
	if (!postgres_describe(url, is, sizeof is, &e)) {
		check_say(c, BAD, "database", "docs/postgres.md", "%s", e.msg);
		return;
	}
	check_say(c, FINE, "database", NULL, "%s", is);
	if (postgres_inspect(url, wrong_postgres_row, c, &sound, &none) && sound)
		check_say(c, FINE, "rows", NULL, "are sound");
	else if (none.code)
		check_say(c, none.code == ERR_NOT_FOUND ? NOTE : BAD, "rows", "antiphon serve makes the tables, or docs/postgres.md", "%s",
			  none.msg);
}

static void check_database(struct check *c, struct str dir)
{
	struct str path = str_fmt(c->arena, "%.*s/antiphon.db", FMT(dir));
	struct str folder = str_copy(c->arena, dir);
	struct err e = {0};
	bool sound = false;
	if (str_starts(c->args->config.store_url, S("postgres"))) {
		check_postgres(c, str_copy(c->arena, c->args->config.store_url).p);
		return;
	}
	if (c->args->config.store_url.n || access(path.p, F_OK))
		return; /* nothing is kept yet, or not here */
	if (!store_inspect(folder.p, wrong_row, c, &sound, &e))
		check_say(c, BAD, "database", MEND_DATABASE, "%.*s: %s", FMT(path), e.msg);
	else if (sound)
		check_say(c, FINE, "database", NULL, "%.*s is sound", FMT(path));
}

/* Are the ports free that serve would take? */
static void check_ports(struct check *c)
{
	struct addresses all;
	struct err e = {0};
	if (!addresses_read(c->arena, &c->args->config.server_listen, &all, &e)) {
		check_say(c, BAD, "address", NULL, "%s", e.msg);
		return;
	}
	for (size_t i = 0; i < all.n; i++) {
		struct listen_options o = {.host = all.at[i].host, .port = all.at[i].port};
		bool is_unix;
		int fd = all.at[i].may_lack ? -1 : listen_open(&o, &is_unix, NULL, &e);
		if (fd >= 0)
			close(fd);
		if (fd >= 0 && is_unix)
			listen_forget(o.host);
		if (e.code) {
			check_say(c, BAD, "port", "stop that program, or choose another port: --listen 127.0.0.1:0",
				  "%s", e.msg);
			return;
		}
	}
	check_say(c, FINE, "port", NULL, "free");
}

static void check_managed(struct check *c)
{
	const struct config *g = &c->args->config;
	struct managed_options o = {.dir = g->engine_dir.n ? g->engine_dir : (struct str){0},
				    .model = g->engine_model.n ? g->engine_model : (struct str){0}};
	static const char *const ways = "--engine URL: any server that speaks Chat Completions";
	struct err e = {0};
	if (!cpu_fits(&e))
		check_say(c, BAD, "processor", ways, "%s", e.msg);
	else if (!managed_installed(&o, &e))
		check_say(c, BAD, "engine", "./run (it fetches engine and model); or --engine URL", "%s", e.msg);
	else
		check_say(c, FINE, "engine", NULL, "installed");
}

static void check_tools(struct check *c, struct str dir)
{
	struct tools_options o = tools_options_of(&c->args->config, dir);
	const char *lacks = web_search_lacks(&o);
	if (lacks)
		check_say(c, NOTE, "web search", "docs/web-search.md; until then the tool web_search is refused (400)", "%s", lacks);
	else
		check_say(c, FINE, "web search", NULL, "through %.*s", FMT(o.provider));
}

/* What is no chat and has an engine of its own. */
static void check_abilities(struct check *c)
{
	static const char *const names[] = {
#define ABILITY(NAME, name, help) #name,
#include "engine/abilities.def"
#undef ABILITY
	};
	const struct ability_config *all = config_abilities(&c->args->config, c->arena);
	bool any = false;
	for (size_t i = 0; i < ABILITIES; i++) {
		if (all[i].url.n)
			check_say(c, FINE, names[i], NULL, "by %.*s (%s.engine)", FMT(all[i].url), names[i]);
		any |= all[i].url.n;
	}
	if (!any)
		check_say(c, NOTE, "beside chat", "docs/pass-through.md, docs/images.md; until then they are refused (400, 404)",
			  "no engine for sound, pictures, moderations is named");
}

/* What the server left when it could not fetch it. */
static bool embedder_why(struct check *c, const struct managed_options *o, char *ret, size_t n)
{
	struct str dir = managed_dir(c->arena, o->dir);
	FILE *f = fopen(str_fmt(c->arena, "%.*s/" EMBED_WHY, FMT(dir)).p, "re");
	bool ok = f && fgets(ret, (int)n, f);
	if (f)
		fclose(f);
	ret[ok ? strcspn(ret, "\n") : 0] = 0;
	return ok;
}

static void check_own_embedder(struct check *c)
{
	struct managed_options o = {.dir = c->args->config.engine_dir, .embeds = true};
	struct err why = {0};
	char said[300];
	if (embedder_why(c, &o, said, sizeof said))
		check_say(c, NOTE, "vector stores", "it is tried again at the next need; or: tools/engine-install.sh --embedder",
			  "searched by words alone: %s", said);
	else if (managed_installed(&o, &why))
		check_say(c, FINE, "vector stores", NULL, "searched by words and by meaning (%.*s, %d dimensions)",
			  FMT(embed_host_model), EMBED_HOST_DIMS);
	else
		check_say(c, FINE, "vector stores", NULL,
			  "searched by words and by meaning; the embedder (80 MB) is fetched at the first need");
}

/* What searches of vector stores can do, as things are configured. The settings' limits are not in force here: the defaults
 * do for a trial. */
static void check_embedder(struct check *c)
{
	struct embed_options o;
	struct embed_space space;
	struct err why = {0};
	if (!embed_options_of(&c->args->config, &o, &why)) {
		check_say(c, BAD, "vector stores", "correct index.embedder", "%s", why.msg);
		return;
	}
	if (o.kind == EMBED_MANAGED) {
		check_own_embedder(c);
		return;
	}
	if (o.kind == EMBED_NONE) {
		check_say(c, NOTE, "vector stores", "index.embedder=managed finds by meaning, too",
			  "searched by words alone: there is no embedder");
		return;
	}
	struct embedder *m = embedder_new(&o);
	if (embedder_space(m, &space, &why))
		check_say(c, FINE, "vector stores", NULL, "searched by words and by vectors of %zu dimensions", space.dims);
	else
		check_say(c, NOTE, "vector stores", "until it answers, files wait to be indexed and searches are by words alone",
			  "%s", why.msg);
	embedder_free(m);
}

static void check_sandbox(struct check *c)
{
	struct host_report r;
	if (host_permits(&r))
		check_say(c, FINE, "sandbox", NULL, "bubblewrap, a filter of system calls, never root");
	else
		check_say(c, NOTE, "sandbox", r.cure, "%s; until then PDF, office and HTML files and web pages are refused (400)", r.cause);
}

static void check_programs(struct check *c)
{
	struct err why = {0};
	if (script_refuse(&why))
		check_say(c, FINE, "programs", NULL, "JavaScript in a box, by QuickJS");
	else
		check_say(c, NOTE, "programs", "docs/programs.md; until then programmatic_tool_calling is refused (400)", "%s", why.msg);
}

/* What code of a model's may reach, as far as a request asks for it. */
static void check_network(struct check *c, struct buf *b)
{
	const struct config_list *domains = &c->args->config.egress_domains;
	buf_add(b, domains->n ? S("; network: ") : S("; no network (egress.domains)"));
	for (size_t i = 0; i < domains->n; i++)
		buf_fmt(b, "%s%.*s", i ? ", " : "", FMT(domains->at[i]));
}

/* Whether models can run code here, what it has and what it reaches; with the one line that mends what is missing. */
static void check_code(struct check *c)
{
	static const char what[] = "code, shell";
	char folder[PACKAGES_FOLDER];
	struct buf b;
	struct host_report r;
	if (!host_permits(&r)) {
		check_say(c, NOTE, what, r.cure, "code_interpreter and shell are refused (400): %s", r.cause);
		return;
	}
	packages_folder(c->args->config.session_packages, folder);
	bool own = packages_there(folder);
	if (access("/usr/bin/python3", X_OK)) {
		check_say(c, NOTE, what, "apt install python3", "boxes are possible, but there is no Python: code_interpreter is refused (400)");
		return;
	}
	buf_init(&b, 1 << 16);
	buf_add(&b, S("for code_interpreter and shell boxes are possible; "));
	packages_list(folder, &b);
	check_network(c, &b);
	check_say(c, own ? FINE : NOTE, what, own ? NULL : "antiphon sandbox install brings numpy, pandas, matplotlib and more", "%.*s",
		  FMT(buf_str(&b)));
	buf_release(&b);
}

/* Who can see into a server that runs with these settings. */
static void check_measures(struct check *c)
{
	const struct config *g = &c->args->config;
	if (g->metrics_listen.n)
		check_say(c, FINE, "metrics", NULL, "GET /metrics on %.*s", FMT(g->metrics_listen.at[0]));
	if (g->otel_endpoint.n)
		check_say(c, FINE, "traces", NULL, "to %.*s%s", FMT(g->otel_endpoint), g->otel_content ? ", with texts" : "");
}

static void check_all(struct check *c)
{
	const struct config *g = &c->args->config;
	struct engines_config engines = config_engines(g, c->arena);
	struct str dir;
	struct err e = {0};
	if (!args_data_dir(c->args, &dir, &e)) {
		check_say(c, BAD, "data folder", NULL, "%s", e.msg);
		return;
	}
	bool folder = check_folder(c, dir), running = folder && check_server(c, dir);
	if (folder)
		check_database(c, dir);
	if (!running)
		check_ports(c);
	if (!running && !engines.n)
		check_managed(c);
	check_files(c);
	check_fleets(c, &engines);
	check_tools(c, dir);
	check_abilities(c);
	check_embedder(c);
	check_sandbox(c);
	check_code(c);
	check_measures(c);
	check_programs(c);
}

int check_command(int argc, char **argv)
{
	struct config_list urls = {0};
	const char *purpose = NULL, *model = NULL;
	const struct own_flag own[] = {{"--engine", NULL, NULL, NULL, &urls},
				       {"--for", NULL, &purpose, NULL, NULL},
				       {"--model", "-m", &model, NULL, NULL},
				       {0}};
	struct args args;
	struct err e = {0};
	struct check c = {.args = &args, .arena = &args.config.arena};
	bool ok = args_read(&args, argc, argv, own, &e);
	if (ok && args.help) {
		help_for("check");
	} else if (ok && purpose && (strcmp(purpose, "codex") || !urls.n)) {
		ok = fail(&e, ERR_CONFIG, NULL, "--for takes `codex`, together with --engine URL");
	} else if (ok && urls.n) {
		const char *key = args.config.engine_key.n ? args.config.engine_key.p : NULL;
		for (size_t i = 0; i < urls.n; i++)
			check_engine(&c, &(struct trial_target){urls.at[i], key, model, purpose != NULL});
	} else if (ok) {
		check_all(&c);
	}
	if (!ok)
		complain(&e);
	else if (!args.help)
		printf(c.bad ? "%d to mend\n" : "nothing to mend\n", c.bad);
	args_release(&args);
	return !ok ? 2 : c.bad != 0;
}
