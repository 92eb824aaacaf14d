/* admin.h - the door for the machine's owner: a 0600 unix socket in the data folder.
 *
 * A second service on loop 0: /admin/... is answered here, everything else by the API. While a server
 * runs, `keys`, `check` and `ask` come in through it. Loop 0's thread.
 *
 *   GET  /admin/info              what runs: version, pid, base_url, data, keys, ready, why, models
 *   POST /admin/keys              {"name","project","admin"} -> the key and its secret, shown once
 *   GET  /admin/keys              {"data":[...]}
 *   POST /admin/keys/{id}/revoke  {"id"}
 *   GET  /admin/limits            {"data":[...]}: what keys and projects may use (door/limits_write.h)
 *   POST /admin/limits            {"key" or "project","limits":{NAME:VALUE}}; the same
 *   GET  /admin/engines           {"engines":[...]} (engine/engine_list.h)
 *   POST /admin/engines           {"name","drain"}: it gets no new calls, or gets them again; the same
 *   POST /admin/erase              see erase_door.h
 *   POST /admin/console           {"url"}: signs in to the console, once */
#pragma once
#include "engine/engine.h"
#include "erase/erase.h"
#include "net/server.h"
#include "store/keys.h"

struct admin;
struct sign_ins;
struct admin_options { /* strings outlive the admin */
	struct sign_ins *sign_ins;
	struct loop *loop;
	struct service *api; /* of the same loop */
	struct store *store;
	struct quotas *quotas;
	struct engines *engines;
	struct str socket; /* path */
	struct str base_url, data, version;
	struct erase erase;
	bool searches; /* a provider of web searches is configured */
};
bool admin_open(const struct admin_options *o, struct admin **ret, struct err *e);
/* Connections and exchanges that are open. */
size_t admin_busy(const struct admin *a);
/* Stops accepting. */
void admin_drain(struct admin *a);
/* Closes at once; the socket file goes. Jobs that run are waited for. The loop runs no more. */
void admin_free(struct admin *a);
