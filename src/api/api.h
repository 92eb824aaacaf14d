/* api.h - the API: routes, auth, turns.
 *
 * One `struct api` per process, one `struct api_loop` per loop. The options' strings and lists must outlive
 * the api. All functions but api_running() and api_drain(): the loop's own thread. */
#pragma once
#include "engine/engine.h"
#include "net/server.h"
#include "store/keys.h"
#include "tools/tools.h"

struct api;
struct api_loop;

struct api_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "api/limits.def"
#undef LIMIT
};
extern struct api_limits api_limits; /* set before the first api_new(), constant after */

struct api_options {
	struct store *store;
	struct engines *engines;
	struct tools *tools;       /* outlive the api */
	bool allow_anonymous;      /* without keys, any listener takes any key */
	bool finish_on_disconnect; /* on_disconnect: finish (else cancel), decision M4 */
	bool resume_background;    /* resume: background: replay of foreground responses is OpenAI's 400 (D3) */
	enum on_restart { RESTART_AUTO, RESTART_RETRY, RESTART_FAIL } on_restart; /* background runs cut off by a stop (G2) */
	const struct str *hosts;   /* server.hosts: further Host values allowed without keys (E2) */
	size_t n_hosts;
	const struct str *cors;    /* server.cors: origins allowed; "*" any; none: CORS off */
	size_t n_cors;
	struct str base_url;       /* "http://127.0.0.1:8080/v1", for texts */
	struct str vision_model;   /* answers where the model asked for takes no images; {0}: none */
	struct str default_banner; /* what answers, one line, for GET / */
};
struct api *api_new(const struct api_options *o);
void api_free(struct api *a);
struct api_loop *api_attach(struct api *a, struct loop *l, struct store_port *sp, struct engine_port *ep);
/* Before the loop ends: what blocks for it is waited for. */
void api_detach(struct api_loop *al);
/* Give it to server_new(). */
struct service *api_service(struct api_loop *al);
/* From now on new work is 503 with Retry-After; running turns go on. Any thread. */
void api_drain(struct api *a);
/* Turns that run. Any thread. */
size_t api_running(struct api *a);
/* Cancels every turn of this loop (the drain time is over); what was made is saved. */
void api_cancel_all(struct api_loop *al);
