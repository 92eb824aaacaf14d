/* serve.c - `antiphon serve`: wires the floors together and runs them.
 *
 * One loop per core, loop 0 in the main thread (the engine's child and the admin socket live there). Each
 * loop has its own server, store port and engine port. Opened here in order, closed in the opposite one. */
#include "main/serve.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "session/python.h"

#include "base/log.h"
#include "egress/egress.h"
#include "main/banner.h"
#include "main/commands.h"
#include "main/config_show.h"
#include "main/config_limits.h"
#include "main/drain.h"
#include "main/help.h"
#include "main/master.h"
#include "main/cpu.h"
#include "main/notify.h"
#include "main/paths.h"
#include "fleet/prefix.h"
#include "net/tls.h"
#include "quota/prices.h"
#include "quota/quota.h"
#include "store/blob_move.h"
#include "store/reseal.h"
#include "tape/tape.h"
#include "trace/exporter.h"
#include "webhooks/delivery.h"

/* The small default model needs a word of guidance and a short leash. */
#define SMALL_MODEL_SYSTEM "You are a helpful assistant. Answer the question directly and briefly."
enum { SMALL_MODEL_TOKENS = 1024 };

static bool uses_managed(const struct config *c)
{
	return !c->n_engines && !c->engine_url.n;
}

static struct managed_options managed_options(const struct config *c)
{
	return (struct managed_options){
	    .dir = c->engine_dir.n ? c->engine_dir : (struct str){0},
	    .model = c->engine_model.n ? c->engine_model : (struct str){0},
	    .template = c->engine_template.n ? c->engine_template : (struct str){0},
	    .context = c->engine_context,
	    .slots = c->engine_slots,
	};
}

/* The engine would only say "failed to init", again and again. */
static bool is_gguf(struct str path, struct err *why)
{
	char magic[4] = "";
	FILE *f = fopen(path.p, "re");
	if (!f)
		return fail(why, ERR_CONFIG, NULL, "%.*s cannot be read: %s", FMT(path), strerror(errno));
	size_t n = fread(magic, 1, sizeof magic, f);
	fclose(f);
	if (n != sizeof magic || memcmp(magic, "GGUF", sizeof magic) != 0)
		return fail(why, ERR_CONFIG, NULL, "%.*s is not a GGUF file", FMT(path));
	return true;
}

/* Everything that can be said before anything is opened. */
static bool engine_possible(const struct config *c, struct err *e)
{
	static const char *const ways = "Other ways: --engine URL for any server that speaks Chat Completions "
					"(llama-server, vLLM, Ollama, a cloud API)";
	struct managed_options o = managed_options(c);
	struct err why = {0};
	if (!uses_managed(c))
		return true;
	if (!cpu_fits(&why))
		return fail(e, ERR_CONFIG, NULL, "%s\n%s.", why.msg, ways);
	if (o.model.n && !is_gguf(o.model, &why))
		return fail(e, ERR_CONFIG, NULL, "--model: %s", why.msg);
	if (managed_installed(&o, &why))
		return true;
	struct arena a = {0};
	struct str script = managed_script(&a, o.dir, "engine-install.sh");
	fail(e, ERR_CONFIG, NULL,
	     "no engine is installed: %s\nTo mend it, run: ./run (in the source folder; it fetches engine and model), or %.*s\n"
	     "%s, or --model FILE.gguf once the engine is there.",
	     why.msg, FMT(script), ways);
	arena_free(&a);
	return false;
}

static bool start_seal(struct app *app, struct err *e)
{
	struct seal_options o = master_options(&app->args->config, app->data, &app->arena);
	bool ok = seal_start(app->store, &o, e) && reseal_start(app->store, e);
	unsetenv("ANTIPHON_MASTER_SECRET"); /* nothing that we start has a use for it */
	return ok;
}

static bool open_store(struct app *app, struct err *e)
{
	const struct config *c = &app->args->config;
	struct store_options o = {.dir = app->data,
				  .url = c->store_url.n ? c->store_url : (struct str){0},
				  .node = c->store_node < 0 ? NULL : &c->store_node,
				  .address = c->store_node_address,
				  .sync_normal = str_eq(c->store_sync, S("normal"))};
	const char *fixed = getenv("ANTIPHON_API_KEY");
	if (!folder_make(app->data, e) || !store_open(&o, &app->store, e) || !blobs_all_moved(app->store, e) ||
	    !start_seal(app, e))
		return false;
	if (blob_options.where == BLOBS_S3) /* nor for this */
		unsetenv("AWS_SECRET_ACCESS_KEY");
	if (fixed && *fixed)
		key_add_fixed(app->store, str_of(fixed));
	if (app->addresses.loopback || c->server_allow_anonymous || key_any(app->store))
		return true;
	return fail(e, ERR_CONFIG, NULL,
		    "listening beyond this machine needs an API key, and none has been made.\n"
		    "Make one: antiphon keys create NAME --data %.*s\n"
		    "or, where everybody who can connect may use the engine: --allow-anonymous",
		    FMT(app->data));
}

static bool open_engines(struct app *app, struct err *e)
{
	const struct config *c = &app->args->config;
	uint8_t key[32];
	store_secret(app->store, "prefix", key);
	prefix_key_set(key);
	app->engines_config = config_engines(c, &app->arena);
	if (uses_managed(c)) {
		struct managed_options o = managed_options(c);
		struct engine_config *own = new (&app->arena, struct engine_config);
		*own = (struct engine_config){.name = S("managed"), .managed = true, .temperature = -1};
		if (!o.model.p) {
			own->system = S(SMALL_MODEL_SYSTEM);
			own->temperature = 0;
			own->max_tokens = SMALL_MODEL_TOKENS;
		}
		if (!managed_start(app->loops[0].loop, &o, &app->managed, &own->url, &app->managed_model, e))
			return false;
		own->default_model = app->managed_model; /* known before the engine can be asked */
		app->engines_config.engines = own;
		app->engines_config.n = 1;
	}
	return engines_open(&app->engines_config, &app->engines, e) &&
	       abilities_open(app->engines, config_abilities(c, &app->arena), e);
}

struct tools_options tools_options_of(const struct config *c, struct str data)
{
	struct tools_options o = {.dir = c->web_search_cache_bytes ? data : (struct str){0},
				  .provider = c->web_search_provider,
				  .url = c->web_search_url};
	const char *key = web_search_key_env(o.provider);
	if (c->web_search_key_env.n)
		key = c->web_search_key_env.p;
	if (key && getenv(key))
		o.key = str_of(getenv(key));
	return o;
}

bool embed_options_of(const struct config *c, struct embed_options *ret, struct err *e)
{
	struct str who = c->index_embedder;
	const char *key = c->index_embedder_key_env.n ? getenv(c->index_embedder_key_env.p) : NULL;
	*ret = (struct embed_options){.kind = EMBED_URL, .url = who, .model = c->index_embedder_model, .key = str_of(key)};
	if (str_eq(who, S("none")))
		ret->kind = EMBED_NONE;
	else if (str_eq(who, S("managed")))
		ret->kind = EMBED_MANAGED;
	return ret->kind != EMBED_URL || str_starts(who, S("http://")) || str_starts(who, S("https://")) ||
	       str_starts(who, S("unix:")) ||
	       fail(e, ERR_CONFIG, NULL, "index.embedder: '%.*s' is none of: managed, none, http://..., https://..., unix:PATH",
		    FMT(who));
}

static bool open_search(struct app *app, struct err *e)
{
	struct embed_options o;
	if (!embed_options_of(&app->args->config, &o, e))
		return false;
	if (o.kind == EMBED_MANAGED)
		o.host = app->embed_host = embed_host_new(app->loops[0].loop, app->args->config.engine_dir);
	return search_new(app->store, app->data, &o, &app->search, e);
}

static void end_session(void *ctx, int64_t key)
{
	session_end(ctx, key);
}

static bool open_containers(struct app *app, struct err *e)
{
	const struct session_options o = {.python = app->args->config.session_packages};
	app->egress = egress_new(str_fmt(&app->arena, "%.*s/boxes", FMT(app->data)));
	if (!cntrs_new(app->store, app->egress, app->data, &app->containers, e))
		return false;
	app->sessions = sessions_open(&o);
	cntrs_on_end(app->containers, end_session, app->sessions);
	return true;
}

static bool open_tools(struct app *app, struct err *e)
{
	struct str replay = app->args->config.api_replay;
	struct tape *tape = NULL;
	if (replay.n && !tape_open(str_copy(&app->arena, replay).p, &tape, e))
		return false;
	struct tools_options o = tools_options_of(&app->args->config, app->data);
	o.search = app->search;
	o.containers = app->containers;
	o.sessions = app->sessions;
	o.store = app->store;
	o.engines = app->engines;
	o.tape = tape;
	app->tools = tools_new(&o);
	return true;
}

static bool open_quotas(struct app *app, struct err *e)
{
	const struct config *c = &app->args->config;
	struct quota_options o = {.store = app->store, .waiting = api_limits.webhook_waiting};
	return prices_set(c->prices_models.at, c->prices_models.n, e) && quotas_open(&o, &app->owners.quotas, e);
}

static void on_budget_warned(void *api)
{
	outbox_wake(api);
}

static void open_api(struct app *app)
{
	const struct config *c = &app->args->config;
	struct api_options o = {
	    .store = app->store,
	    .engines = app->engines,
	    .tools = app->tools,
	    .search = app->search,
	    .containers = app->containers,
	    .quotas = app->owners.quotas,
	    .access_log = c->server_access_log,
	    .allow_anonymous = c->server_allow_anonymous,
	    .finish_on_disconnect = str_eq(c->api_on_disconnect, S("finish")),
	    .resume_background = str_eq(c->api_resume, S("background")),
	    .on_restart = str_eq(c->api_on_restart, S("retry"))  ? RESTART_RETRY
			  : str_eq(c->api_on_restart, S("fail")) ? RESTART_FAIL
								 : RESTART_AUTO,
	    .hosts = c->server_hosts.at,
	    .n_hosts = c->server_hosts.n,
	    .cors = c->server_cors.at,
	    .n_cors = c->server_cors.n,
	    .base_url = app->base_url,
	    .vision_model = c->engine_vision_model,
	    .settings = config_show(&app->args->config, &app->arena),
	    .default_banner = banner_line(app, &app->arena),
	};
	app->api = api_new(&o);
	quotas_listen(app->owners.quotas, on_budget_warned, app->api);
	for (size_t i = 0; i < app->n_loops; i++) {
		struct app_loop *l = &app->loops[i];
		l->store = store_attach(app->store, l->loop);
		l->engine = engine_attach(app->engines, l->loop);
		l->api = api_attach(app->api, l->loop, l->store, l->engine);
		l->service = api_service(l->api);
	}
	engines_watch(app->loops[0].engine);
}

/* Listening comes first: a taken port is told before an engine starts, and with port 0 the base URL is known
 * when the API is made. No request is handled before the loops run, so `service` is set by then. */
static bool front_head(struct service *s, struct exchange *x, struct err *e)
{
	struct service *api = OWNER(s, struct app_loop, front)->service;
	return api->head(api, x, e);
}

static void front_handle(struct service *s, struct exchange *x)
{
	struct service *api = OWNER(s, struct app_loop, front)->service;
	api->handle(api, x);
}

static void front_refuse(struct service *s, struct exchange *x, const struct err *e)
{
	struct service *api = OWNER(s, struct app_loop, front)->service;
	api->refuse(api, x, e);
}

static void front_ended(struct service *s, struct exchange *x, int status)
{
	struct service *api = OWNER(s, struct app_loop, front)->service;
	if (api)
		api->ended(api, x, status);
}

static struct str front_failure(struct service *s, struct exchange *x, const struct err *e)
{
	struct service *api = OWNER(s, struct app_loop, front)->service;
	return api->failure(api, x, e);
}

static bool open_loops(struct app *app, struct err *e)
{
	cpu_set_t cores;
	int64_t n = app->args->config.server_loops;
	if (!n)
		n = sched_getaffinity(0, sizeof cores, &cores) ? 1 : CPU_COUNT(&cores);
	app->loops = new_array(&app->arena, struct app_loop, (size_t)n);
	for (; app->n_loops < (size_t)n; app->n_loops++) {
		struct app_loop *l = &app->loops[app->n_loops];
		l->app = app;
		l->front = (struct service){front_head, front_handle, front_refuse, front_failure, front_ended};
		if (!loop_open(&l->loop, e))
			return false;
		l->server = server_new(l->loop, &l->front);
	}
	return true;
}

static bool listen_one(struct app *app, struct address *at, struct err *e)
{
	struct listen_options o = {.host = at->host, .port = at->port, .tls = app->tls};
	for (size_t i = 0; i < app->n_loops; i++) {
		o.share = i > 0;
		if (!server_listen(app->loops[i].server, &o, &at->port, e))
			return false;
		o.port = at->port;
		if (str_starts(at->host, S("unix:")))
			break; /* a unix socket has one listener */
	}
	return true;
}

static bool has_ipv6(void)
{
	FILE *f = fopen("/proc/net/if_inet6", "re");
	bool any = f && fgetc(f) != EOF;
	if (f)
		fclose(f);
	return any;
}

static bool open_listeners(struct app *app, struct err *e)
{
	struct addresses *all = &app->addresses;
	struct addresses bound = {new_array(&app->arena, struct address, all->n), 0, all->loopback};
	for (size_t i = 0; i < all->n; i++) {
		if (all->at[i].may_lack && !has_ipv6())
			continue;
		if (!listen_one(app, &all->at[i], e))
			return false;
		bound.at[bound.n++] = all->at[i];
	}
	*all = bound;
	return true;
}

static bool open_admin(struct app *app, struct err *e)
{
	struct tools_options tools = tools_options_of(&app->args->config, app->data);
	struct admin_options o = {.loop = app->loops[0].loop,
				  .api = api_service(app->loops[0].api),
				  .sign_ins = api_sign_ins(app->api),
				  .store = app->store, .quotas = app->owners.quotas,
				  .engines = app->engines,
				  .erase = {app->store, app->search, app->containers},
				  .base_url = app->base_url,
				  .data = app->data,
				  .version = S(ANTIPHON_VERSION),
				  .searches = !web_search_lacks(&tools)};
	return socket_path(&app->arena, app->data, &o.socket, e) && admin_open(&o, &app->owners.admin, e);
}

static bool open_traces(const struct config *c, struct err *e)
{
	struct exporter_options o = {.endpoint = c->otel_endpoint, .headers = c->otel_headers.at, .n_headers = c->otel_headers.n,
				     .service = c->otel_service, .content = c->otel_content};
	return exporter_open(&o, e);
}

static bool open_metrics(struct app *app, struct err *e)
{
	struct addresses at;
	const struct config_list *listen = &app->args->config.metrics_listen;
	return !listen->n || (addresses_read(&app->arena, listen, &at, e) &&
			      metrics_door_open(app->loops[0].loop, &at, app->api, &app->owners.metrics, e));
}

static bool app_open(struct app *app, struct err *e)
{
	struct config *c = &app->args->config;
	struct str dir;
	if (!args_data_dir(app->args, &dir, e) || !engine_possible(c, e) ||
	    !addresses_read(&app->arena, &c->server_listen, &app->addresses, e))
		return false;
	app->data = path_absolute(&app->arena, dir);
	if (c->server_tls_cert.n && !tls_serve_open(c->server_tls_cert, c->server_tls_key, &app->tls, e))
		return false;
	if (!open_loops(app, e) || !open_listeners(app, e))
		return false;
	struct str url = address_url(&app->arena, &app->addresses.at[0], app->tls != NULL);
	app->base_url = str_fmt(&app->arena, "%.*s/v1", FMT(url));
	if (!open_store(app, e) || !open_engines(app, e))
		return false;
	if (!open_search(app, e) || !open_containers(app, e))
		return false;
	if (!open_traces(c, e))
		return false;
	if (!open_tools(app, e) || !open_quotas(app, e))
		return false;
	open_api(app);
	return open_admin(app, e) && open_metrics(app, e);
}

/* The loop has ended: what hangs on it goes, in its own thread. */
static void loop_ended(struct app_loop *l)
{
	server_free(l->server);
	if (l->api)
		api_detach(l->api);
	if (l->engine)
		engine_detach(l->engine);
	if (l->store)
		store_detach(l->store);
}

static void *loop_thread(void *arg)
{
	struct app_loop *l = arg;
	loop_run(l->loop);
	loop_ended(l);
	loop_close(l->loop);
	return NULL;
}

static void app_close(struct app *app)
{
	metrics_door_free(app->owners.metrics);
	if (app->owners.admin)
		admin_free(app->owners.admin);
	if (app->n_loops)
		loop_ended(&app->loops[0]);
	embed_host_stop(app->embed_host);
	managed_stop(app->managed);
	if (app->n_loops)
		loop_close(app->loops[0].loop);
	signals_close(app);
	exporter_close();
	if (app->owners.quotas)
		quotas_listen(app->owners.quotas, NULL, NULL);
	api_free(app->api);
	quotas_close(app->owners.quotas);
	tools_free(app->tools);
	engines_close(app->engines);
	cntrs_free(app->containers);
	sessions_close(app->sessions);
	egress_free(app->egress);
	search_free(app->search);
	embed_host_free(app->embed_host);
	if (app->store) {
		reseal_stop(app->store);
		store_close(app->store);
	}
	if (app->tls)
		tls_serve_close(app->tls);
	arena_free(&app->arena);
}

static void app_run(struct app *app)
{
	signals_watch(app);
	printf("listening on %.*s\n", (int)(app->base_url.n - 3), app->base_url.p);
	fflush(stdout);
	notify_manager(S("READY=1"));
	banner_print(app);
	offers_start(app);
	for (size_t i = 1; i < app->n_loops; i++)
		pthread_create(&app->loops[i].thread, NULL, loop_thread, &app->loops[i]);
	loop_run(app->loops[0].loop);
	for (size_t i = 1; i < app->n_loops; i++)
		pthread_join(app->loops[i].thread, NULL);
	offers_stop(app);
	log_at(LOG_INFO, "stopped", "%s", "");
}

/* Every connection is a descriptor: take all that we may. */
static void raise_descriptors(void)
{
	struct rlimit r;
	if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void setup_log(const struct config *c)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	enum log_level level = LOG_INFO;
	for (int i = 0; i < 4; i++)
		if (str_eq(c->server_log_level, str_of(names[i])))
			level = (enum log_level)i;
	log_setup(level, str_eq(c->server_log_format, S("json")));
}

int serve_command(int argc, char **argv)
{
	struct args args;
	struct err e = {0};
	struct app app = {.args = &args};
	bool ok = args_read(&args, argc, argv, NULL, &e);
	if (ok && args.help) {
		args_release(&args);
		return help_for("serve");
	}
	if (ok && args.n_words)
		ok = fail(&e, ERR_CONFIG, NULL, "serve takes flags only, not '%s'", args.words[0]);
	if (ok) {
		setup_log(&args.config);
		raise_descriptors();
		ok = config_apply_limits(&args.config, &e) && app_open(&app, &e);
	}
	if (ok)
		app_run(&app);
	else
		complain(&e);
	for (size_t i = 1; !ok && i < app.n_loops; i++) { /* no thread has run them */
		loop_ended(&app.loops[i]);
		loop_close(app.loops[i].loop);
	}
	app_close(&app);
	args_release(&args);
	return ok ? 0 : 1;
}
