/* options.h - what the API is told at its start: its limits, and what it stands on.
 *
 * The strings and lists of the options must outlive the api. */
#pragma once
#include "engine/engine.h"
#include "store/keys.h"
#include "tools/tools.h"

struct cntrs;
struct quotas;
struct search;

struct api_limits {
#define LIMIT(name, def, least, largest, help) int64_t name;
#include "door/limits.def"
#undef LIMIT
};
extern struct api_limits api_limits; /* set before the first api_new(), constant after */

struct api_options {
	struct store *store;
	struct engines *engines;
	struct tools *tools;       /* outlive the api */
	struct search *search;     /* vector stores (index/search.h); outlives the api */
	struct cntrs *containers;  /* container/cntr.h; outlive the api */
	struct quotas *quotas;     /* quota/quota.h; outlive the api. NULL: nobody has limits */
	bool access_log;           /* a line for each request that was answered */
	bool allow_anonymous;      /* without keys, any listener takes any key */
	bool finish_on_disconnect; /* on_disconnect: finish the turn of a client that left (else cancel it) */
	bool resume_background;    /* resume: background: replay of foreground responses is OpenAI's 400 */
	enum on_restart { RESTART_AUTO, RESTART_RETRY, RESTART_FAIL } on_restart; /* background runs cut off by a stop (docs/design/background.md) */
	const struct str *hosts;   /* server.hosts: further Host values allowed without keys; else only this machine's names */
	size_t n_hosts;
	const struct str *cors;    /* server.cors: origins allowed; "*" any; none: CORS off */
	size_t n_cors;
	struct str base_url;       /* "http://127.0.0.1:8080/v1", for texts */
	struct str vision_model;   /* answers where the model asked for takes no images; {0}: none */
	struct str settings;       /* those in force, JSON, for the console */
	struct str default_banner; /* what answers, one line, for GET / */
};
