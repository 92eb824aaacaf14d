/* api.h - the API: routes, auth, turns.
 *
 * One `struct api` per process, one `struct api_loop` per loop. The options' strings and lists must outlive
 * the api. All functions but api_running() and api_drain(): the loop's own thread. */
#pragma once
#include "door/options.h"
#include "net/server.h"

struct api;
struct api_loop;
struct sign_ins;
struct store_port;

struct api *api_new(const struct api_options *o);
void api_free(struct api *a);
struct api_loop *api_attach(struct api *a, struct loop *l, struct store_port *sp, struct engine_port *ep);
/* Before the loop ends: what blocks for it is waited for. */
void api_detach(struct api_loop *al);
/* Give it to server_new(). */
struct service *api_service(struct api_loop *al);
/* From now on new work is 503 with Retry-After; running turns go on. Any thread. */
void api_drain(struct api *a);
/* Who has signed in to the console (door/sign_in.h). Any thread. */
struct sign_ins *api_sign_ins(struct api *a);
/* Turns that run. Any thread. */
size_t api_running(struct api *a);
/* Cancels every turn of this loop (the drain time is over); what was made is saved. */
void api_cancel_all(struct api_loop *al);
