/* admin.c - the door for the machine's owner: a 0600 unix socket in the data folder. */
#include "main/admin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "door/answer.h"
#include "door/key_write.h"
#include "door/limits_write.h"
#include "door/sign_in.h"
#include "engine/engine_list.h"
#include "main/erase_door.h"
#include "main/nodes_door.h"
#include "main/owner_job.h"
#include "store/reseal.h"
#include "wire/json.h"

enum { ANSWER_MAX = 16 << 20 };

struct admin {
	struct service service; /* first: what net/ knows */
	struct admin_options o;
	struct server *server;
	struct erase_door *erase;
	struct workers *workers; /* writing keys waits for the disk */
};

enum admin_verb { KEY_CREATE, KEY_LIST, KEY_REVOKE, LIMITS_LIST, LIMITS_CHANGE, NODES_LIST, NODES_CHANGE, SEALING_SHOW, SEALING_ROTATE };

/* One request about keys on its way through a worker. */
struct key_job {
	struct owner_job owner;
	struct store *store;
	struct quotas *quotas;
	yyjson_val *body; /* of LIMITS_CHANGE, NODES_CHANGE; else NULL */
	enum admin_verb verb;
	char name[128], project[128], id[ID_MAX];
	bool admin;
};

static void put_each(void *ctx, const struct key_info *k)
{
	key_write(ctx, k, NULL);
}

static void put_sealing(struct jout *o, struct store *s)
{
	struct reseal_state state = reseal_state(s);
	jo_obj(o);
	jo_kbool(o, "encrypts", state.encrypts);
	jo_kint(o, "key", state.key);
	jo_kbool(o, "busy", state.busy);
	jo_kint(o, "step", state.step);
	jo_kint(o, "steps", state.steps);
	jo_kint(o, "rewritten", state.rows);
	jo_kint(o, "failed", state.failed);
	jo_obj_end(o);
}

static void run_job(struct job *job)
{
	struct key_job *j = OWNER(job, struct key_job, owner.job);
	struct err *e = &j->owner.err;
	struct jout o = {&j->owner.out, false};
	struct key_info info = {0};
	char secret[KEY_TEXT];
	bool ok = false;
	switch (j->verb) {
	case KEY_CREATE:
		ok = key_create(j->store, &(struct key_making){str_of(j->name), str_of(j->project), j->admin}, secret, &info, e);
		if (ok)
			key_write(&o, &info, secret);
		break;
	case KEY_LIST:
		jo_obj(&o);
		jo_key(&o, S("data"));
		jo_arr(&o);
		ok = key_list(j->store, put_each, &o, e);
		jo_arr_end(&o);
		jo_obj_end(&o);
		break;
	case KEY_REVOKE:
		ok = key_revoke(j->store, str_of(j->id), e);
		jo_obj(&o);
		jo_kstr(&o, "id", str_of(j->id));
		jo_kbool(&o, "revoked", true);
		jo_obj_end(&o);
		break;
	case LIMITS_CHANGE:
	case LIMITS_LIST:
		ok = (j->verb == LIMITS_LIST || limits_change(j->store, j->quotas, j->body, e)) &&
		     limits_write(j->store, &o, e);
		break;
	case SEALING_SHOW:
	case SEALING_ROTATE:
		ok = j->verb == SEALING_SHOW || reseal_rotate(j->store, e);
		put_sealing(&o, j->store);
		break;
	case NODES_CHANGE:
	case NODES_LIST:
		ok = nodes_answer(j->store, j->body, &o, e);
		break;
	}
	if (!ok && e->code == ERR_NONE)
		fail(e, ERR_INTERNAL, NULL, "the store gave no reason");
}

static bool text_member(yyjson_val *body, const char *name, char out[128], struct err *e)
{
	struct str s = json_str(json_get(body, str_of(name)));
	if (s.n >= 128 || memchr(s.p ? s.p : "", 0, s.n))
		return fail(e, ERR_INVALID_VALUE, name, "'%s' is longer than 127 bytes", name);
	memcpy(out, s.p ? s.p : "", s.n);
	out[s.n] = 0;
	return true;
}

static void admin_start_job(struct admin *a, struct exchange *x, enum admin_verb verb, struct str id)
{
	const struct exchange_request *q = exchange_request(x);
	struct key_job *j = xalloc(sizeof *j);
	struct err *e = &j->owner.err;
	yyjson_val *body = NULL;
	*j = (struct key_job){.store = a->o.store, .quotas = a->o.quotas, .verb = verb};
	owner_job_init(&j->owner, x, ANSWER_MAX, run_job);
	snprintf(j->id, sizeof j->id, "%.*s", FMT(id));
	if (verb == KEY_CREATE && json_parse(exchange_arena(x), q->body, &body, e) && text_member(body, "name", j->name, e) &&
	    text_member(body, "project", j->project, e))
		j->admin = yyjson_is_true(json_get(body, S("admin")));
	if (verb == LIMITS_CHANGE || verb == NODES_CHANGE)
		json_parse(&j->owner.arena, str_copy(&j->owner.arena, q->body), &j->body, e);
	owner_job_start(&j->owner, a->workers, a->o.loop, "too many key requests wait");
}

static void put_models(struct admin *a, struct arena *arena, struct jout *o)
{
	struct engine_model *all;
	size_t n = engine_models(a->o.engines, arena, &all);
	jo_key(o, S("models"));
	jo_arr(o);
	for (size_t i = 0; i < n; i++) {
		jo_obj(o);
		jo_kstr(o, "name", all[i].name);
		jo_kstr(o, "engine", all[i].engine);
		jo_kint(o, "context", all[i].context);
		jo_obj_end(o);
	}
	jo_arr_end(o);
}

static void answer_info(struct admin *a, struct exchange *x)
{
	struct buf b;
	struct jout o = {&b, false};
	struct err why = {0};
	bool ready = store_healthy(a->o.store, &why) && engines_ready(a->o.engines, &why);
	buf_init(&b, ANSWER_MAX);
	jo_obj(&o);
	jo_kstr(&o, "version", a->o.version);
	jo_kint(&o, "pid", getpid());
	jo_kstr(&o, "base_url", a->o.base_url);
	jo_kstr(&o, "data", a->o.data);
	jo_kbool(&o, "keys", key_any(a->o.store));
	jo_kbool(&o, "web_search", a->o.searches);
	jo_kbool(&o, "ready", ready);
	jo_kstr(&o, "why", str_of(why.msg));
	put_models(a, exchange_arena(x), &o);
	jo_obj_end(&o);
	exchange_send(x, 200, S("application/json"), buf_str(&b));
	buf_release(&b);
}

static void answer_link(struct admin *a, struct exchange *x)
{
	struct str base = a->o.base_url;
	char secret[SIGN_IN_TEXT];
	struct buf b;
	struct jout o = {&b, false};
	if (base.n > 3)
		base.n -= 3; /* "/v1" */
	sign_in_link(a->o.sign_ins, secret);
	buf_init(&b, ANSWER_MAX);
	jo_obj(&o);
	jo_kstr(&o, "url", str_fmt(exchange_arena(x), "%.*s/console/index.html#sign-in=%s", FMT(base), secret));
	jo_obj_end(&o);
	exchange_send(x, 200, S("application/json"), buf_str(&b));
	buf_release(&b);
}

static void answer_engines(struct admin *a, struct exchange *x, bool post)
{
	struct arena *arena = exchange_arena(x);
	struct err e = {0};
	yyjson_val *body = NULL;
	struct buf b;
	struct jout o = {&b, false};
	if (post && (!json_parse(arena, exchange_request(x)->body, &body, &e) ||
		     !engine_drain(a->o.engines, json_str(json_get(body, S("name"))), yyjson_is_true(json_get(body, S("drain"))), &e))) {
		answer_error(x, &e);
		return;
	}
	buf_init(&b, ANSWER_MAX);
	engine_list_write(a->o.engines, arena, &o);
	jo_obj_end(&o);
	exchange_send(x, 200, S("application/json"), buf_str(&b));
	buf_release(&b);
}

static bool is_admin(const struct exchange *x)
{
	struct str path = exchange_request(x)->path;
	return str_eq(path, S("/admin")) || str_starts(path, S("/admin/"));
}

static bool admin_on_head(struct service *s, struct exchange *x, struct err *e)
{
	struct admin *a = OWNER(s, struct admin, service);
	return is_admin(x) || a->o.api->head(a->o.api, x, e);
}

static void admin_on_handle(struct service *s, struct exchange *x)
{
	struct admin *a = OWNER(s, struct admin, service);
	const struct exchange_request *q = exchange_request(x);
	bool post = q->method == METHOD_POST;
	struct str rest = q->path, id;
	if (!is_admin(x)) {
		a->o.api->handle(a->o.api, x);
	} else if (!post && str_eq(q->path, S("/admin/info"))) {
		answer_info(a, x);
	} else if (post && str_eq(q->path, S("/admin/console"))) {
		answer_link(a, x);
	} else if (str_eq(q->path, S("/admin/engines"))) {
		answer_engines(a, x, post);
	} else if (post && str_eq(q->path, S("/admin/erase"))) {
		erase_door_take(a->erase, x);
	} else if (str_eq(q->path, S("/admin/keys"))) {
		admin_start_job(a, x, post ? KEY_CREATE : KEY_LIST, S(""));
	} else if (str_eq(q->path, S("/admin/limits"))) {
		admin_start_job(a, x, post ? LIMITS_CHANGE : LIMITS_LIST, S(""));
	} else if (str_eq(q->path, S("/admin/sealing"))) {
		admin_start_job(a, x, post ? SEALING_ROTATE : SEALING_SHOW, S(""));
	} else if (str_eq(q->path, S("/admin/nodes"))) {
		admin_start_job(a, x, post ? NODES_CHANGE : NODES_LIST, S(""));
	} else {
		str_cut(&rest, '/');
		str_cut(&rest, '/');
		str_cut(&rest, '/');
		id = str_cut(&rest, '/');
		if (post && str_starts(q->path, S("/admin/keys/")) && str_eq(rest, S("revoke"))) {
			admin_start_job(a, x, KEY_REVOKE, id);
			return;
		}
		struct err e = {0};
		fail(&e, ERR_NOT_FOUND, NULL, "no such admin route: %.*s", FMT(q->path));
		answer_error(x, &e);
	}
}

static void admin_on_refuse(struct service *s, struct exchange *x, const struct err *e)
{
	struct admin *a = OWNER(s, struct admin, service);
	a->o.api->refuse(a->o.api, x, e);
}

static void admin_on_ended(struct service *s, struct exchange *x, int status)
{
	struct admin *a = OWNER(s, struct admin, service);
	if (!is_admin(x))
		a->o.api->ended(a->o.api, x, status);
}

bool admin_open(const struct admin_options *o, struct admin **ret, struct err *e)
{
	struct admin *a = xalloc(sizeof *a);
	char host[160];
	*a = (struct admin){.service = {admin_on_head, admin_on_handle, admin_on_refuse, NULL, admin_on_ended}, .o = *o};
	snprintf(host, sizeof host, "unix:%.*s", FMT(o->socket));
	struct listen_options where = {.host = str_of(host), .owner = true};
	/* The store's lock says that no other server lives here, so what is there is stale. */
	unlink(host + 5);
	a->server = server_new(o->loop, &a->service);
	if (!server_listen(a->server, &where, NULL, e)) {
		server_free(a->server);
		xfree(a);
		return false;
	}
	a->workers = workers_new("admin", 1, 64);
	a->erase = erase_door_new(o->loop, &o->erase, engines_sent(o->engines));
	*ret = a;
	return true;
}

size_t admin_busy(const struct admin *a)
{
	return server_busy(a->server);
}

void admin_drain(struct admin *a)
{
	server_drain(a->server);
}

void admin_free(struct admin *a)
{
	if (!a)
		return;
	char path[160];
	snprintf(path, sizeof path, "%.*s", FMT(a->o.socket));
	server_free(a->server);
	workers_free(a->workers);
	erase_door_free(a->erase);
	unlink(path);
	xfree(a);
}
