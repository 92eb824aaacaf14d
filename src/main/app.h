/* app.h - the running server: what serve.c wires together and its neighbours (drain, banner) read.
 *
 * Process life; constant once the loops run, except the atomics. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "container/cntr.h"
#include "engine/managed.h"
#include "index/embed_host.h"
#include "index/embedder.h"
#include "index/search.h"
#include "main/admin.h"
#include "main/args.h"
#include "main/address.h"
#include "main/metrics_door.h"
#include "session/session.h"
#include "tools/web_search.h"

struct app;
struct app_loop { /* one thread, one loop, everything that hangs on it */
	struct app *app;
	struct loop *loop;
	struct store_port *store;
	struct engine_port *engine;
	struct api_loop *api;
	struct server *server;
	struct service front; /* hands on to the API, which comes after the listeners */
	struct service *service;
	pthread_t thread;
	/* draining */
	struct post begin_drain;
	struct timer tick;
	int64_t give_up_ms, close_ms; /* 0: not yet; see drain.c */
	bool cancelled, closing;
};

struct app_owners { /* what is the owner's: doors that no client comes in by, limits of keys and projects */
	struct quotas *quotas;
	struct admin *admin;
	struct metrics_door *metrics; /* NULL: none */
};

struct app {
	struct args *args;
	struct arena arena;
	struct str data, base_url; /* absolute; "http://127.0.0.1:8080/v1" */
	struct addresses addresses;
	struct ssl_ctx_st *tls;
	struct store *store;
	struct managed *managed;
	struct str managed_model; /* its name */
	struct engines_config engines_config;
	struct engines *engines;
	struct cntrs *containers;
	struct sessions *sessions; /* what runs in them */
	struct egress *egress;     /* their way out */
	struct embed_host *embed_host; /* NULL: the embedder is not ours */
	struct search *search;         /* vector stores */
	struct tools *tools;
	struct api *api;
	struct app_owners owners;
	struct app_loop *loops;
	size_t n_loops;
	struct signals *signals;
	struct offers *offers;
	atomic_bool draining, hurry; /* hurry: the second signal, no more patience */
};
